"""Every command of the documentation does what it says."""

import json
import re
import shlex
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

from tests.workflow.conftest import MICRO
from wsss.config.merging import merge

pytestmark = [pytest.mark.workflow, pytest.mark.slow, pytest.mark.xdist_group("documentation")]

ROOT = Path(__file__).parents[2]
PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
}
README = PAGES["README.md"]

TRAIN = "snakemake --cores all --configfile configs/photos.yaml pets.yaml"
RUN = "wsss run photos pets.yaml"
PETS = "results/pets/psa/segment/model.pt"
AFTER = (
    f"wsss predict {PETS} holiday masks --overlay --scores",
    "wsss export coco --labels masks --images holiday --out masks.json",
    f"wsss export onnx --model {PETS} --out pets.onnx",
)
"""Commands on the results of `TRAIN`."""
REVIEW = "wsss review mine.yaml"
IDS = "wsss export index --run results/pets/psa --out ids"
CORRECT = (
    "wsss export labelme --queue results/pets/psa/review.tsv --first 50 --min-region 0.001"
    " --out corrected"
)

PLANS = ("wsss plan pets.yaml", "wsss plan pets.yaml --budget quick")
PLANNED = "wsss run results/pets/plan.yaml"
REFINE = (
    "wsss refine --images photos --maps scores --out refined --names cat,dog --labels labels.csv"
)
INIT = "wsss init pets"
TUTORIAL = (PLANNED, "wsss review results/pets/plan.yaml")
"""Commands on a plan that has been run."""
FORECAST = "wsss forecast configs/voc12/psa.yaml --images"
FROZEN = "snakemake --cores all --configfile configs/photos-vit.yaml"
PHOTOS = "snakemake --cores all --configfile configs/photos.yaml"
VOC = "snakemake --cores all --configfile configs/voc12"
TABLES = (
    "wsss table mine.yaml",
    "wsss table mine.yaml --format latex",
    "wsss table mine.yaml --classes --format markdown",
)
COMMANDS = {
    "make demo": "test_the_demo_rises_at_every_step",
    "make test": "this suite",
    "make lint": "checks of style",
    "snakemake --cores all": "test_the_demo_rises_at_every_step",
    "wsss check photos pets.yaml": "test_own_photographs",
    "wsss check pets.yaml": "test_own_photographs",
    "wsss forecast photos pets.yaml": "test_forecast",
    **dict.fromkeys(PLANS, "test_plans"),
    f"{FORECAST} 10582 1449 --size 500 375 --classes 20 --labels 1.5": "test_forecast",
    f"{FORECAST} 82081 40137 --size 640 480 --classes 80 --labels 2.9": "test_forecast",
    TRAIN: "test_own_photographs",
    RUN: "test_own_photographs",
    f"{RUN} --dry-run": "test_own_photographs",
    "wsss status photos pets.yaml": "test_own_photographs",
    **dict.fromkeys(AFTER, "test_own_photographs"),
    REFINE: "test_maps_of_another_system",
    "wsss best mine.yaml": "test_own_photographs",
    INIT: "test_own_photographs",
    **dict.fromkeys(TUTORIAL, "test_own_photographs"),
    REVIEW: "test_own_photographs",
    CORRECT: "test_own_photographs",
    IDS: "test_own_photographs",
    **dict.fromkeys(TABLES, "test_own_photographs"),
    "wsss verify mine.yaml": "test_own_photographs",
    "wsss clean mine.yaml": "test_own_photographs",
    "wsss clean mine.yaml --keep other.yaml": "test_own_photographs",
    "wsss clean mine.yaml --yes": "test_own_photographs",
    "snakemake --cores all --configfile configs/demo/seam.yaml": "test_methods",
    "snakemake --cores all --configfile configs/demo/*.yaml": "test_methods",
    f"{PHOTOS} configs/experiments/refiners.yaml mine.yaml": "test_experiments_plan",
    f"{FROZEN} mine.yaml": "test_a_frozen_transformer_plans",
    f"{PHOTOS} configs/sam.yaml pets.yaml": "test_sam",
    "snakemake --profile profiles/slurm --configfile mine.yaml": "test_slurm",
    "snakemake --report snakemake.html": "test_chain",
    f"{VOC}/seam.yaml configs/data/voc12-download.yaml": "test_data",
    f"{VOC}/seam.yaml": "test_recipes_plan",
    f"{VOC}/clip_es.yaml": "test_recipes_plan",
    f"{VOC}/seam.yaml configs/segment/deeplab_v2.yaml": "test_recipes_plan",
    f"{VOC}/eader.yaml configs/voc12/eader-alpha.yaml": "test_recipes_plan",
    f"{VOC}/vit.yaml": "test_recipes_plan",
}
"""Commands of the documentation, and what runs them."""

