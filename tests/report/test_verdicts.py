import re

import pytest

from wsss.config.resolve import load
from wsss.config.segmenter import PUBLISHED
from wsss.pipeline import EVALUATED
from wsss.report.tables import SUMMARY
from wsss.report.verdicts import Verdict, verdicts


def row(stage: str, miou: float | None = None, **other: object) -> dict[str, str]:
    """A row of summary.tsv: by default of one seed, better than everything background."""
    known = {"run": "psa", "split": "train", "seeds": 1, "stage": stage, "product": stage}
    known |= {"miou": miou, "miou_background": None if miou is None else 0.2} | other
    return {name: "" if known.get(name) is None else str(known[name]) for name in SUMMARY}


def texts(*rows: dict[str, str]) -> list[str]:
    return [one.text for one in verdicts(rows)]


def test_a_chain_that_gains_has_no_verdict() -> None:
    assert (
        texts(row("cam", 0.3), row("refined", 0.34), row("walk", 0.34), row("segment", 0.4)) == []
    )


def test_a_stage_that_lowers_quality_is_named_with_advice() -> None:
    (found,) = verdicts([row("cam", 0.3), row("refined", 0.34), row("walk", 0.301)])
    assert found.text == "lowers quality: refined 34.0 \N{RIGHTWARDS ARROW} walk 30.1"
    assert (found.run, found.split, found.bad) == ("psa", "train", False)
    assert "until: refine" in found.remedy


def test_a_fall_that_the_table_does_not_show_is_none() -> None:
    assert texts(row("refined", 0.3404), row("walk", 0.3401)) == []


def test_a_published_segmenter_is_not_to_be_trained_longer() -> None:
    stage = f"segmenter deeplab_v2 + {PUBLISHED}"
    (found,) = verdicts([row("walk", 0.4), row(stage, 0.3, product="segment")])
    assert "segment.checkpoint: null" in found.remedy and "longer" not in found.remedy


def test_the_best_row_of_a_stage_counts_and_bounds_do_not() -> None:
    low, high = (
        row(f"refined {k}", v, product="refined") for k, v in (("low", 0.31), ("high", 0.4))
    )
    oracle = row("seed oracle", 0.6, product="cam", reference="yes")
    assert texts(oracle, row("seed", 0.35, product="cam"), low, high, row("walk", 0.41)) == []


def test_splits_and_runs_are_not_mixed() -> None:
    assert (
        texts(row("refined", 0.4), row("walk", 0.3, split="val"), row("walk", 0.3, run="b")) == []
    )


def test_a_segmenter_is_not_given_the_labels() -> None:
    walk = row("walk", 0.4, circular="yes")
    assert texts(walk, row("segment", 0.3))[0].endswith("(which is not given the image labels)")


def test_a_segmenter_is_compared_with_the_one_trained_on_masks() -> None:
    bound = row("segment + masks", 0.6, run="psa.bound", product="segment")
    (found,) = verdicts([row("segment", 0.45), bound, row("segment", 0.5, run="b")])
    assert found.text == "segment 45.0 is 75 % of what masks give, 60.0"
    assert (found.run, found.bad) == ("psa", False)


@pytest.mark.parametrize(
    ("walks", "said"),
    [
        # the seeds differ by 20 points, their falls by 2
        ((0.27, 0.49), ["by 2.0 \N{PLUS-MINUS SIGN} 1.4 over the seeds"]),
        ((0.24, 0.52), []),
    ],
)
def test_the_fall_of_several_seeds_exceeds_its_spread(
    walks: tuple[float, float], said: list[str]
) -> None:
    crfs, several = (0.3, 0.5), {"run": "a", "seeds": 2, "miou_std": 0.14}
    seeds = [row("refined", miou, run=f"a.{i}") for i, miou in enumerate(crfs)]
    seeds += [row("walk", miou, run=f"a.{i}") for i, miou in enumerate(walks)]
    means = [row("refined", sum(crfs) / 2, **several), row("walk", sum(walks) / 2, **several)]
    found = verdicts([*seeds, *means])
    assert [one.text.rpartition(", ")[2] for one in found] == said
    assert {one.run for one in found} <= {"a"}


@pytest.mark.parametrize(("miou", "said"), [(0.19, 1), (0.2, 1), (0.21, 0)])
def test_worse_than_everything_background_is_bad(miou: float, said: int) -> None:
    found = verdicts([row("walk", miou)])
    assert [one.bad for one in found] == [True] * said
    if said:
        value = f"{100 * miou:.1f}"
        assert found[0].text == f"no better than everything background 20.0: walk {value}"


def test_a_bound_is_not_compared_with_the_background() -> None:
    assert texts(row("seed oracle", 0.1, reference="yes")) == []


def test_classes_that_are_not_learnt_are_named() -> None:
    held_out = row("classifier", not_learnt="cat, owl", split="val", map=0.3)
    assert texts(held_out) == ["the classifier does not recognise cat, owl"]
    assert "not even on the images" in texts(row("classifier", not_learnt="cat"))[0]


@pytest.mark.parametrize("split", ["train", "val"])
def test_a_classifier_that_is_not_trained_needs_other_words(split: str) -> None:
    (found,) = verdicts([row("classifier untrained", not_learnt="cat", split=split)])
    assert found.text == "the classifier does not recognise cat"
    assert found.remedy == "describe them in other words (prompts)"


@pytest.mark.parametrize("split", ["train", "val"])
def test_a_published_classifier_is_not_told_to_train_longer(split: str) -> None:
    (found,) = verdicts([row("classifier published checkpoint", not_learnt="cat", split=split)])
    assert found.text == "the classifier does not recognise cat"
    assert "dataset.classes" in found.remedy and "cam.checkpoint: null" in found.remedy


def test_classes_with_too_few_held_out_images_are_not_judged() -> None:
    (found,) = verdicts([row("classifier", unjudged="cat, owl", split="val", map=0.3)])
    assert found.text.startswith(
        "too few held-out images to judge whether the classifier recognises"
    )
    assert found.text.endswith("recognises cat, owl") and "3 without it" in found.remedy
    assert texts(row("classifier", unjudged="cat")) == []


@pytest.mark.parametrize(("last", "said"), [(0.18, 0), (0.38, 1)])
def test_a_threshold_on_a_wide_plateau_is_not_informative(last: float, said: int) -> None:
    found = texts(row("seed", plateau_from=0.0, plateau_to=last))
    assert len(found) == said
    if said:
        assert "thresholds from 0 to 0.38 agree equally well" in found[0]


def test_masks_are_not_asked_for_where_they_are() -> None:
    level = {"plateau_from": 0.0, "plateau_to": 0.5}
    bare, masked = (verdicts([row("seed", miou, **level)])[0] for miou in (None, 0.5))
    assert "masks of a few images" in bare.remedy and "evaluate.threshold" in masked.remedy


def test_the_keys_of_the_advice_exist() -> None:
    config = load({})
    for product in EVALUATED:
        assert product.remedy
        for key in re.findall(r"[a-z]+(?:\.[a-z_]+)+", product.remedy):
            value: object = config
            for part in key.split("."):
                value = getattr(value, part)


def test_the_masks_of_an_unknown_product_are_to_be_looked_at() -> None:
    (found,) = verdicts([row("new", 0.1)])
    assert found == Verdict(
        "psa",
        "train",
        "no better than everything background 20.0: new 10.0",
        "look at its masks in the report",
        bad=True,
    )
