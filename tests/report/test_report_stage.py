import csv
import html
import json
import re
import shutil
from argparse import ArgumentParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.listed import listed
from wsss.data.taxonomy import VOC_CLASSES
from wsss.errors import UserError
from wsss.io.checksummed import add_checksum
from wsss.io.index import Index, Masks
from wsss.io.labels import LabelWriter, write_labels
from wsss.io.maps import MapsWriter
from wsss.io.provenance import file_digest
from wsss.metrics.classifier import ClassifierScores
from wsss.metrics.result import Evaluation
from wsss.pipeline import product
from wsss.plan.files import ProductFiles, RunFiles
from wsss.products import TRAIN, VAL
from wsss.stages import evaluate, report

IDS = [f"image{i}" for i in range(9)]
TRAINED = ["image9", "image10"]
EVALUATED = {"cam": (TRAIN, VAL), "refined": (TRAIN, VAL), "walk": (TRAIN, VAL), "segment": (VAL,)}
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
    return tmp_path


def call(module, *options: object) -> None:
    parser = ArgumentParser()
    module.add_arguments(parser)
    module.run(parser.parse_args([str(option) for option in options]))


def tables(project: Path, masks: str, split: str = "val") -> list[object]:
    return ["--index", project / "index.tsv", "--masks", project / masks, "--split", split]


