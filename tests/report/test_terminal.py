from pathlib import Path

import pytest

from tests.report.conftest import scores_of
from tests.report.test_verdicts import row
from wsss.metrics.result import CRITERIA
from wsss.report import classifiers, differences, tables, terminal, verdicts


def summary(*runs: object) -> str:
    rows = classifiers.summary_rows(runs) + tables.summary_rows(runs)
    return tables.summary_text(rows)


def report(folder: Path, *runs: object) -> Path:
    """Write the tables of a report."""
    compared = differences.text(differences.differences(runs))
    for name, content in {"summary": summary(*runs), "differences": compared}.items():
        (folder / f"{name}.tsv").write_text(content, encoding="utf-8")
    return folder


def rows_of(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.split()[:1] == ["psa"]]


def test_the_classifier_has_a_row_and_columns_of_its_own(make_run) -> None:
    scores = scores_of(cat=(4, 0.9), dog=(2, 0.7))
    first = rows_of(terminal.table(summary(make_run(scores=scores))))[0]
    assert first.split()[:2] == ["psa", "classifier"]
    assert first.split()[-5:] == ["80.0", "40.0", "val", "image", "labels"]
    assert "mAP" not in terminal.table(summary(make_run()))


def test_circular_agreement_is_marked(make_run) -> None:
    text = terminal.table(summary(make_run(masks=False)))
    assert "all background" not in text
    circular = ["circular" in line and "90.0" not in line for line in rows_of(text)]
    assert circular == ["segment" not in line for line in rows_of(text)]


@pytest.mark.parametrize("masks", [True, False])
def test_the_table_fits_a_terminal_with_all_its_words(masks: bool) -> None:
    both = {"images_predicted": 1464, "label_agreement": 0.93, "seeds": 3, "circular": "yes"}
    scores = {"map": 0.78, "map_std": 0.01, "f1": 0.7, "f1_std": 0.01, "product": "classifier"}
    rows = [row("classifier", run="cautious", seeds=3, **scores)]
    for stage in ("seed", "refined maps high", "segmenter deeplab_v3plus"):
        own = {"miou_std": 0.01, "images": 1464, "ground_truth": "SegmentationClass"}
        criteria = dict.fromkeys(CRITERIA, 0.4)
        rows.append(row(stage, 0.5 if masks else None, run="cautious", **both, **own, **criteria))
    text = terminal.table(tables.summary_text(rows))
    assert max(map(len, text.splitlines())) <= terminal.WIDTH
    words = {"cautious", "classifier", "maps", "deeplab_v3plus", "train", "1.0"}
    assert words | ({"mIoU"} if masks else {"refiners", "stability"}) <= set(text.split())
    assert "\N{HORIZONTAL ELLIPSIS}" not in text and ("mIoU" in text) == masks


def test_columns_are_left_out_before_rows_are_folded() -> None:
    rows = [
        row(stage, 0.5, miou_present=0.5, images=48, ground_truth="generated with the images")
        for stage in ("refined maps high", "segmenter deeplab_v3plus")
    ]
    rows.append(row("classifier", map=0.9, f1=0.8, ground_truth="image labels"))
    text = terminal.table(tables.summary_text(rows))
    stages = [line.split()[1] for line in text.splitlines()[-3:]]
    assert stages == ["refined", "segmenter", "classifier"]
    assert "generated" not in text and "F1" in text


def test_verdicts_follow_the_table_without_colours_in_a_pipe(
    make_run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    terminal.show(report(tmp_path, make_run(shift=-0.25)))
    said = capsys.readouterr().out
    assert "\x1b" not in said
    assert "psa, val: no better than everything background 30.0: seed 15.0; give" in said
    assert "psa, val: lowers quality: pseudo labels 35.0" in said
    assert said.rstrip().endswith("The glossary of the report explains the words of these lines.")


def test_the_worst_is_red_on_a_terminal(
    make_run, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    terminal.show(report(tmp_path, make_run(shift=-0.25)))
    red = [line for line in capsys.readouterr().out.splitlines() if "\x1b[1;31m" in line]
    assert len(red) == 4 and all("no better than everything background" in line for line in red)


def test_the_log_has_the_same_lines(make_run) -> None:
    rows = tables.summary_rows([make_run(shift=-0.25)])
    lines = terminal.lines(verdicts.verdicts(rows))
    assert len(lines) == 5 and lines[0].startswith("psa, val: no better than everything")