SHORT = {"epochs": 1, "min_steps": 0, "crop": 64}
QUICK = {
    "cam": {"train": SHORT, "infer": {"scales": [1.0], "flip": False}},
    "affinity": {"train": SHORT},
    "segment": {"rounds": 1, "train": SHORT, "infer": {"scales": [1.0], "flip": False}},
}


def blocks(language, pages=PAGES):
    """The blocks of code of a language."""
    fence = re.compile(rf"```{language}\n(.*?)```", re.DOTALL)
    return [block for text in pages.values() for block in fence.findall(text)]


def test_every_command_is_known_here():
    lines = [line for block in blocks("bash") for line in block.strip().splitlines()]
    assert set(lines) == set(COMMANDS)


def test_make_demo_is_the_plain_workflow():
    recipe = (ROOT / "Makefile").read_text(encoding="utf-8").partition("\ndemo:")[2]
    assert recipe.splitlines()[1].endswith("snakemake --cores all")


@pytest.mark.long
def test_the_demo_rises_at_every_step(fresh, tmp_path):
    output = fresh.run("snakemake", "--cores", "all")
    summary = pd.read_csv(tmp_path / "results/demo/summary.tsv", sep="\t")
    miou = summary[summary["split"] == "val"].set_index("stage")["miou"]
    assert miou["seed oracle"] < miou["refined maps low"]
    assert miou["refined maps low"] < miou["pseudo labels"] <= miou["segmenter deeplab_v3plus"]
    assert "Report: results/demo/report.html" in output
    assert "Nothing to be done" in fresh.run("snakemake", "--dry-run")


def test_own_photographs(fresh, tmp_path):
    """The README's table and YAML, word for word, with quick settings behind them."""
    readme = {"README.md": README}
    (table,), (settings,) = blocks("csv", readme), blocks("yaml", readme)
    names = [line.split(",")[0] for line in table.strip().splitlines()[1:]]
    pictures = sorted((tmp_path / "data/JPEGImages").glob("*.jpg"))
    for name, picture in zip(names, pictures, strict=False):
        target = tmp_path / "pets" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(picture, target)
    (tmp_path / "pets/labels.csv").write_text(table)
    fresh.run(*INIT.split())
    found = yaml.safe_load((tmp_path / "pets.yaml").read_text())["dataset"]
    assert found | {"root": "/data/pets"} == yaml.safe_load(settings)["dataset"]
    (tmp_path / "pets.yaml").write_text(settings.replace("/data/pets", "pets"))
    fresh.yaml("quick.yaml", QUICK)
    for recipe in ([], ["photos"]):
        assert "person" in fresh.run("wsss", "check", *recipe, "pets.yaml")
    assert "train_cam" in fresh.run(*TRAIN.split(), "--dry-run")
    assert re.search(r"^not made yet: .*train_cam", fresh.run(*RUN.split(), "--dry-run"))
    output = fresh.run(*RUN.split(), "quick.yaml")
    assert f"masks of other images: wsss predict {PETS} <images> <masks>" in output
    assert "cam.train.crop: 64 -> 320; " in fresh.run(*RUN.split(), "--dry-run")
    assert re.search(r"psa +stale", fresh.run("wsss", "status", "photos", "pets.yaml"))
    promised = re.findall(r"`(results/pets/[^`]+)`", README)
    assert len(promised) == 5
    for pattern in promised:
        assert list(tmp_path.glob(pattern)), pattern
    shutil.copytree(tmp_path / "pets/images", tmp_path / "holiday")
    for command in AFTER:
        fresh.run(*shlex.split(command))
    (snippet,) = blocks("python", readme)
    fresh.run("python", "-c", snippet)
    assert (tmp_path / "beach.png").stat().st_size
    drawn = json.loads((tmp_path / "masks.json").read_text())
    assert len(drawn["images"]) == 4 and (tmp_path / "pets.onnx").stat().st_size
    shutil.copy(tmp_path / "pets.yaml", tmp_path / "mine.yaml")
    recipe, own = (yaml.safe_load((tmp_path / file).read_text()) for file in TRAIN.split()[-2:])
    fresh.yaml("other.yaml", merge(merge(recipe, own), QUICK))
    shutil.copy(tmp_path / "other.yaml", tmp_path / "results/pets/plan.yaml")
    for command in TUTORIAL:
        fresh.run(*command.split())
    said = fresh.run("wsss", "best", "other.yaml", check=False)
    assert "nothing can choose" in said or "best: psa, the only run" in said
    assert CORRECT[:40] in fresh.run(*REVIEW.replace("mine", "other").split())
    fresh.run(*CORRECT.split())
    fresh.run(*IDS.split())
    assert len(list((tmp_path / "corrected").glob("*.json"))) == len(list(tmp_path.glob("ids/*")))
    fresh.yaml("corrected.yaml", {"segment": {"corrected": "corrected"}})
    planned = fresh.run("snakemake", "--dry-run", "--configfile", "other.yaml", "corrected.yaml")
    counts = dict(re.findall(r"^(\w+) +(\d+)$", planned, re.MULTILINE))
    assert (
        counts["train_segmenter"] == counts["read_corrected"] == "1" and "train_cam" not in counts
    )
    for command in TABLES:
        said = fresh.run(*command.replace("mine", "other").split(), check=False)
        assert "psa" in said or "no mIoU to show; the data set has no masks" in said
    assert "nothing is damaged" in fresh.run("wsss", "verify", "other.yaml")
    assert "train_segmenter" in fresh.run("wsss", "clean", "mine.yaml")
    keep = "wsss", "clean", "mine.yaml", "--keep", "other.yaml"
    assert "everything is used" in fresh.run(*keep)
    assert (tmp_path / PETS).exists()
    fresh.run("wsss", "clean", "mine.yaml", "--yes")
    assert not (tmp_path / PETS).exists()


