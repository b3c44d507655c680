"""The Python of the documentation runs as it is written: the page, and the notebook."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.workflow.conftest import MICRO
from wsss.config.merging import merge

pytestmark = [pytest.mark.workflow, pytest.mark.slow, pytest.mark.xdist_group("documentation")]

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/python.md").read_text(encoding="utf-8")
NOTEBOOK = json.loads((ROOT / "docs/notebook.ipynb").read_text(encoding="utf-8"))

TYPED = """
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

import wsss

model = wsss.Segmenter("model.pt", device="cpu")
one: wsss.Prediction = model.predict("a.jpg")
labels: np.ndarray = model.predict(np.zeros((4, 4, 3), np.uint8)).labels
shown: Image.Image = one.overlay()
share: float = one.shares["cat"]
several: wsss.Lazy[wsss.Prediction] = model.predict([Path("a.jpg"), shown])
names: list[str] = [each.name for each in model.predict_folder("photos")]
either = wsss.load("model.pt")
if isinstance(either, wsss.Classifier):
    cams: wsss.Cams = either.cams("a.jpg", labels=["cat"])
result: wsss.Finished = wsss.run({"seed": 1}, cores=2)
table: pd.DataFrame = result.summary
path: Path | None = result.runs["psa"].model
"""


@pytest.mark.long
def test_the_page(fresh, tmp_path):
    snippets = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert len(snippets) == 8
    fresh.yaml("pets.yaml", merge(MICRO, {"dataset": {"name": "pets"}}))
    pictures = sorted((tmp_path / "data/JPEGImages").glob("*.jpg"))
    (tmp_path / "holiday").mkdir()
    for name, picture in zip(("beach.jpg", "lawn.jpg"), pictures, strict=False):
        shutil.copy(picture, tmp_path / "holiday" / name)
    (tmp_path / "page.py").write_text("\n".join(snippets))
    output = fresh.run("python", "page.py")
    assert "Segmenter\n  file" in output and "<mask of holiday/lawn.jpg, " in output
    assert "missing.pt: no such model" in output
    again = 'import wsss; wsss.run("pets.yaml", dry_run=True)'
    assert "nothing to do: everything is there" in fresh.run("python", "-c", again)


@pytest.mark.long
def test_the_notebook(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cells = [cell for cell in NOTEBOOK["cells"] if cell["cell_type"] == "code"]
    assert len(cells) >= 8 and not any(cell["outputs"] for cell in cells)
    names = {}
    for cell in cells:
        exec(compile("".join(cell["source"]), "notebook", "exec"), names)
    assert len(names["found"]) == 5 and names["one"].overlay().size[0] > 0
    assert (tmp_path / "results/notebook/report.html").exists()


@pytest.mark.long
def test_types(tmp_path):
    (tmp_path / "user.py").write_text(TYPED)
    done = subprocess.run(
        [
            *(
                sys.executable,
                "-m",
                "mypy",
                "--strict",
                "--config-file=",
                "--follow-imports=silent",
            ),
            tmp_path / "user.py",
        ],
        cwd=ROOT,
        env={"MYPYPATH": str(ROOT / "src"), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
