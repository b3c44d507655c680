import csv
import re
import shutil
from argparse import ArgumentParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.listed import listed
from wsss.errors import UserError
from wsss.io.checksummed import add_checksum
from wsss.io.index import Index, Masks
from wsss.io.labels import LabelWriter, write_labels
from wsss.io.maps import MapsWriter
from wsss.io.provenance import file_digest
from wsss.report import files
from wsss.stages import evaluate, report

IDS = [f"image{i}" for i in range(9)]
TRAINED = ["image9", "image10"]
CONFIG = '{"evaluate":{"thresholds":[0.2,0.5],"threshold":null,"min_area":0.01}}'
SCORES = {f"alpha_{alpha}": np.full((2, 12, 16), 99, np.uint8) for alpha in (4, 32)}


def truth(place: int) -> np.ndarray:
    labels = np.zeros((12, 16), np.uint8)
    labels[2:9, place : place + 5] = 1
    return labels


@pytest.fixture
def project(tmp_path: Path) -> Path:
    paths = {name: tmp_path / f"mask_{name}.png" for name in [*IDS, *TRAINED]}
    for place, (name, path) in enumerate(paths.items()):
        write_labels(path, truth(place))
        Image.fromarray(np.full((12, 16, 3), 80, np.uint8)).save(tmp_path / f"{name}.png")
    splits = dict.fromkeys(IDS, "val") | dict.fromkeys(TRAINED, "train")
    items = [listed(tmp_path / f"{name}.png", (0,), split) for name, split in splits.items()]
    Index(("cat",), tuple(items)).write(tmp_path / "index.tsv")
    digests = {name: file_digest(path) for name, path in paths.items()}
    Masks("by hand", paths, digests).write(tmp_path / "masks.tsv")
    Masks("none").write(tmp_path / "no_masks.tsv")
    (tmp_path / "run").mkdir()
    return tmp_path


def call(module, *options: object) -> None:
    parser = ArgumentParser()
    module.add_arguments(parser)
    module.run(parser.parse_args([str(option) for option in options]))


def tables(project: Path, masks: str, split: str = "val") -> list[object]:
    return ["--index", project / "index.tsv", "--masks", project / masks, "--split", split]