def test_plans(fresh):
    fresh.yaml("pets.yaml", {"dataset": MICRO["dataset"] | {"name": "pets"}})
    for command in PLANS:
        assert "No recipe can mend" in fresh.run(*command.split())
    output = fresh.run(*PLANNED.split(), "--dry-run")
    assert "Plan quick" in output and "nothing is overridden" in output
    # another value, and another label
    fresh.yaml("mine.yaml", {"cam": {"train": {"batch_size": 3}}})
    labels = fresh.folder / "data/labels.csv"
    head, first, *rows = labels.read_text().splitlines()
    labels.write_text("\n".join([head, f"{first};house", *rows]))
    output = fresh.run(*PLANNED.split(), "mine.yaml", "--dry-run")
    assert "-> 3" in output and "changed since the plan" in output


def test_maps_of_another_system(fresh, tmp_path):
    (picture, *_) = sorted((tmp_path / "data/JPEGImages").glob("*.jpg"))
    for name in ("photos", "scores"):
        (tmp_path / name).mkdir()
    shutil.copy(picture, tmp_path / "photos/a.jpg")
    with Image.open(picture) as image:
        np.save(tmp_path / "scores/a.npy", np.ones((2, image.height, image.width), np.float32))
    (tmp_path / "labels.csv").write_text("image,labels\nphotos/a.jpg,cat\n")
    fresh.run(*shlex.split(REFINE))
    assert (tmp_path / "refined/a.png").exists()


def test_the_runs_of_the_documentation_are_valid(fresh):
    runs, _sam, _corrected = (block for block in blocks("yaml") if block.startswith("runs:"))
    (fresh.folder / "runs.yaml").write_text(runs)
    output = fresh.run("snakemake", "--dry-run", "--configfile", "runs.yaml")
    assert re.search(r"train_cam +3", output)


def test_experiments_plan(fresh):
    fresh.yaml("mine.yaml", {"dataset": MICRO["dataset"]})
    (command,) = (c for c, test in COMMANDS.items() if test == "test_experiments_plan")
    output = fresh.run(*command.split(), "--dry-run")
    assert re.search(r"train_cam +1\n", output) and re.search(r"refine_maps +12\n", output)


def test_a_frozen_transformer_plans(fresh):
    fresh.yaml("mine.yaml", {"dataset": MICRO["dataset"]})
    output = fresh.run(*FROZEN.split(), "mine.yaml", "--dry-run")
    assert re.search(r"train_cam +1\n", output) and "train_affinity" not in output


@pytest.mark.parametrize(
    "command", [c for c, test in COMMANDS.items() if test == "test_recipes_plan"]
)
def test_recipes_plan(command, fresh, tmp_path):
    """The official recipes on a folder of PASCAL VOC's layout; only a GPU finishes them."""
    voc = tmp_path / "VOCdevkit/VOC2012"
    voc.parent.mkdir()
    (tmp_path / "data").rename(voc)
    shutil.copytree(voc / "SegmentationClass", voc / "SegmentationClassAug")
    lists = voc / "ImageSets/Segmentation"
    (lists / "train.txt").rename(lists / "train_aug.txt")
    (tmp_path / "pretrained").mkdir()
    for weights in ("resnet_38d.params", "deeplabv1_resnet101-imagenet.pth"):
        (tmp_path / "pretrained" / weights).touch()
    output = fresh.run(*shlex.split(command), "--dry-run")
    runs = 12 if "alpha" in command else 1
    stage = "prepare_cam" if "clip_es" in command else "train_cam"
    assert re.search(rf"{stage} +{runs}\n", output)
