import numpy as np
import pytest

from wsss.report import plots


def test_curve_marks_both_thresholds(curve) -> None:
    svg = plots.threshold_curve(curve)
    assert "best 0.1" in svg
    assert "from labels 0.2" in svg


def test_curve_without_masks(curve) -> None:
    svg = plots.threshold_curve(curve.model_copy(update={"miou": None, "oracle": None}))
    assert "mIoU" not in svg
    assert "from labels 0.2" in svg


def test_chart_takes_its_colours_from_the_page(curve) -> None:
    svg = plots.threshold_curve(curve)
    assert "var(--series-1)" in svg
    assert not any(colour in svg for colour in ("#0102", "#0203", "<metadata", "<?xml"))


def test_chart_is_deterministic(curve) -> None:
    assert plots.threshold_curve(curve) == plots.threshold_curve(curve)


def test_loss_chart_names_losses_only() -> None:
    svg = plots.loss_curves({"step": [0, 1], "net/cls": [1, 0.5], "lr": [1, 1]}, "it")
    assert ">cls<" in svg
    assert ">lr<" not in svg


NAN = float("nan")
GAME = {
    "step": [0, 10, 20],
    "epoch": [0, 0, 1],
    "net/cls": [0.7, NAN, 0.5],
    "net/am": [NAN, NAN, -0.2],
    "adversary/adv": [NAN, 0.6, NAN],
    "adversary/never": [NAN, NAN, NAN],
    "lr": [1, 1, 1],
}


def test_losses_of_several_players_name_the_player() -> None:
    assert list(plots.losses(GAME).values()) == ["net/cls", "net/am", "adversary/adv"]
    assert plots.losses({"step": [0], "net/cls": [1.0]}) == {"net/cls": "cls"}


def test_a_held_out_metric_is_no_player() -> None:
    history = {"step": [0, 1], "net/cls": [1.0, 0.5], "held_out/mAP": [NAN, 0.5]}
    assert list(plots.losses(history).values()) == ["cls", "held_out/mAP"]


def test_losses_with_pauses_are_drawn() -> None:
    svg = plots.loss_curves(GAME, "it")
    assert all(f">{name}<" in svg for name in ("net/cls", "net/am", "adversary/adv"))
    assert "never" not in svg


def test_history_without_rows_has_no_losses() -> None:
    assert plots.losses({"step": [], "epoch": [], "lr": []}) == {}
    assert plots.losses({}) == {}


def test_losses_below_zero_stay_on_the_axis() -> None:
    assert "\N{MINUS SIGN}0.2" in plots.loss_curves(GAME, "it")


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
