import re

import numpy as np
import pytest

from wsss.report import plots


def test_curve_marks_both_thresholds(curve) -> None:
    svg = plots.threshold_curve(curve, "seed")
    assert "best threshold 0.1" in svg
    assert "threshold from labels 0.2" in svg


def test_curve_without_masks(curve) -> None:
    svg = plots.threshold_curve(curve.model_copy(update={"miou": None, "oracle": None}), "seed")
    assert "mIoU" not in svg
    assert "threshold from labels 0.2" in svg


def test_chart_takes_its_colours_from_the_page(curve) -> None:
    svg = plots.threshold_curve(curve, "seed")
    assert "var(--series-1)" in svg
    assert not any(colour in svg for colour in ("#0102", "#0203", "<metadata", "<?xml"))


def test_chart_is_deterministic(curve) -> None:
    assert plots.threshold_curve(curve, "seed") == plots.threshold_curve(curve, "seed")


def test_lines_of_a_series_share_their_style() -> None:
    lines = [plots.Line(series, [0, 1], [1.0, 0.5]) for series in (0, 0, 1)]
    svg = plots.chart(lines, "it", "loss")
    strokes = re.findall(r"stroke: (var\(--series-\d\))", svg)
    assert strokes == ["var(--series-1)"] * 2 + ["var(--series-2)"]


def test_styles_of_sixteen_series_differ() -> None:
    assert len({plots.series_style(place) for place in range(16)}) == 16


def test_values_below_zero_stay_on_the_axis() -> None:
    assert "\N{MINUS SIGN}0.2" in plots.chart([plots.Line(0, [0, 1], [0.1, -0.2])], "it", "loss")


def test_titles_are_escaped_and_ids_are_unique() -> None:
    one, other = (plots.chart([plots.Line(0, [0, 1], [1, 2])], t, "loss") for t in ('a"<', "b"))
    assert 'aria-label="a&#34;&lt;"' in one
    ids = [set(re.findall(r' id="([^"]+)"', svg)) for svg in (one, other)]
    assert ids[0] and not ids[0] & ids[1]


@pytest.mark.parametrize("length", [0, 1, 7, 200, 1001])
def test_bins_keep_the_mean_and_the_limit(length: int) -> None:
    values = np.arange(length, dtype=float)
    x, y = plots.binned(values, values)
    assert len(x) == min(length, plots.POINTS)
    assert np.allclose(x, y)
    assert length == 0 or x.mean() == pytest.approx(values.mean(), rel=0.01)


def test_bins_leave_blanks_out() -> None:
    x, y = plots.binned([0, 1, 2], [1.0, float("nan"), 3.0])
    assert (x.tolist(), y.tolist()) == ([0, 2], [1, 3])
