from types import SimpleNamespace

import pandas as pd
import pytest

from tests.report.test_ranking import masks
from wsss.cli import main
from wsss.report import by_class
from wsss.report.tables import row_text, summary_text
from wsss.report.terminal import WIDTH
from wsss.stages import table

SPREAD = "\N{PLUS-MINUS SIGN}"


@pytest.fixture
def written(tmp_path, monkeypatch):
    """The tables beside a report on two seeds and a run with a published value."""
    report = SimpleNamespace(path=str(tmp_path / "report.html"))
    plan = SimpleNamespace(folder="results/pets", report=report)
    monkeypatch.setattr(table, "planned", lambda configs: plan)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.yaml").touch()
    rows = [
        *(masks(f"a_1.{n}", "walk", miou, precision=0.7) for n, miou in enumerate((0.6, 0.62))),
        masks("a_1", "walk", 0.61, seeds=2, miou_std=0.014, precision=0.7, precision_std=0.0),
        masks("b", "walk", 0.6, recipe="psa", published=0.602, precision=0.8, circular="yes"),
        masks("b", "segment net", 0.55, precision=0.8, product="segment"),
    ]
    (tmp_path / "summary.tsv").write_text(summary_text(rows))
    known = {"split": "val", "seeds": 1, "class": "cat"}
    classes = [
        known | {"run": "a_1.0", "stage": "walk", "iou": 0.5},
        known | {"run": "b", "stage": "walk", "iou": 0.2},
        known | {"run": "b", "stage": "segment net", "iou": 0.25},
        known | {"run": "a_1", "stage": "walk", "iou": 0.51, "iou_std": 0.02, "seeds": 2},
    ]
    text = by_class.text(row_text(by_class.CLASSES, row) for row in classes)
    (tmp_path / "classes.tsv").write_text(text)
    return tmp_path


def lines(capsys, *options):
    assert main(["table", "x.yaml", *options]) == 0
    return capsys.readouterr().out.splitlines()


def test_markdown_has_runs_and_stages(written, capsys):
    assert lines(capsys, "--format", "markdown") == [
        "| run | split | seeds | walk | segment net |",
        "| --- | --- | --: | --: | --: |",
        f"| a_1 | val | 2 | 61.0 {SPREAD} 1.4 |  |",
        "| b | val | 1 | 60.0 | 55.0 |",
        "| b, published | val |  | 60.2 |  |",
    ]


def test_tsv_is_read_by_pandas(written, capsys):
    (written / "t.tsv").write_text("\n".join(lines(capsys, "--format", "tsv")))
    found = pd.read_csv(written / "t.tsv", sep="\t").set_index("run")
    assert found.loc["b, published", "walk"] == "60.2"


def test_latex_is_escaped(written, capsys):
    text = "\n".join(lines(capsys, "--format", "latex"))
    assert r"\begin{tabular}{llrrr}" in text
    assert r"a\_1 & val & 2 & 61.0 $\pm$ 1.4 &" in text


def test_the_terminal_shows_it_in_columns(written, capsys):
    said = lines(capsys, "--metric", "precision")
    assert sum(line.split()[:1] in (["a_1"], ["b"]) for line in said) == 2
    assert not any("published" in line for line in said)


def test_headings_of_a_wide_table_are_folded(written, capsys):
    stages = ("seed", "refined maps low", "refined maps high", "pseudo labels", "segmenter net")
    rows = [masks("b", stage, product="walk", circular="yes") for stage in stages]
    (written / "summary.tsv").write_text(summary_text(rows))
    said = lines(capsys, "--metric", "label_agreement")
    assert max(map(len, said)) <= WIDTH
    assert ["b", "val", "1", *["90.0"] * 5] in [line.split() for line in said]


def test_circular_agreement_is_marked(written, capsys):
    head, *_ = lines(capsys, "--metric", "label_agreement", "--format", "tsv")
    assert head.split("\t")[3:] == ["walk (circular)", "segment net"]


def test_classes_are_those_of_the_last_masks(written, capsys):
    said = lines(capsys, "--classes", "--format", "tsv")
    assert said == [
        "class\tsplit\ta_1\tb",
        f"cat\tval\t51.0 {SPREAD} 2.0\t25.0",
        f"mean\tval\t61.0 {SPREAD} 1.4\t55.0",
    ]


def test_the_mean_of_a_split_stands_below_its_classes_whatever_their_names(written, capsys):
    known = {"run": "b", "stage": "walk", "seeds": 1}
    rows = [
        known | {"split": split, "class": name, "iou": iou}
        for split, found in (("val", {"mean": 0.2, "=x": 0.3}), ("train", {"mean": 0.4, "=x": 0.5}))
        for name, iou in found.items()
    ]
    text = by_class.text(row_text(by_class.CLASSES, row) for row in rows)
    (written / "classes.tsv").write_text(text)
    means = [masks("b", "walk", 0.25), masks("b", "walk", 0.45, split="train")]
    (written / "summary.tsv").write_text(summary_text(means))
    assert lines(capsys, "--classes", "--format", "tsv") == [
        "class\tsplit\tb",
        *("mean\tval\t20.0", "'=x\tval\t30.0", "mean\tval\t25.0"),
        *("mean\ttrain\t40.0", "'=x\ttrain\t50.0", "mean\ttrain\t45.0"),
    ]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--metric", "stability"], "no stability to show; it was not measured"),
        (["--split", "train"], "no mIoU to show; the data set has no masks"),
        (["--classes", "--metric", "recall"], "--metric: classes are compared by IoU alone"),
    ],
)
def test_what_is_not_there_is_one_line(written, capfd, options, said):
    assert main(["table", "x.yaml", *options]) == 2
    assert said in capfd.readouterr().err


def test_runs_without_a_report(written, capfd):
    (written / "summary.tsv").unlink()
    assert main(["table", "x.yaml"]) == 2
    shown = capfd.readouterr().err
    assert "results/pets: no report on the runs of this configuration yet; wsss run" in shown
