import pytest

from wsss.report import repeats, tables, terminal
from wsss.report.content import RunResults


@pytest.fixture
def pair(make_run) -> list[RunResults]:
    return [make_run("a.0"), make_run("a.7", shift=0.02)]


def test_mean_and_sample_deviation(pair: list[RunResults]) -> None:
    stages = {one.step.key: one for one in repeats.repeated(pair)}
    walk = stages["pseudo labels"]
    assert (walk.group, walk.seeds) == ("a", 2)
    for name in ("miou", "precision", "recall"):
        assert walk.step.metrics.value(name) == pytest.approx(0.61)
        assert walk.std[name] == pytest.approx(0.02 / 2**0.5)
    assert walk.std["label_agreement"] == 0


def test_one_seed_is_no_repeat(make_run) -> None:
    assert repeats.repeated([make_run("a.0"), make_run("b.0"), make_run("b")]) == []


def test_a_note_that_differs_is_left_out(make_run) -> None:
    pair = [make_run("a.0"), make_run("a.7", free=0.22)]
    notes = {one.step.key: one.step.note for one in repeats.repeated(pair)}
    assert notes["seed"] == ""
    assert notes["seed oracle"] == "threshold 0.3 read off the masks"


def test_a_stage_counts_the_repeats_that_reached_it(make_run) -> None:
    runs = [make_run(f"a.{seed}") for seed in range(3)]
    del runs[0].evaluations["walk"]
    seeds = {one.step.key: one.seeds for one in repeats.repeated(runs)}
    assert (seeds["seed"], seeds["pseudo labels"]) == (3, 2)


def test_summary_has_means_and_deviations(pair: list[RunResults]) -> None:
    row = next(row for row in repeats.summary_rows(pair) if row["stage"] == "pseudo labels")
    assert set(row) == set(tables.SUMMARY)
    assert (row["run"], row["seeds"], row["split"], row["images"]) == ("a", "2", "val", "6")
    assert (row["miou"], row["miou_std"], row["recall_std"]) == ("0.610000", *["0.014142"] * 2)


def test_the_terminal_shows_the_deviation(pair: list[RunResults]) -> None:
    rows = tables.summary_rows(pair) + repeats.summary_rows(pair)
    text = terminal.table(tables.summary_text(rows))
    assert text.count("\N{PLUS-MINUS SIGN}") == text.count(" val ") == 6
    assert "61.0 \N{PLUS-MINUS SIGN} 1.4" in text


def test_without_masks_the_agreement_is_compared(make_run) -> None:
    runs = [make_run(name, masks=False) for name in ("a.0", "a.1")]
    assert list(repeats.columns(runs, masks=False)) == ["label_agreement"]
    row = repeats.summary_rows(runs)[0]
    assert (row["miou"], row["miou_std"], row["label_agreement"]) == ("", "", "0.900000")