def predict(run: Path, split: str, ids: list[str], shard: str = "1-of-1") -> dict[str, Path]:
    """Write the predictions of every stage; return the record of each."""
    cam, crf = (run / f"{kind}/maps/{split}/{shard}.npz" for kind in ("cam", "crf"))
    small, size = np.full((1, 3, 4), 0.4, np.float16), np.array([12, 16])
    with MapsWriter(cam) as cams, MapsWriter(crf) as crfs:
        for name in ids:
            cams.put(name, classes=np.array([0]), cam=small, size=size)
            crfs.put(name, classes=np.array([0]), **SCORES)
    records = {
        stage: run / stage / split / shard / "labels.tsv" for stage in ("walk", "segment/net")
    }
    for record in records.values():
        with LabelWriter(record) as writer:
            for place, name in enumerate(ids):
                writer.put(name, truth(place // 2))
    return {"cam": cam, "crf": crf, **records}


def judge(project: Path, masks: str, split: str, files: dict[str, Path]) -> None:
    for stage, file in files.items():
        out = project / "run" / stage / f"eval.{split}.json"
        options = ["--kind", stage.partition("/")[0], "--predictions", file, "--out", out]
        call(evaluate, *tables(project, masks, split), *options, "--config", CONFIG)


def fill(project: Path, masks: str = "masks.tsv") -> None:
    run = project / "run"
    judge(project, masks, "val", predict(run, "val", IDS))
    trained = predict(run, "train", TRAINED)
    del trained["segment/net"]
    judge(project, masks, "train", trained)
    for stage in ("cam", "affinity", "segment/net"):
        (run / stage).mkdir(exist_ok=True)
        (run / stage / "history.csv").write_text(
            add_checksum("step,epoch,net/cls,lr,seconds\n0,0,1,1,1\n")
        )
    benchmark(run, "train_cam", 70.5, 120.5)


def benchmark(run: Path, place: str, seconds: float, memory: float | str) -> None:
    file = run / f"benchmarks/{place}.tsv"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"s\tmax_rss\n{seconds}\t{memory}\n")


def draw(
    project: Path,
    masks: str = "masks.tsv",
    config: str = "{}",
    split: str = "val",
    names: tuple[str, ...] = ("run",),
) -> str:
    files = ["--out", project / "report.html", "--summary", project / "summary.tsv"]
    runs = ["--runs", *(f"{name}={project / name}" for name in names)]
    runs += ["--config", config, "--shards", 1]
    evaluations = ["--evaluations", *sorted(project.glob("**/eval.*.json"))]
    call(report, *tables(project, masks, split), *files, *runs, *evaluations)
    return (project / "report.html").read_text()


def test_whole_run(project: Path) -> None:
    fill(project)
    text = draw(project, config='{"dataset":{"name":"cats"},"seed":3}')
    assert "Not in this report" not in text
    assert text.count("data:image/webp") == 8 * 7
    assert "seed: 3" in text
    assert "Split train, 2 images with masks; ground truth: by hand." in text


def test_summary_tells_the_splits_apart(project: Path) -> None:
    fill(project)
    draw(project)
    lines = (project / "summary.tsv").read_text().splitlines()[1:]
    rows = [line.split("\t")[3:5] for line in lines]
    assert rows == [["val", "9"]] * 6 + [["train", "2"]] * 5


def test_same_run_same_page(project: Path) -> None:
    fill(project)
    assert draw(project) == draw(project)


def test_what_an_earlier_configuration_left_is_not_looked_at(project: Path) -> None:
    fill(project)
    before = draw(project)
    predict(project / "run", "val", IDS[:3], shard="1-of-2")
    (project / "run/segment/net").joinpath("notes").mkdir()
    (project / "run/segment/old/val/1-of-1").mkdir(parents=True)
    assert draw(project) == before


def test_training_images_alone(project: Path) -> None:
    fill(project)
    for path in project.glob("run/**/eval.val.json"):
        path.unlink()
    text = draw(project, split="train")
    assert "On the training images" not in text
    assert len((project / "summary.tsv").read_text().splitlines()) == 1 + 5


def test_run_without_masks_shows_examples(project: Path) -> None:
    fill(project, "no_masks.tsv")
    text = draw(project, "no_masks.tsv")
    assert "Examples" in text
    assert text.count("data:image/webp") == 8 * 6


def test_a_run_that_ends_early_misses_nothing(project: Path) -> None:
    fill(project)
    for stage in ("crf", "walk", "segment"):
        shutil.rmtree(project / "run" / stage)
    benchmark(project / "run", "random_walk/val.1-of-1", 5, 5)
    text = draw(project)
    assert "Not in this report" not in text
    assert all(f"<figcaption>{name}<" not in text for name in ("AffinityNet", "Segmenter net"))
    assert "<th>random_walk</th>" not in text


def test_a_stage_before_the_last_one_is_missed(project: Path) -> None:
    fill(project)
    (project / "run/crf/eval.train.json").unlink()
    text = draw(project)
    assert re.findall("<li>(.*)</li>", text) == ["crf/eval.train.json"]


def test_a_published_checkpoint_has_no_losses(project: Path) -> None:
    fill(project)
    (project / "run/cam/history.csv").write_text(add_checksum("step,epoch,lr\n"))
    text = draw(project)
    assert "<figcaption>Classifier<" not in text
    assert "<figcaption>AffinityNet<" in text
    assert "Not in this report" not in text


def test_repeats_are_summed_up_per_split(project: Path) -> None:
    fill(project)
    for name in ("psa.0", "psa.1", "psa.0.first"):
        shutil.copytree(project / "run", project / name)
    shutil.rmtree(project / "run")
    draw(project, names=("psa.0", "psa.1", "psa.0.first"))
    with (project / "summary.tsv").open() as file:
        rows = [row for row in csv.DictReader(file, delimiter="\t") if row["seeds"] != "1"]
    assert {(row["run"], row["seeds"], row["miou_std"]) for row in rows} == {
        ("psa", "2", "0.000000")
    }
    assert [row["split"] for row in rows] == ["val"] * 6 + ["train"] * 5


def test_empty_run_says_what_is_missing(project: Path) -> None:
    text = draw(project)
    missing = ("cam/eval.val.json", "walk/eval.train.json", "segment/*/history.csv")
    assert all(f"<li>{line}</li>" in text for line in (*missing, "benchmarks of the stages"))


def test_lost_predictions_are_missing_pictures(project: Path) -> None:
    fill(project)
    shutil.rmtree(project / "run/crf/maps")
    text = draw(project)
    assert text.count("data:image/webp") == 8 * 5
    assert "<li>pictures of crf</li>" in text


EVAL = {"kind": "cam", "split": "val", "results": {}}
DAMAGED = [
    ("cam/eval.val.json", {"kind": "cam"}, "damaged"),
    ("cam/eval.test.json", EVAL | {"split": "test"}, "of split test; give those of"),
    ("cam/eval.val.json", EVAL | {"kind": "crf"}, "figures of crf, val, which belong elsewhere"),
    ("cam/eval.val.json", EVAL | {"split": "train"}, "figures of cam, train, which belong"),
    ("../eval.json", EVAL, "none of the --runs"),
]


@pytest.mark.parametrize(("place", "document", "what"), DAMAGED)
def test_an_evaluation_that_fits_nothing_is_named(
    project: Path, place: str, document: dict, what: str
) -> None:
    file = project / "run" / place
    file.parent.mkdir(exist_ok=True)
    file.write_text(files.evaluation_text(document))
    folders = {"psa": project / "run"}
    with pytest.raises(UserError, match=rf"eval.*\.json: .*{what}"):
        report._evaluations([file.resolve()], folders, "val")


def test_an_evaluation_must_exist(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        report._evaluations([tmp_path / "eval.val.json"], {"psa": tmp_path}, "val")


@pytest.mark.parametrize("text", ["psa", "psa=/nowhere/at/all"])
def test_run_folder_must_exist(text: str) -> None:
    with pytest.raises(UserError, match="NAME=FOLDER"):
        report._named(text)
