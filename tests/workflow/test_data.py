"""Data sets as they are found, from their own formats to the index, the masks and back."""

import json
import re
import shutil
from pathlib import Path

import pytest

from tests.data.fake_voc import make_tgz, save_mat
from tests.workflow.conftest import ROOT
from wsss.config.dataset import Demo
from wsss.demo.folder import make_demo
from wsss.io.images import image_size
from wsss.io.index import Index, Masks
from wsss.io.labels import LabelReader, read_labels

pytestmark = [pytest.mark.workflow, pytest.mark.slow, pytest.mark.xdist_group("documentation")]

PREPARE = ("--until", "prepare_masks")


def voc_with_sbd(folder):
    """Leave six masks of ten in VOC, put the others and those of val into SBD's archive."""
    data, sbd = folder / "data", folder / "benchmark_RELEASE"
    lists = {s: data / f"ImageSets/Segmentation/{s}.txt" for s in ("train", "val")}
    ids, val = (path.read_text().split() for path in lists.values())
    lists["train"].write_text("\n".join(ids[:6]))
    (sbd / "dataset/cls").mkdir(parents=True)
    for name in (*ids[6:], *val):
        mask = data / f"SegmentationClass/{name}.png"
        save_mat(sbd / f"dataset/cls/{name}.mat", read_labels(mask))
        if name in ids:
            mask.unlink()
    (sbd / "dataset/train.txt").write_text("\n".join(ids[6:8] + val))
    (sbd / "dataset/val.txt").write_text("\n".join(ids[8:]))
    make_tgz(sbd, folder / "benchmark.tgz")
    shutil.rmtree(sbd)
    return ids


@pytest.mark.long
def test_sbd_is_laid_over_voc_without_touching_it(fresh):
    ids = voc_with_sbd(fresh.folder)
    before = {path: path.stat().st_mtime_ns for path in (fresh.folder / "data").rglob("*")}
    own = {"splits": {"train": "train_aug", "val": "val"}, "augment": "benchmark.tgz"}
    config = {"dataset": {**own, "labels_from": "masks", "augment_masks": True}}
    fresh.snakemake(*PREPARE, config=config)
    index = Index.read(fresh.results / "index.train.tsv")
    assert [item.image_id for item in index.items] == ids
    masks = Masks.read(fresh.results / "masks.train.tsv")
    assert list(masks.paths) == ids
    for item in index.items:
        shown = set(read_labels(fresh.folder / masks.paths[item.image_id]).ravel().tolist())
        assert {*item.classes} == {label - 1 for label in shown - {0, 255}}
    after = {path: path.stat().st_mtime_ns for path in (fresh.folder / "data").rglob("*")}
    assert after == before
    assert re.search("total +0", fresh.snakemake(*PREPARE, "--dry-run", config=config))


def test_coco_regions_become_masks(fresh):
    data = fresh.folder / "data"
    images = sorted((data / "JPEGImages").glob("*.jpg"))
    categories = [{"id": 3, "name": "cat"}, {"id": 7, "name": "dog"}]
    for split in ("train", "val"):
        mine = [path for path in images if path.name.startswith(split)]
        shown = [
            {"id": n, "file_name": path.name, "height": h, "width": w}
            for n, path in enumerate(mine, 1)
            for h, w in [image_size(path)]
        ]
        region = [[2, 2, 12, 2, 12, 12, 2, 12]]
        marks = [
            {"id": n, "image_id": n, "category_id": 3 + 4 * (n % 2), "iscrowd": 0,
             "segmentation": region}
            for n in range(1, len(mine))
        ]  # fmt: skip
        content = {"images": shown, "annotations": marks, "categories": categories}
        (data / f"{split}.json").write_text(json.dumps(content))
    layout = {"annotations": {s: f"{s}.json" for s in ("train", "val")}}
    layout["images"] = dict.fromkeys(("train", "val"), "JPEGImages")
    dataset = {"source": "coco", "classes": [], "coco": layout}
    fresh.snakemake(*PREPARE, config={"dataset": dataset})
    index = Index.read(fresh.results / "index.val.tsv")
    assert index.class_names == ("cat", "dog")
    assert [item.classes for item in index.items] == [(1,), (0,), (1,), ()]
    masks = Masks.read(fresh.results / "masks.val.tsv")
    first = read_labels(fresh.folder / masks.paths[index.items[0].image_id])
    assert first[5, 5] == 2 and first[20, 20] == 0


@pytest.mark.long
def test_tiles_go_through_the_whole_chain_and_back(fresh):
    """Without refinement and AffinityNet, to which a tile is an image like any other."""
    shutil.rmtree(fresh.folder / "data")
    make_demo(fresh.folder / "data", Demo(images=4, val_images=2, size=96))
    tiles = {"jobs": 1, "dataset": {"tiles": {"size": 64, "overlap": 16}}}
    fresh.snakemake(config={**tiles, "refine": "none", "affinity": {"source": "features"}})
    run = fresh.results / "psa"
    for split, folder in (("train", "walk/whole"), ("val", "segment/whole")):
        whole = LabelReader([run / folder / split / "labels.tsv"])
        images = sorted((fresh.folder / "data/JPEGImages").glob(f"{split}_*.jpg"))
        assert sorted(whole.ids) == [path.stem for path in images]
        for path in images:
            assert whole.read(path.stem).shape == image_size(path)


def test_a_downloaded_data_set_is_planned(fresh):
    shutil.copy(ROOT / "configs/data/voc12-download.yaml", fresh.folder / "download.yaml")
    files = [str(Path("configs/voc12/seam.yaml")), "download.yaml"]
    (fresh.folder / "pretrained").mkdir()
    (fresh.folder / "pretrained/resnet_38d.params").touch()
    output = fresh.run("snakemake", "--dry-run", "--configfile", *files)
    assert "fetch_data" in output and "train_cam" in output
