from types import SimpleNamespace

import pytest

from tests.report.test_ranking import masks
from wsss.cli import main
from wsss.report.tables import summary_text
from wsss.stages import best


@pytest.fixture
def summary(tmp_path, monkeypatch):
    """A function that writes the summary of the report."""
    report = SimpleNamespace(path=str(tmp_path / "report.html"))
    plan = SimpleNamespace(folder="results/pets", report=report)
    monkeypatch.setattr(best, "planned", lambda configs: plan)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.yaml").touch()

    def write(*rows):
        (tmp_path / "summary.tsv").write_text(summary_text(rows))

    return write


def test_the_run_of_the_highest_miou_is_best(summary, capfd):
    edges = zip("abc", (0.3, 0.5, 0.4), (0.1, 0.2, 0.3), strict=True)
    summary(*(masks(run, "walk", miou, edge_contrast=edge) for run, miou, edge in edges))
    assert main(["best", "x.yaml"]) == 0
    said = capfd.readouterr()
    text = said.out + said.err
    assert "best: b\n" in text
    lines = [line.split() for line in text.splitlines()]
    assert ["b", "walk", "1", "50.0"] in lines
    assert ["val", "run", "+0.50", "(3)"] in lines


def test_a_lead_within_the_spread_is_said(summary, capfd):
    rows = [
        masks(run, "walk", miou, seeds=2, miou_std=0.02) for run, miou in (("a", 0.4), ("b", 0.39))
    ]
    summary(*rows)
    assert main(["best", "x.yaml"]) == 0
    said = "".join(capfd.readouterr())
    assert "best: a, but its lead over b (1.0) is within the spread of seeds" in said


def test_without_masks_nothing_can_choose_yet(summary, capfd, monkeypatch):
    summary(masks("a", "walk", edge_contrast=0.2), masks("b", "walk", edge_contrast=0.3))
    monkeypatch.setattr(best.choice, "earned", lambda *_: None)
    assert main(["best", "x.yaml"]) == 2
    said = "".join(capfd.readouterr())
    assert "error: there are no masks, so that nothing can choose: " in said
    assert "edge contrast, which chooses nothing:" in said and "best:" not in said


def test_a_criterion_that_earned_it_chooses(summary, capfd, monkeypatch):
    summary(masks("a", "walk", edge_contrast=0.2), masks("b", "walk", edge_contrast=0.3))
    monkeypatch.setattr(best.choice, "earned", lambda *_: "edge_contrast")
    assert main(["best", "x.yaml"]) == 0
    said = "".join(capfd.readouterr())
    assert "runs by edge contrast on val" in said and "best: b\n" in said


def test_runs_without_a_report(summary, capfd):
    assert main(["best", "x.yaml"]) == 2
    shown = capfd.readouterr().err
    assert "results/pets: no report on the runs of this configuration yet; wsss run" in shown
