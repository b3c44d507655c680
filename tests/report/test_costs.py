from dataclasses import replace

from wsss.report import costs
from wsss.report.content import StageCost
from wsss.report.tables import NONE


def test_costs_end_with_a_total(make_run) -> None:
    rows = costs.table(make_run())
    assert [row["time"] for row in rows] == ["60 s", "62 min", "63 min"]
    assert [row["memory"] for row in rows] == ["812 MB", NONE, "812 MB"]
    assert rows[-1]["total"] and rows[-1]["jobs"] == 5


def test_no_costs_no_table(make_run) -> None:
    assert costs.table(replace(make_run(), costs=())) == []


def test_runs_are_compared_stage_by_stage(make_run) -> None:
    other = replace(make_run("b"), costs=(StageCost("train_cam", 1, 2.0, 10.0, 4.0, 2500),))
    table = costs.comparison([make_run("a"), other, replace(make_run("c"), costs=())])
    assert table["stages"] == ["train_cam", "infer_cam"]
    assert [(row["label"], row["cells"]) for row in table["rows"]] == [
        ("a", ["60 s", "62 min"]),
        ("b", ["2 s", NONE]),
    ]
    assert (table["rows"][1]["cpu"], table["rows"][1]["disk"]) == ("4 s", "2.5 kB")
