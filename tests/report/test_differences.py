from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.report.test_terminal import report
from wsss.report import differences, tables, terminal
from wsss.report.content import RunResults

IMAGES = {"x": 0.5, "y": 0.4, "z": 0.3}


@pytest.fixture
def with_images(make_run):
    """A function that makes a run with figures per image and per class, of the walk alone."""

    def make(name: str, gains: tuple[float, ...], miou: float = 0.6, **iou: float) -> RunResults:
        run = make_run(name)
        walk = run.evaluations["walk"]
        pairs = zip(IMAGES.items(), gains, strict=False)
        update = {
            "per_image": {image: value + gain for (image, value), gain in pairs},
            "iou": iou,
            "miou": miou,
        }
        results = {"walk": walk.results["walk"].model_copy(update=update)}
        return replace(run, evaluations={"walk": walk.model_copy(update={"results": results})})

    return make


def test_images_are_compared_in_pairs(with_images) -> None:
    runs = [with_images("a", (0, 0, 0)), with_images("b", (0.3, 0.1, -0.1), miou=0.63)]
    (one,) = differences.differences(runs)
    assert (one.run, one.against, one.split, one.stage, one.images) == (
        "b",
        "a",
        "val",
        "pseudo labels",
        3,
    )
    assert (one.miou_gain, one.image_gain) == pytest.approx((0.03, 0.1))
    # t of 2 degrees of freedom: 4.3027, standard error 0.2 / sqrt(3)
    assert (one.low, one.high) == pytest.approx((0.1 - 0.49683, 0.1 + 0.49683), abs=1e-5)
    assert (one.better, one.worse) == pytest.approx((2 / 3, 1 / 3))
    assert differences.read(tables.read_rows(differences.text([one]))) == [
        one._replace(**{name: pytest.approx(getattr(one, name), abs=1e-6) for name in FRACTIONS})
    ]


FRACTIONS = ("miou_gain", "image_gain", "low", "high", "better", "worse")


def test_seeds_count_by_the_mean_of_each_image(with_images) -> None:
    runs = [with_images("a", (0, 0)), with_images("b.0", (0.3, 0)), with_images("b.1", (0.1, 0))]
    (one,) = differences.differences(runs)
    assert (one.run, one.images) == ("b", 2)
    assert (one.image_gain, one.better) == pytest.approx((0.1, 0.5))


def test_one_image_has_no_interval() -> None:
    assert differences.interval(np.array([0.1])) == (None, None)


def test_runs_that_serve_others_and_those_without_masks_are_not_compared(
    make_run, with_images
) -> None:
    serving = [with_images(name, (0,)) for name in ("a.bound", "a.first")]
    assert differences.differences([with_images("a", (0,)), *serving]) == []
    assert differences.differences([make_run(name, masks=False) for name in "ab"]) == []


def test_segmenters_of_two_kinds_are_compared(make_run) -> None:
    runs = [make_run("a", variant="one"), make_run("b", variant="two")]
    for run in runs:
        segment = run.evaluations["segment"]
        found = segment.results["segment"].model_copy(update={"per_image": IMAGES})
        run.evaluations["segment"] = segment.model_copy(update={"results": {"segment": found}})
    assert [one.stage for one in differences.differences(runs)] == ["segmenter two"]


@pytest.mark.parametrize(
    ("before", "after", "collapses"),
    [
        (0.378, 0.154, True),
        (0.378, 0.2, False),  # more than half is left
        (0.08, 0.04, False),  # a fall of less than 5 points
    ],
)
def test_a_mean_gain_hides_no_class_that_collapses(with_images, before, after, collapses) -> None:
    first = with_images("a", (0, 0), bird=before, cat=0.5)
    second = with_images("b", (0.2, 0.1), miou=0.621, bird=after, cat=0.9)
    found = differences.differences([first, second])
    said = [verdict.text for verdict in differences.verdicts(found)]
    text = "pseudo labels +2.1 mIoU over a, but classes collapse: bird from 37.8 to 15.4"
    assert (said[:1] == [text]) is collapses


def test_a_mean_loss_is_said_beside_the_class_that_collapses(with_images) -> None:
    first = with_images("a", (0, 0), bird=0.378)
    second = with_images("b", (-0.2, -0.1), miou=0.579, bird=0.154)
    (verdict, *_) = differences.verdicts(differences.differences([first, second]))
    assert "\N{MINUS SIGN}2.1 mIoU over a, and classes collapse: bird" in verdict.text


def test_a_fall_within_the_spread_of_seeds_is_no_collapse(with_images) -> None:
    runs = [with_images("a.0", (0,), bird=0.5), with_images("a.1", (0,), bird=0.1)]
    assert differences.differences([*runs, with_images("b", (0,), bird=0.1)])[0].collapsed == ""


def test_a_gain_that_images_do_not_show_is_said(with_images) -> None:
    runs = [with_images("a", (0, 0, 0)), with_images("b", (0.3, 0.1, -0.1), miou=0.63)]
    (verdict,) = differences.verdicts(differences.differences(runs))
    assert (
        "pseudo labels +3.0 mIoU over a, but 3 images show no difference: +10.0 by image"
        in verdict.text
    )
    assert (verdict.run, verdict.split) == ("b", "val")


def test_differences_are_told_beside_the_table(
    with_images, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = [with_images("a", (0, 0, 0)), with_images("b", (0.3, 0.1, -0.1), miou=0.63)]
    terminal.show(report(tmp_path, *runs))
    assert "but 3 images show no difference" in capsys.readouterr().out
