import json
import os
from argparse import ArgumentParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from wsss.errors import UserError
from wsss.io.index import Index, Item, Masks
from wsss.io.labels import LabelWriter, write_labels
from wsss.io.maps import MapsWriter
from wsss.stages import evaluate, report

IDS = [f"image{i}" for i in range(9)]
CONFIG = '{"evaluate":{"thresholds":[0.2,0.5],"min_area":0.01}}'
SCORES = {f"alpha_{alpha}": np.full((2, 12, 16), 99, np.uint8) for alpha in (4, 32)}


def truth(place: int) -> np.ndarray:
    labels = np.zeros((12, 16), np.uint8)
    labels[2:9, place : place + 5] = 1
    return labels


@pytest.fixture
def project(tmp_path: Path) -> Path:
    paths = {name: tmp_path / f"mask_{name}.png" for name in IDS}
    for place, (name, path) in enumerate(paths.items()):
        write_labels(path, truth(place))
        Image.fromarray(np.full((12, 16, 3), 80, np.uint8)).save(tmp_path / f"{name}.png")
    items = tuple(Item(name, "val", tmp_path / f"{name}.png", "0", (0,)) for name in IDS)
    Index(("cat",), items).write(tmp_path / "index.tsv")
    Masks("by hand", paths, dict.fromkeys(paths, "0")).write(tmp_path / "masks.tsv")
    Masks("none").write(tmp_path / "no_masks.tsv")
    (tmp_path / "run").mkdir()
    return tmp_path


def call(module, *options: object) -> None:
    parser = ArgumentParser()
    module.add_arguments(parser)
    module.run(parser.parse_args([str(option) for option in options]))


def tables(project: Path, masks: str) -> list[object]:
    return ["--index", project / "index.tsv", "--masks", project / masks, "--split", "val"]


def fill(project: Path, masks: str = "masks.tsv") -> None:
    run = project / "run"
    files = {
        "cam": run / "cam/maps/val/1-of-1.npz",
        "crf": run / "crf/maps/val/1-of-1.npz",
        "walk": run / "walk/val/1-of-1/labels.tsv",
        "segment": run / "segment/net/val/1-of-1/labels.tsv",
    }
    small, size = np.full((1, 3, 4), 0.4, np.float16), np.array([12, 16])
    with MapsWriter(files["cam"]) as cams, MapsWriter(files["crf"]) as crfs:
        for name in IDS:
            cams.put(name, classes=np.array([0]), cam=small, size=size)
            crfs.put(name, classes=np.array([0]), **SCORES)
    for kind in ("walk", "segment"):
        with LabelWriter(files[kind]) as writer:
            for place, name in enumerate(IDS):
                writer.put(name, truth(place // 2))
    for kind, file in files.items():
        out = run / ("segment/net" if kind == "segment" else kind) / "eval.val.json"
        options = ["--kind", kind, "--predictions", file, "--out", out, "--config", CONFIG]
        call(evaluate, *tables(project, masks), *options)
    for stage in ("cam", "affinity", "segment/net"):
        (run / stage).mkdir(exist_ok=True)
        (run / stage / "history.csv").write_text("step,epoch,net/cls,lr,seconds\n0,0,1,1,1\n")
    (run / "benchmarks/infer_cam").mkdir(parents=True)
    (run / "benchmarks/train_cam.tsv").write_text("s\tmax_rss\n70.5\t120.5\n")
    for shard, memory in enumerate(("-", "80.5")):
        file = run / f"benchmarks/infer_cam/val.{shard}.tsv"
        file.write_text(f"s\tmax_rss\n2.5\t{memory}\n")


def draw(project: Path, masks: str = "masks.tsv", config: str = "{}") -> str:
    files = ["--out", project / "report.html", "--summary", project / "summary.tsv"]
    runs = ["--runs", f"psa={project / 'run'}", "--config", config]
    call(report, *tables(project, masks), *files, *runs)
    return (project / "report.html").read_text()


def test_whole_run(project: Path) -> None:
    fill(project)
    text = draw(project, config='{"dataset":{"name":"cats"},"seed":3}')
    assert "Not in this report" not in text
    assert text.count("data:image/webp") == 8 * 7
    assert "seed: 3" in text
    assert len((project / "summary.tsv").read_text().splitlines()) == 7


def test_same_run_same_page(project: Path) -> None:
    fill(project)
    assert draw(project) == draw(project)


def test_costs_are_summed_over_shards(project: Path) -> None:
    fill(project)
    costs = report._costs(project / "run/benchmarks")
    assert [cost.stage for cost in costs] == ["train_cam", "infer_cam"]
    assert (costs[1].jobs, costs[1].seconds, costs[1].memory) == (2, 5.0, 80.5)


def test_shards_of_an_earlier_scatter_are_left_out(tmp_path: Path) -> None:
    names = ["1-of-2", "2-of-2", "1-of-12", "12-of-12"]
    files = [tmp_path / f"val.{name}.tsv" for name in names]
    for age, file in enumerate(files):
        file.touch()
        os.utime(file, (age, age))
    whole = tmp_path / "train_cam.tsv"
    whole.touch()
    assert set(report._current([*files, whole])) == {whole, *files[2:]}


def test_run_without_masks_shows_examples(project: Path) -> None:
    fill(project, "no_masks.tsv")
    text = draw(project, "no_masks.tsv")
    assert "Examples" in text
    assert text.count("data:image/webp") == 8 * 6


def test_empty_run_says_what_is_missing(project: Path) -> None:
    text = draw(project)
    missing = ("cam/eval.val.json", "segment/*/history.csv", "benchmarks of the stages")
    assert all(f"<li>{line}</li>" in text for line in missing)


def test_damaged_file_is_named(project: Path) -> None:
    (project / "run/cam").mkdir()
    (project / "run/cam/eval.val.json").write_text(json.dumps({"kind": "cam"}))
    with pytest.raises(UserError, match=r"eval\.val\.json: damaged"):
        draw(project)


@pytest.mark.parametrize("text", ["psa", "psa=/nowhere/at/all"])
def test_run_folder_must_exist(text: str) -> None:
    with pytest.raises(UserError, match="NAME=FOLDER"):
        report._named(text)