def predict(run: Path, split: str, ids: list[str]) -> None:
    """Write the predictions of every product."""
    small, size = np.full((1, 3, 4), 0.4, np.float16), np.array([12, 16])
    with (
        MapsWriter(run / f"cam/{split}/maps.tsv") as cams,
        MapsWriter(run / f"refined/{split}/maps.tsv") as posteriors,
    ):
        for name in ids:
            cams.put(name, classes=np.array([0]), cam=small, size=size)
            posteriors.put(name, classes=np.array([0]), **SCORES)
    for name in ("walk", "segment"):
        with LabelWriter(run / f"{name}/{split}/labels.tsv") as writer:
            for place, image_id in enumerate(ids):
                writer.put(image_id, truth(place // 2))


def evaluate_run(project: Path, masks: str, split: str) -> None:
    for name, splits in EVALUATED.items():
        if split in splits:
            folder = project / "run" / name
            record = folder / product(name).record.format(split=split)
            out = folder / f"eval.{split}.json"
            options = ["--product", name, "--form", product(name).form, "--predictions", record]
            options += ["--out", out, "--config", CONFIG]
            call(evaluate, *tables(project, masks, split), *options)


def fill(project: Path, masks: str = "masks.tsv") -> None:
    run = project / "run"
    for split, ids in ((VAL, IDS), (TRAIN, TRAINED)):
        predict(run, split, ids)
        evaluate_run(project, masks, split)
    for name in ("classifier", "affinity", "segmenter"):
        write_history(run / name, "0,0,1,1,1\n")
    benchmark(run / "classifier", 70.5, 120.5)


def write_history(folder: Path, rows: str) -> None:
    folder.mkdir(exist_ok=True)
    text = add_checksum("step,epoch,net/cls,lr,seconds\n" + rows)
    (folder / "history.csv").write_text(text)


def benchmark(folder: Path, seconds: float, memory: float | str) -> None:
    file = folder / "benchmarks/all.tsv"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"s\tmax_rss\n{seconds}\t{memory}\n")


def described(run: Path, *without: str) -> RunFiles:
    """The description of a run whose products lie in folders of their names."""
    found = {}
    for name in ("classifier", "cam", "refined", "affinity", "walk", "segmenter", "segment"):
        row, splits = product(name), EVALUATED.get(name, ())
        if name not in without:
            found[name] = ProductFiles(
                files={s or "": f"{run}/{name}/{row.record.format(split=s)}" for s in row.splits},
                evaluations={split: f"{run}/{name}/eval.{split}.json" for split in splits},
                history=f"{run}/{name}/history.csv" if row.kind == "model" else None,
                benchmarks={row.makers[-1].name: (f"{run}/{name}/benchmarks",)},
                variant="net" if name.startswith("segment") else "",
            )
    return RunFiles(run.name, found)


def outputs(project: Path) -> list[object]:
    """The files that the stage is to write."""
    tables = ("summary", "classes", "differences")
    named = [word for name in tables for word in (f"--{name}", project / f"{name}.tsv")]
    return ["--out", project / "report.html", *named]


def draw(
    project: Path,
    masks: str = "masks.tsv",
    config: str = "{}",
    split: str = VAL,
    names: tuple[str, ...] = ("run",),
    without: tuple[str, ...] = (),
) -> str:
    files = outputs(project)
    lines = (described(project / name, *without).to_json() for name in names)
    runs = ["--runs", "\n".join(lines)]
    call(report, *tables(project, masks, split), *files, *runs, "--config", config)
    return (project / "report.html").read_text()


def test_whole_run(project: Path) -> None:
    fill(project)
    text = draw(project, config='{"dataset":{"name":"cats"},"seed":3}')
    assert "Not in this report" not in text
    # rows of the best, the worst and different images of val and train, and a sheet of train
    assert text.count("data:image/webp") == 6 * 7 + 2 * 6 + 2
    assert "seed: 3" in text
    assert "Split train, 2 images with masks; ground truth: by hand." in text


def test_summary_tells_the_splits_apart(project: Path) -> None:
    fill(project)
    draw(project)
    lines = (project / "summary.tsv").read_text().splitlines()[1:]
    rows = [line.split("\t")[3:5] for line in lines]
    assert rows == [["val", "9"]] * 6 + [["train", "2"]] * 5


def test_weaknesses_of_the_data_are_said(project: Path) -> None:
    fill(project)
    found = html.unescape(draw(project))
    assert "Class 'cat' is on every training image, so there are no negative examples" in found
    assert "Images both in train and in val: 1; keep each in one: image0 = image1" in found


def test_same_run_same_page(project: Path) -> None:
    fill(project)
    assert draw(project) == draw(project)


def test_what_is_not_described_is_not_looked_at(project: Path) -> None:
    fill(project)
    before = draw(project)
    shutil.copytree(project / "run/segment", project / "run/old")
    (project / "run/walk/eval.test.json").write_text("")
    assert draw(project) == before


def test_training_images_alone(project: Path) -> None:
    fill(project)
    for path in project.glob("run/**/eval.val.json"):
        path.unlink()
    draw(project, split=TRAIN)
    assert len((project / "summary.tsv").read_text().splitlines()) == 1 + 5


def test_without_masks_suspicious_images_are_shown(project: Path) -> None:
    fill(project, "no_masks.tsv")
    text = draw(project, "no_masks.tsv")
    assert "Most suspicious" in text and "by the masks" not in text
    assert text.count("data:image/webp") == 2 * 6 + 2 * 5 + 2


def test_results_are_linked_beside_the_page(project: Path) -> None:
    fill(project)
    links = re.findall('href="([^#][^"]*)"', draw(project))
    assert links == [
        "data:,",
        "summary.tsv",
        "run/cam/model.pt",
        "run/affinity/model.pt",
        "run/walk/train/",
        "run/walk/val/",
        "run/segment/model.pt",
        "run/segment/val/",
    ]


def test_repeats_have_the_pictures_of_the_first(project: Path) -> None:
    fill(project)
    for name in ("psa.0", "psa.1"):
        shutil.copytree(project / "run", project / name)
    once = draw(project, names=("psa.0",)).count("data:image/webp")
    assert draw(project, names=("psa.0", "psa.1")).count("data:image/webp") == once


def test_a_run_that_ends_early_misses_nothing(project: Path) -> None:
    fill(project)
    benchmark(project / "run/walk", 5, 5)
    text = draw(project, without=("refined", "affinity", "walk", "segmenter", "segment"))
    assert "Not in this report" not in text
    assert all(f"<h3>{name}<" not in text for name in ("AffinityNet", "Segmenter net"))
    assert ">random_walk</th>" not in text


def test_a_lost_evaluation_is_missed(project: Path) -> None:
    fill(project)
    (project / "run/refined/eval.train.json").unlink()
    text = draw(project)
    missing = text.partition('id="missing"')[2]
    assert re.findall("<li>(.*)</li>", missing) == ["refine/eval.train.json"]


def test_a_published_checkpoint_has_no_losses(project: Path) -> None:
    fill(project)
    write_history(project / "run/classifier", "")
    text = draw(project)
    assert "<h3>Classifier<" not in text
    assert "<h3>Affinity network<" in text
    assert "<h3>Segmenter net<" in text
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


def test_every_class_and_difference_is_in_a_table_of_its_own(project: Path) -> None:
    fill(project)
    shutil.copytree(project / "run", project / "other")
    draw(project, names=("run", "other"))
    with (project / "classes.tsv").open() as file:
        rows = [
            row for row in csv.DictReader(file, delimiter="\t") if row["stage"] == "pseudo labels"
        ]
    names = ["background", "cat"]
    assert [(row["run"], row["split"], row["class"]) for row in rows] == [
        (run, split, name) for split in (VAL, TRAIN) for run in ("run", "other") for name in names
    ]
    with (project / "differences.tsv").open() as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    assert {(row["run"], row["against"]) for row in rows} == {("other", "run")}
    assert [row["images"] for row in rows] == ["9"] * 6 + ["2"] * 5
    assert {row["image_gain"] for row in rows} == {"0.000000"}


def test_published_values_of_a_recipe_are_in_summary_and_page(project: Path) -> None:
    index = Index.read(project / "index.tsv")
    Index(VOC_CLASSES, index.items).write(project / "index.tsv")
    fill(project)
    (project / "run").rename(project / "psa")
    (project / "resnet_38d.params").touch()
    backbone = {"name": "resnet38d", "weights": f"{project}/resnet_38d.params"}
    data = {"source": "voc", "root": str(project), "splits": {"train": "train_aug", "val": "val"}}
    config = json.dumps({"dataset": data, "method": "psa", "backbone": backbone})
    text = draw(project, names=("psa",), config=config)
    with (project / "summary.tsv").open() as file:
        (row,) = (r for r in csv.DictReader(file, delimiter="\t") if r["stage"] == "segmenter net")
    assert (row["recipe"], row["published"]) == ("psa", "0.617000")
    assert row["published_differs"].startswith("on 9 images, not VOC's 1449; cam.train.")
    assert "<td>voc12/psa</td><td>val</td><td>segmenter net</td>" in text


def test_empty_run_says_what_is_missing(project: Path) -> None:
    text = draw(project)
    missing = ("cam/eval.val.json", "walk/eval.train.json", "segment/history.csv")
    assert all(f"<li>{line}</li>" in text for line in (*missing, "benchmarks of the stages"))


def test_lost_predictions_are_missing_pictures(project: Path) -> None:
    fill(project)
    (project / "run/refined/val/maps.tsv").unlink()
    text = draw(project)
    assert text.count("data:image/webp") == 4 * 5 + 2 * 6 + 2
    assert "<li>pictures of refined</li>" in text


@pytest.mark.parametrize("wrong", [{"product": "refined"}, {"split": "train"}])
def test_an_evaluation_of_something_else_is_refused(project: Path, wrong: dict[str, str]) -> None:
    fill(project)
    file = project / "run/cam/eval.val.json"
    file.write_text(Evaluation.read(file).model_copy(update=wrong).to_text())
    with pytest.raises(
        UserError, match=r"val\.json: evaluation of .* should be of cam on val; del"
    ):
        draw(project)


def test_a_damaged_evaluation_is_named(project: Path) -> None:
    fill(project)
    (project / "run/cam/eval.val.json").write_text("{}")
    with pytest.raises(UserError, match=r"eval\.val\.json: damaged eval file"):
        draw(project)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("psa=/results", "--runs: psa=/results: Invalid JSON"),
        ('{"name": "psa"}', "--runs: products: Field required"),
        (
            RunFiles("psa", {"what": ProductFiles({}, {}, None, {})}).to_json(),
            "--runs: run psa: unknown product what",
        ),
    ],
)
def test_a_wrong_description_is_one_line(project: Path, text: str, problem: str) -> None:
    rest = [*outputs(project), "--config", "{}"]
    with pytest.raises(UserError) as raised:
        call(report, *tables(project, "masks.tsv"), "--runs", text, *rest)
    assert str(raised.value).startswith(problem) and "\n" not in str(raised.value)


