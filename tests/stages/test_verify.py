"""Damaged results are named with the folder to remove; sound and missing ones are no damage."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.metrics.test_result import EVALUATION
from tests.workflow.conftest import ROOT
from wsss.cli import main
from wsss.config.files import merged
from wsss.config.resolve import load
from wsss.data.contents import DIGESTS, FileContents
from wsss.engine.checkpoint import save_model
from wsss.io.atomic import write_text
from wsss.io.checksummed import add_checksum
from wsss.io.index import Index, Item, Masks
from wsss.io.labels import LabelWriter, write_labels
from wsss.io.maps import MapsWriter
from wsss.io.provenance import bytes_digest
from wsss.metrics.classifier import ClassifierScores
from wsss.nn.backbones import build
from wsss.plan.artifacts import Plan
from wsss.plan.links import refresh
from wsss.report.checksums import with_checksums

META = {
    "backbone": {"name": "tiny", "output_stride": None},
    "method": "psa",
    "params": {},
    "classes": ["cat"],
    "radius": 5,
    "segmenter": "deeplab_v3plus",
    "options": {},
}


def scores(split):
    """Scores of an image with the label and one without."""
    return ClassifierScores.of(np.array([[1], [0]]), np.array([[True], [False]]), ["cat"], split)


def make(plan, artifact):
    """Write a small artifact of its kind."""
    path = Path(artifact.path)
    path.parent.mkdir(parents=True, exist_ok=True)
    if artifact.stage == "evaluate":
        update = {"product": artifact.product, "split": artifact.split}
        write_text(path, EVALUATION.model_copy(update=update).to_text())
    elif artifact.stage == "evaluate_classifier":
        write_text(path, scores(artifact.split).to_text())
    elif path.name == "labels.tsv":
        with LabelWriter(path) as out:
            out.put("a", np.zeros((2, 2), np.uint8))
    elif path.name == "maps.tsv":
        with MapsWriter(path) as maps:
            maps.put("a", cam=np.zeros((1, 8, 8), np.float16))
    elif path.name == "model.pt":
        kind = "backbone" if artifact.product == "weights" else artifact.product
        kind = kind.removeprefix("packed ")
        save_model(path, build("tiny"), kind, **META)
        write_text(path.with_name("history.csv"), add_checksum("step,epoch,lr\n"))
    elif artifact.product == "demo":
        write_labels(path.with_name("a.png"), np.zeros((2, 2), np.uint8))
        write_text(path, "image,split,labels\n")
    elif artifact.product in ("index", "masks"):
        image = Path(plan.artifact("demo", None).folder, "data/a.png")
        digest = bytes_digest(image.read_bytes())
        index = Index(("cat",), (Item("a", artifact.split, image, digest, ()),))
        masks = Masks("drawn", {"a": image}, {"a": digest})
        (index if artifact.product == "index" else masks).write(path)
    elif artifact.product == "report":
        tables = artifact.outputs[1:]
        for table in tables:
            write_text(Path(table), f"{table}\n")
        write_text(path, with_checksums("<p>\n", [f"{table}\n" for table in tables]))


@pytest.fixture
def plan(tmp_path, monkeypatch):
    """The plan of the shipped configuration, all of it made."""
    monkeypatch.chdir(tmp_path)
    shutil.copy2(ROOT / "config.yaml", "config.yaml")
    config = load(merged([]))
    plan = Plan(config, FileContents(config.dataset, DIGESTS))
    for artifact in plan.artifacts.values():
        make(plan, artifact)
    refresh(plan)
    return plan


def verify(capfd):
    capfd.readouterr()
    code = main(["verify"])
    return code, capfd.readouterr().err


def test_sound_results_are_not_damaged(plan, capfd):
    code, said = verify(capfd)
    count = len(plan.artifacts)
    assert code == 0 and f"results/store: {count} of {count} results are there" in said


def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0x10
    path.write_bytes(data)


def cut(path):
    path.write_bytes(path.read_bytes()[:-9])


FILES = [
    ("segmenter", None, "model.pt"),
    ("affinity", None, "history.csv"),
    ("walk", "train", "train/a.png"),
    ("segment", "val", "val/labels.tsv"),
    ("cam", "val", "val/maps.npz"),
    ("refined", "train", "train/maps.tsv"),
    ("index", "train", "index.train.tsv"),
    ("masks", "val", "masks.val.tsv"),
    ("demo", None, "data/a.png"),
]


@pytest.mark.parametrize("change", [flip, cut, Path.unlink])
@pytest.mark.parametrize(("product", "split", "file"), FILES)
def test_a_damaged_file_is_named_with_the_folder_to_remove(
    plan, capfd, product, split, file, change
):
    shared = product in ("index", "masks", "demo")
    artifact = plan.artifact(product, split, None if shared else "psa")
    change(Path(artifact.folder, file))
    code, said = verify(capfd)
    if change is Path.unlink and file == artifact.file:
        assert code == 0 and f"{len(plan.artifacts) - 1} of" in said
        return
    assert code == 2 and f"{artifact.folder}/{file}" in said
    assert said.rstrip().endswith(f"results again:\n  {artifact.folder}")


@pytest.mark.parametrize("change", [flip, cut])
def test_evaluations_and_reports_have_checksums(plan, capfd, change):
    evaluation = next(a for a in plan.artifacts.values() if a.stage == "evaluate")
    of_labels = plan.artifact("classifier scores", "val", "psa")
    for path in map(Path, (evaluation.path, of_labels.path, *plan.report.outputs)):
        sound = path.read_bytes()
        change(path)
        code, said = verify(capfd)
        assert code == 2 and f"{path}: " in said and said.rstrip().endswith(path.parts[-2])
        path.write_bytes(sound)
    assert verify(capfd)[0] == 0


def test_an_evaluation_of_another_product_is_damage(plan, capfd):
    ours, other = [a for a in plan.artifacts.values() if a.stage == "evaluate"][:2]
    shutil.copy2(other.path, ours.path)
    code, said = verify(capfd)
    assert code == 2 and f"{ours.path}: evaluation of {other.product} on {other.split}" in said


def test_scores_of_another_split_are_damage(plan, capfd):
    ours, other = (plan.artifact("classifier scores", s, "psa") for s in ("train", "val"))
    shutil.copy2(other.path, ours.path)
    code, said = verify(capfd)
    assert code == 2 and f"{ours.path}: on val, not on train" in said


def test_what_is_not_made_yet_is_no_damage(plan, capfd):
    shutil.rmtree(next(a.folder for a in plan.artifacts.values() if a.stage == "evaluate"))
    code, said = verify(capfd)
    count = len(plan.artifacts)
    assert code == 0 and f"{count - 1} of {count} results are there" in said


def test_nothing_to_verify_is_no_success(plan, capfd):
    shutil.rmtree(plan.store)
    code, said = verify(capfd)
    assert code == 2 and "results/store: no result of this configuration is there" in said


def test_links_that_lead_elsewhere_are_named(plan, capfd):
    for link in ("psa/walk/train", "report.html"):
        Path(plan.folder, link).unlink()
    Path(plan.folder, "psa/cam/model.pt").unlink()
    Path(plan.folder, "psa/cam/model.pt").symlink_to("nowhere")
    code, said = verify(capfd)
    assert code == 2 and "do not lead to their results: 3\n" in said
    assert f"{plan.folder}/psa/walk/train -> results/store/random_walk/" in said


def test_many_damages_are_counted(plan, capfd, monkeypatch):
    monkeypatch.setattr("wsss.stages.verify.SHOWN", 2)
    for artifact in plan.artifacts.values():
        if Path(artifact.path).name == "model.pt":
            flip(Path(artifact.path))
    code, said = verify(capfd)
    assert code == 2 and "damaged files: 5\n" in said and "  ... 3 more\n" in said


def test_a_file_of_several_images_is_named_once(plan, capfd):
    path = next(Path(plan.store).glob("infer_cam/*/train/maps.npz"))
    path.unlink()
    code, said = verify(capfd)
    assert code == 2 and "damaged files: 1\n" in said and said.count("maps.npz") == 1


def test_another_configuration_is_read_on_top(plan, capfd):
    Path("beta.yaml").write_text("walk: {beta: 4}\n")
    assert main(["verify", "beta.yaml"]) == 0
    assert f"of {len(plan.artifacts)} results are there" in capfd.readouterr().err
