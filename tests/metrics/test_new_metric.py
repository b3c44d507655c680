"""A metric is one function and one field: carried out on a copy of the package."""

import csv
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import wsss

FUNCTION = '''

def accuracy(conf: np.ndarray) -> float:
    """Share of the pixels with the right label."""
    return float(np.trace(conf) / conf.sum())
'''
FIELD = """    accuracy: Annotated[float | None, Metric("accuracy", accuracy)]
"""
PROGRAM = """
import sys
from pathlib import Path

import numpy as np

import wsss
from wsss.metrics.result import Evaluation, Metrics, Support, ThresholdCurve
from wsss.metrics.tally import Tally
from wsss.report import page, repeats, tables
from wsss.report.compare import Compared
from wsss.report.content import RunResults

folder = Path(sys.argv[1])
assert Path(wsss.__file__).is_relative_to(folder)
support = Support(split="val", ground_truth="by hand", images=1, images_predicted=1)
runs = []
for seed, labels in enumerate(([[0, 1, 1, 1]], [[0, 0, 1, 1]])):
    tally = Tally(2, 0.01)
    tally.add("a", (0,), np.array(labels, np.uint8), np.array([[0, 0, 1, 1]], np.uint8))
    metrics = Metrics.of(tally.result(), ("cat",), support)
    evaluation = Evaluation(**dict(support), product="walk", results={"walk": metrics})
    (folder / "eval.json").write_text(evaluation.to_text())
    runs.append(RunResults(f"a.{seed}", {"walk": Evaluation.read(folder / "eval.json")}))
rows = tables.summary_rows(runs) + repeats.summary_rows(runs)
(folder / "summary.tsv").write_text(tables.summary_text(rows))
facts = page.Facts("cats", support, ["cat"], "", [])
(folder / "report.html").write_text(page.render(facts, runs, {}, compared=Compared(rows)))
"""


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with the results of a copy of the package that has one metric more."""
    folder = tmp_path_factory.mktemp("package")
    shutil.copytree(Path(wsss.__file__).parent, folder / "wsss")
    functions, fields = (folder / f"wsss/metrics/{name}.py" for name in ("confusion", "result"))
    functions.write_text(functions.read_text() + FUNCTION)
    text = fields.read_text().replace("    iou,\n", "    accuracy,\n    iou,\n", 1)
    before, next_field, after = text.partition("    label_agreement: Annotated")
    fields.write_text(before + FIELD + next_field + after)
    subprocess.run(
        [sys.executable, "-c", PROGRAM, folder],
        env={**os.environ, "PYTHONPATH": str(folder)},
        check=True,
    )
    return folder


def test_it_is_in_the_eval_file(results: Path) -> None:
    found = json.loads((results / "eval.json").read_text())["results"]["walk"]
    assert found["accuracy"] == 1


def test_it_is_in_the_summary_with_mean_and_deviation(results: Path) -> None:
    with (results / "summary.tsv").open() as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    assert [row["accuracy"] for row in rows] == ["0.750000", "1.000000", "0.875000"]
    assert [row["accuracy_std"] for row in rows] == ["", "", "0.176777"]
    assert list(rows[0])[:9] == [
        *("run", "stage", "miou", "split", "images", "ground_truth"),
        *("miou_present", "label_agreement", "images_predicted"),
    ]


def test_it_is_in_the_tables_of_the_report(results: Path) -> None:
    text = (results / "report.html").read_text()
    assert len(re.findall('<th class="n" scope="col">accuracy</th>', text)) == 1
    assert "<h4>Accuracy</h4>" in text
    assert "87.5 \N{PLUS-MINUS SIGN} 17.7" in text
    assert "Precision, recall, accuracy and metrics without masks" in text
