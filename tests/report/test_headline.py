from dataclasses import replace

import pytest

from tests.report.conftest import scores_of
from wsss.report.content import RunResults
from wsss.report.headline import headline


def verdict(*runs: RunResults) -> tuple[str, bool]:
    found = headline(runs)
    assert found is not None
    return found["verdict"].replace("\N{NO-BREAK SPACE}", " "), found["bad"]


def test_a_loss_is_said(make_run) -> None:
    text, bad = verdict(make_run())
    assert text == (
        "The mIoU of the segmenter is 25.0 points above that of everything background, but 5.0 "
        "points below that of the pseudo labels."
    )
    assert not bad


def test_the_upper_bound_is_no_run_of_its_own(make_run) -> None:
    bound = make_run("a.bound", shift=0.3)
    bound = replace(bound, evaluations={"segment": bound.evaluations["segment"]})
    text, _ = verdict(make_run("a"), bound)
    assert "above that of everything background and reaches 65 % of what masks give, but" in text


def test_the_best_run_is_named(make_run) -> None:
    runs = [make_run("a.0"), make_run("a.1", shift=0.2), make_run("b", shift=0.15)]
    text, _ = verdict(*runs)
    assert text.startswith("The mIoU of the segmenter of b is 40.0 points above")


def test_worthless_masks_are_bad(make_run) -> None:
    text, bad = verdict(make_run(shift=-0.3))
    assert text.startswith("The mIoU of the segmenter is no higher than") and bad


@pytest.mark.parametrize("shift", [0.0, -0.4])
def test_several_pseudo_labels_have_one_miou(make_run, shift: float) -> None:
    run = make_run(shift=shift)
    del run.evaluations["segment"]
    assert verdict(run)[0].startswith("The mIoU of the pseudo labels is ")


@pytest.mark.parametrize(
    ("ap", "said"),
    [
        (0.9, "the classifier recognises every class."),
        (0.3, "the classifier does not recognise dog."),
    ],
)
def test_without_masks_the_classifier_is_judged(make_run, ap: float, said: str) -> None:
    text, bad = verdict(make_run(masks=False, scores=scores_of(cat=(4, 0.9), dog=(3, ap))))
    assert text.startswith("Nobody has measured how good these masks are")
    assert text.endswith(said) and bad == (ap < 0.5)


@pytest.mark.parametrize(
    ("cat", "said"),
    [
        (4, "the classifier recognises cat; too few are held out to judge dog."),
        (9, "; too few images are held out to judge the classifier."),
    ],
)
def test_too_few_held_out_images_judge_no_class(make_run, cat: int, said: str) -> None:
    text, bad = verdict(make_run(masks=False, scores=scores_of(cat=(cat, 0.9), dog=(2, 0.1))))
    assert text.endswith(said) and not bad


@pytest.mark.parametrize(
    ("variant", "learnt"),
    [
        ("net", ["image labels"]),
        ("net + masks + corrected masks", ["image labels", "masks", "corrected masks"]),
        ("net + published checkpoint", []),
    ],
)
def test_masks_that_were_learnt_are_said(make_run, variant: str, learnt: list[str]) -> None:
    found = headline([make_run(variant=variant)])
    assert found is not None and found["learnt"] == learnt


def test_nothing_evaluated_no_verdict() -> None:
    assert headline([RunResults("a")]) is None
