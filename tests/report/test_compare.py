import pytest

from wsss.report import compare, repeats, tables
from wsss.report.content import steps

SPREAD = "\N{PLUS-MINUS SIGN}"


def rows_of(runs):
    return tables.summary_rows(runs) + repeats.summary_rows(runs)


def cells(line):
    return [(cell.text, cell.best) for cell in line.cells]


def test_runs_and_groups_of_repeats_are_lines_of_one_table(make_run) -> None:
    runs = [make_run("b.0"), make_run("b.1", shift=0.02), make_run("a", shift=0.1)]
    table = compare.comparison(rows_of(runs), "val")
    assert table.stages == [step.key for step in steps(runs[0])]
    assert [(line.run, line.seeds) for line in table.lines] == [("b", 2), ("a", 1)]
    group, single = (cells(line)[4] for line in table.lines)
    assert (group, single) == ((f"61.0 {SPREAD} 1.4", False), ("70.0", True))
    assert [line.run for line in table.seeds] == ["b.0", "b.1"]


def test_a_stage_that_a_run_lacks_is_empty(make_run) -> None:
    runs = [make_run("a", variant="one"), make_run("b", variant="two")]
    table = compare.comparison(rows_of(runs), "val")
    assert table.stages[-2:] == ["segmenter one", "segmenter two"]
    assert [line.cells[-1].text for line in table.lines] == ["", "55.0"]
    assert not any(cell.best for line in table.lines for cell in line.cells[-2:])


def test_circular_agreement_is_marked_and_has_no_best(make_run) -> None:
    rows = rows_of([make_run(name, masks=False) for name in "ab"])
    assert compare.comparison(rows, "val").lines == []
    table = compare.comparison(rows, "val", "label_agreement")
    assert table.circular == {*table.stages} - {"segmenter net"}
    assert [cell.best for cell in table.lines[0].cells] == [False] * 4 + [True]


@pytest.fixture
def rows(make_run):
    """Rows of two seeds and their mean, with a published value of the walk."""
    added = {"recipe": "psa", "published": "0.602", "published_source": "README"}
    rows = rows_of([make_run("a.0"), make_run("a.1", shift=0.02)])
    return [row | (added if row["stage"] == "pseudo labels" else {}) for row in rows]


def test_a_published_value_stands_below_the_run(rows) -> None:
    table = compare.comparison(rows, "val")
    assert [(line.run, line.kind) for line in table.lines] == [("a", "run"), ("a", "published")]
    assert [cell.text for cell in table.lines[1].cells] == ["", "", "", "", "60.2", ""]
    assert len(compare.comparison(rows, "val", "precision").lines) == 1


def test_a_published_value_stands_beside_the_mean(rows) -> None:
    (one,) = compare.beside(rows)
    assert (one.run, one.stage, one.ours, one.published) == (
        "a",
        "pseudo labels",
        f"61.0 {SPREAD} 1.4",
        "60.2",
    )
