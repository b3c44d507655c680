from pathlib import Path

import pytest

from tests.report.test_verdicts import row
from wsss.metrics import choice
from wsss.metrics.choice import Worth, earned, reason
from wsss.metrics.result import CRITERIA, METRICS
from wsss.report import ranking

GOOD = Worth(0.8, 12, "docs/experiments.md")


def masks(run: str, stage: str, miou: float | None = None, **other: object) -> dict[str, str]:
    """A row of masks in summary.tsv."""
    return row(stage, miou, **{"run": run, "split": "val", "label_agreement": 0.9} | other)


def test_runs_are_ranked_by_the_miou_of_their_last_masks() -> None:
    rows = [masks("a", "seed", 0.5), masks("a", "walk", 0.3), masks("b", "seed", 0.4)]
    assert ranking.chosen_metric(rows) == ("miou", "val")
    found = ranking.ranking(rows, "miou", "val")
    assert [(one.run, one.stage, one.value) for one in found] == [
        ("b", "seed", 0.4),
        ("a", "walk", 0.3),
    ]


def test_repeats_are_ranked_by_their_mean_and_helpers_and_bounds_are_not() -> None:
    repeats = [masks(f"a.{seed}", "walk", value) for seed, value in enumerate((0.2, 0.4))]
    mean = masks("a", "walk", 0.3, seeds=2, miou_std=0.14)
    bound = masks("b", "seed oracle", 0.9, reference="yes")
    helper = masks("a.0.first", "refined low", 0.9)
    (one,) = ranking.ranking([*repeats, mean, bound, helper], "miou", "val")
    assert one == ("a", "walk", 2, 0.3, 0.14)


def test_masks_of_train_choose_where_val_has_none() -> None:
    rows = [masks("a", "walk"), masks("a", "walk", 0.3, split="train")]
    assert ranking.chosen_metric(rows) == ("miou", "train")


def test_without_masks_only_a_criterion_that_earned_it_chooses(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = [masks("a", "walk", edge_contrast=0.2), masks("b", "walk", edge_contrast=0.3)]
    monkeypatch.setattr(ranking.choice, "earned", lambda *_: None)
    assert ranking.chosen_metric(rows) is None
    monkeypatch.setattr(ranking.choice, "earned", lambda *_: "edge_contrast")
    assert ranking.chosen_metric(rows) == ("edge_contrast", "val")
    assert ranking.ranking(rows, "edge_contrast", "val")[0].run == "b"


def test_correlations_are_those_of_the_ranks() -> None:
    rows = [
        masks(run, "walk", miou, edge_contrast=edge, refiner_agreement=0.5)
        for run, miou, edge in (("a", 0.1, 0.0), ("b", 0.2, 0.9), ("c", 0.9, 1.0))
    ]
    rows += [masks("d", "walk", 0.3)]
    found = {(one.stage, one.criterion): one for one in ranking.correlations(rows)}
    assert (found["walk", "edge_contrast"].value, found["walk", "edge_contrast"].runs) == (1, 3)
    assert found["walk", "refiner_agreement"].value is None
    assert {stage for stage, _ in found} == {"walk", ranking.WHOLE}
    assert ranking.correlations(rows[:2]) == []


def test_a_whole_run_has_the_last_masks_with_each_number() -> None:
    rows = []
    for run, stable, miou in (("a", 0.9, 0.1), ("b", 0.8, 0.2), ("c", 0.7, 0.3)):
        rows += [masks(run, "seed", 0.5, stability=stable), masks(run, "walk", miou)]
    found = {one.stage: one.value for one in ranking.correlations(rows)}
    assert found == {"seed": None, ranking.WHOLE: pytest.approx(-1)}


@pytest.mark.parametrize(("values", "rho"), [([1, 2, 3], 1), ([3, 2, 1], -1), ([1, 3, 2], 0.5)])
def test_spearman_by_hand(values: list[float], rho: float) -> None:
    # 1 - 6 sum(d^2) / (n (n^2 - 1))
    assert ranking.spearman([10, 20, 30], values) == pytest.approx(rho)


def test_equal_values_share_their_mean_rank() -> None:
    # ranks 1, 2.5, 2.5 and 1, 2, 3
    assert ranking.spearman([1, 2, 2], [1, 2, 3]) == pytest.approx(3**0.5 / 2)


def test_the_table_of_correlations_has_every_criterion() -> None:
    assert tuple(choice.MEASURED) == CRITERIA
    for worth in filter(None, choice.MEASURED.values()):
        assert -1 <= worth.correlation <= 1 and worth.source


def test_the_documentation_shows_the_table_of_correlations() -> None:
    page = (Path(__file__).parents[2] / "docs/verdicts.md").read_text(encoding="utf-8")
    for name, worth in choice.MEASURED.items():
        value = f"{worth.correlation:.2f}" if worth else "not measured"
        assert f"| {METRICS[name].title} | {value}" in page


@pytest.mark.parametrize(
    ("worth", "name"),
    [(None, None), (GOOD, "stability"), (GOOD._replace(runs=9), None)]
    + [(GOOD._replace(correlation=rho), None) for rho in (-0.9, 0.59)],
)
def test_a_criterion_earns_the_choice(worth: Worth | None, name: str | None) -> None:
    measured = {"edge_contrast": Worth(0.7, 99, "x") if name else None, "stability": worth}
    assert earned(measured) == name
    assert ("none of them can choose" in reason(measured)) == (name is None)