OF_LABELS = ClassifierScores.of(np.array([[1], [0]]), np.array([[True], [False]]), ("cat",), "val")


def with_scores(project: Path) -> list[object]:
    """Add the evaluation of the classifier on val to the description of the run."""
    run = project / "run"
    path = {"val": f"{run}/classifier.val.json"}
    scores = ProductFiles(path, {}, None, {})
    known = described(run)
    line = RunFiles(known.name, {**known.products, "classifier scores": scores}).to_json()
    return ["--runs", line, *outputs(project)]


def test_the_classifier_is_in_summary_and_page(project: Path) -> None:
    fill(project)
    (project / "run/classifier.val.json").write_text(OF_LABELS.to_text())
    call(report, *tables(project, "masks.tsv"), *with_scores(project), "--config", "{}")
    with (project / "summary.tsv").open() as file:
        row = next(csv.DictReader(file, delimiter="\t"))
    assert (row["stage"], row["map"], row["split"]) == ("classifier", "1.000000", "val")
    text = (project / "report.html").read_text()
    assert '<section id="classifier"' in text and "Not in this report" not in text


def test_lost_scores_are_missed(project: Path) -> None:
    fill(project)
    call(report, *tables(project, "masks.tsv"), *with_scores(project), "--config", "{}")
    assert "<li>cam/classifier.val.json</li>" in (project / "report.html").read_text()


def test_scores_of_another_split_are_refused(project: Path) -> None:
    fill(project)
    other = OF_LABELS.model_copy(update={"split": "train"}).to_text()
    (project / "run/classifier.val.json").write_text(other)
    with pytest.raises(UserError, match=r"val\.json: is of train, not of val; delete it"):
        call(report, *tables(project, "masks.tsv"), *with_scores(project), "--config", "{}")
