import json
import re

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

from tests.data.fake_voc import MORE, make_sbd, make_voc
from wsss.cli import main
from wsss.config.segmenter import Segment
from wsss.nn.backbones import build
from wsss.stages.train_segmenter import untrained

ROWS = ["a.png,train,cat", "b.png,train,dog", "c.png,val,cat"]


@pytest.fixture
def data(tmp_path, monkeypatch):
    """A folder with a csv data set of three images and its configuration, mine.yaml."""
    monkeypatch.chdir(tmp_path)
    for name in "abc":
        Image.new("RGB", (80, 60)).save(tmp_path / f"{name}.png")
    (tmp_path / "labels.csv").write_text("\n".join(["image,split,labels", *ROWS]))
    configure(tmp_path, name="mine", source="csv")
    return tmp_path


def configure(folder, **dataset):
    content = {"dataset": {"root": str(folder), **dataset}}
    (folder / "mine.yaml").write_text(yaml.safe_dump(content))


def test_a_valid_data_set_is_described(data, capsys):
    assert main(["check", "mine.yaml"]) == 0
    shown = capsys.readouterr().out
    rows = [line.split() for line in shown.splitlines()]
    assert ["train", "2", "0", "0", "80", "x", "60", "80", "x", "60"] in rows
    assert ["cat", "1", "1"] in rows and ["dog", "1", "0"] in rows
    assert "Warning: fewer than 20 training images: cat (1), dog (1)" in shown
    assert "Data set mine (csv): no problem found" in shown
    assert "wsss forecast mine.yaml" in shown and "wsss run mine.yaml" in shown
    assert "\x1b" not in shown


@pytest.mark.parametrize("keys", [{"upper_bound": True}, {"segment": {"train": {"masks": True}}}])
def test_masks_that_a_run_learns_from_have_to_be_there(data, capfd, keys):
    content = yaml.safe_load((data / "mine.yaml").read_text())
    (data / "mine.yaml").write_text(yaml.safe_dump(content | keys))
    assert main(["check", "mine.yaml"]) == 2
    assert "upper_bound is true, but no training image has a mask" in capfd.readouterr().err
    Image.new("L", (80, 60), 1).save(data / "m.png")
    rows = [f"{row},{'m.png' if row[0] == 'a' else ''}" for row in ROWS]
    (data / "labels.csv").write_text("\n".join(["image,split,labels,mask", *rows]))
    assert main(["check", "mine.yaml"]) == 0


def test_train_comes_first_whatever_the_order_of_the_rows(data, capsys):
    (data / "labels.csv").write_text("\n".join(["image,split,labels", *reversed(ROWS)]))
    assert main(["check", "mine.yaml"]) == 0
    shown = capsys.readouterr().out
    assert re.search(r"train images +val images", shown)
    words = [line.split()[0] for line in shown.splitlines() if line.strip()]
    assert words.index("train") < words.index("val")


def test_a_network_for_the_demo_is_warned_about(data, capsys):
    content = yaml.safe_load((data / "mine.yaml").read_text())
    said = "Warning: backbone.name: tiny starts from random weights"
    assert main(["check", "mine.yaml"]) == 0 and said not in capsys.readouterr().out
    tiny = {"backbone": {"name": "tiny", "weights": None}}
    (data / "mine.yaml").write_text(yaml.safe_dump(content | tiny))
    assert main(["check", "mine.yaml"]) == 0 and said in capsys.readouterr().out


def test_nothing_is_written(data):
    before = sorted(data.rglob("*"))
    main(["check", "mine.yaml"])
    assert sorted(data.rglob("*")) == before


def test_wrong_data_are_listed_and_code_2(data, capfd):
    (data / "b.png").write_bytes(b"")
    (data / "labels.csv").write_text("\n".join(["image,split,labels", *ROWS, "d.png,val,cow"]))
    assert main(["check", "mine.yaml"]) == 2
    shown = capfd.readouterr()
    assert "error: 3 problems in " in shown.err and "labels.csv:5" in shown.err
    assert shown.out == ""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("dataset: {sauce: csv}", "dataset.sauce: no such key; did you mean source?"),
        ("dataset: {source: csv", "bad.yaml: not valid YAML"),
        ("[1, 2]", "bad.yaml: holds no keys"),
        ("runs: {x: {method: psb}}", "unknown method 'psb'"),
    ],
)
def test_a_wrong_configuration_is_named_and_code_2(data, capfd, text, message):
    (data / "bad.yaml").write_text(text)
    assert main(["check", "mine.yaml", "bad.yaml"]) == 2
    assert message in capfd.readouterr().err


def test_a_missing_configuration_is_named(data, capfd):
    assert main(["check", "nowhere.yaml"]) == 2
    assert "nowhere.yaml: no such file, and no recipe of that name" in capfd.readouterr().err


def test_without_any_configuration_one_is_asked_for(data, capfd):
    assert main(["check"]) == 2
    assert "name a configuration file, such as mine.yaml" in capfd.readouterr().err


def test_corrected_masks_are_checked_with_the_data(data, capfd):
    (data / "better.yaml").write_text("segment: {corrected: corrected}")
    assert main(["check", "mine.yaml", "better.yaml"]) == 2
    assert "segment.corrected: corrected is not a folder" in capfd.readouterr().err
    (data / "corrected").mkdir()
    shape = {"label": "cat", "points": [[0, 0], [9, 0], [9, 9]]}
    for names in ("a", "ab"):
        document = {"shapes": [shape] if names == "a" else [shape | {"label": "fox"}]}
        (data / f"corrected/{names[-1]}.json").write_text(json.dumps(document))
        assert main(["check", "mine.yaml", "better.yaml"]) == (0 if names == "a" else 2)
    shown = capfd.readouterr().err
    assert "1 masks of LabelMe" in shown and "b.json: 'fox' is no class" in shown


def test_tiles_that_can_be_cut_are_no_problem(data, capsys):
    configure(data, name="mine", source="csv", tiles={"size": 40, "overlap": 30})
    assert main(["check", "mine.yaml"]) == 0
    assert "no problem found" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("tiles", "message"),
    [
        ({"size": 100}, "100 pixels are more than 3 of 3 images have"),
        ({"size": 40, "overlap": 0, "labels": "tiles.csv"}, "tiles.csv: cannot be read"),
    ],
)
def test_tiles_that_cannot_be_cut_are_named(data, capfd, tiles, message):
    configure(data, name="mine", source="csv", tiles={"overlap": 0, **tiles})
    assert main(["check", "mine.yaml"]) == 2
    assert message in capfd.readouterr().err


def test_data_that_the_workflow_makes_are_asked_for(data, capfd):
    assert main(["check", "demo/psa"]) == 2
    missing = r"error: results/store/make_demo/\w+/data/labels\.csv: not there yet; wsss run with"
    assert re.search(missing, capfd.readouterr().err)


@pytest.fixture
def coco(data):
    """The same images as a COCO data set whose regions show a dog on every one."""
    region = [[10, 10, 30, 10, 30, 30]]
    for split, names in (("train", "ab"), ("val", "c")):
        images = [
            {"id": n, "file_name": f"{name}.png", "height": 60, "width": 80}
            for n, name in enumerate(names)
        ]
        marks = [
            {"image_id": n, "category_id": 5, "segmentation": region} for n in range(len(names))
        ]
        categories = [{"id": 2, "name": "cat"}, {"id": 5, "name": "dog"}]
        content = {"images": images, "annotations": marks, "categories": categories}
        (data / f"{split}.json").write_text(json.dumps(content))
    return data


@pytest.mark.parametrize("labels_from", ["annotations", "masks"])
def test_regions_of_coco_are_masks(coco, capsys, labels_from):
    files = {"train": "train.json", "val": "val.json"}
    layout = {"annotations": files, "images": {"train": ".", "val": "."}}
    configure(coco, name="mine", source="coco", coco=layout, labels_from=labels_from)
    assert main(["check", "mine.yaml"]) == 0
    shown = capsys.readouterr().out
    rows = [line.split() for line in shown.splitlines()]
    assert ["dog", "2", "1"] in rows and any(row[:4] == ["val", "1", "0", "1"] for row in rows)
    assert "split val has no masks" not in shown


def test_masks_of_the_data_set_are_counted(data, capsys):
    Image.fromarray(np.ones((60, 80), np.uint8)).save(data / "mask.png")
    rows = [f"{row},{'mask.png' if 'val' in row else ''}" for row in ROWS]
    (data / "labels.csv").write_text("\n".join(["image,split,labels,mask", *rows]))
    assert main(["check", "mine.yaml"]) == 0
    assert "split val has no masks" not in capsys.readouterr().out


def of_voc(data, **dataset):
    """Configure VOC with SBD over it, of which a mask is broken."""
    sbd = make_sbd(data / "sbd")
    (sbd / f"dataset/cls/{MORE[1]}.mat").write_bytes(b"MATLAB")
    splits = {"train": "train_aug", "val": "val"}
    own = {"source": "voc", "augment": str(sbd), "splits": splits, "tiles": None, **dataset}
    configure(make_voc(data / "VOC2012"), name="mine", **own)
    return str(data / "VOC2012/mine.yaml")


def test_masks_that_are_evaluated_are_read(data, capfd):
    assert main(["check", of_voc(data, augment_masks=True)]) == 2
    assert f"{MORE[1]}.mat: no mask of SBD" in capfd.readouterr().err


def test_masks_that_nobody_needs_are_not_read(data):
    assert main(["check", of_voc(data)]) == 0


def test_a_missing_archive_is_named(data, capfd):
    assert main(["check", of_voc(data, augment=str(data / "sbd.tgz"))]) == 2
    assert "dataset.augment: no such file" in capfd.readouterr().err


def test_images_are_checked_before_regions_are(coco, capfd):
    (coco / "b.png").write_bytes(b"")
    files = {"train": "train.json", "val": "val.json"}
    layout = {"annotations": files, "images": {"train": ".", "val": "."}}
    configure(coco, name="mine", source="coco", coco=layout)
    assert main(["check", "mine.yaml"]) == 2
    assert "1 problem in" in capfd.readouterr().err


@pytest.mark.parametrize("method", ["eader", "psa+eader"])
def test_a_training_too_short_for_the_adversary_is_foreseen(data, capfd, method):
    content = yaml.safe_load((data / "mine.yaml").read_text())
    train = {"epochs": 1, "min_steps": 0, "batch_size": 1}
    for localizer, code in ((2, 2), (1, 0)):
        own = {"train": train, "eader": {"localizer_steps": localizer}}
        (data / "mine.yaml").write_text(yaml.safe_dump(content | {"method": method, "cam": own}))
        assert main(["check", "mine.yaml"]) == code
        shown = capfd.readouterr().err
        assert ("no turn is left to the adversary in 2 steps" in shown) == (code == 2)


@pytest.mark.parametrize(("steps", "code"), [(4, 2), (5, 0)])
def test_a_training_too_short_for_the_triplets_is_foreseen(data, capfd, steps, code):
    content = yaml.safe_load((data / "mine.yaml").read_text())
    # two steps are an epoch
    own = {"train": {"steps": steps, "batch_size": 1}, "aeft": {"start": 2}}
    (data / "mine.yaml").write_text(yaml.safe_dump(content | {"method": "aeft", "cam": own}))
    assert main(["check", "mine.yaml"]) == code
    shown = capfd.readouterr().err
    assert ("no epoch is left to the triplets (epochs: 2)" in shown) == (code == 2)


CHECKPOINTS = {
    "cam": ({"cam": {"checkpoint": "tiny.pth"}}, "cam.checkpoint"),
    "irn": (
        {"affinity": {"source": "irn", "irn": {"checkpoint": "tiny.pth"}}},
        "affinity.irn.checkpoint",
    ),
    "segment": ({"segment": {"checkpoint": "tiny.pth"}}, "segment.checkpoint"),
}


@pytest.mark.parametrize("which", CHECKPOINTS)
def test_a_checkpoint_of_another_network_is_found(data, capfd, which):
    keys, key = CHECKPOINTS[which]
    torch.save(build("tiny").state_dict(), data / "tiny.pth")
    (data / "net.yaml").write_text(yaml.safe_dump({"backbone": {"name": "resnet18"}, **keys}))
    assert main(["check", "mine.yaml", "net.yaml"]) == 2
    shown = capfd.readouterr().err
    assert f"run psa: {key}: tiny.pth: does not fit" in shown and len(shown.splitlines()) == 1


@pytest.mark.parametrize("segmenter", ["deeplab_v3plus", "upernet", "smp/Unet"])
def test_a_checkpoint_that_fits_is_no_problem(data, capsys, segmenter):
    net, _ = untrained(Segment(segmenter=segmenter), build("tiny"), 2)
    torch.save(net.state_dict(), data / "net.pth")
    segment = {"segmenter": segmenter, "checkpoint": "net.pth"}
    keys = {"backbone": {"name": "tiny", "weights": None}, "segment": segment}
    (data / "net.yaml").write_text(yaml.safe_dump(keys))
    assert main(["check", "mine.yaml", "net.yaml"]) == 0
    assert "no problem found" in capsys.readouterr().out


WEIGHTS = {
    "backbone": {"backbone": {"name": "resnet18", "weights": "tiny.pth"}},
    "segment.backbone": {
        "backbone": {"name": "tiny", "weights": None},
        "segment": {"backbone": {"name": "resnet18", "weights": "tiny.pth"}},
    },
    "cam.clip_es.tower": {
        **{"method": "clip_es", "affinity": {"source": "none"}},
        "backbone": {"name": "tiny", "weights": None},
        "cam": {"clip_es": {"tower": {"name": "timm/test_vit.r160_in1k", "weights": "tiny.pth"}}},
    },
}


@pytest.mark.parametrize("key", WEIGHTS)
def test_weights_of_another_architecture_are_found(data, capfd, key):
    if "clip_es" in key:
        pytest.importorskip("open_clip")
    torch.save(build("tiny").state_dict(), data / "tiny.pth")
    (data / "net.yaml").write_text(yaml.safe_dump(WEIGHTS[key]))
    assert main(["check", "mine.yaml", "net.yaml"]) == 2
    shown = capfd.readouterr().err
    assert f"{key}.weights: " in shown and len(shown.splitlines()) == 1


@pytest.mark.parametrize(("block", "code"), [(-12, 0), (-13, 2)])
def test_a_transformer_with_too_few_blocks_is_found(data, capfd, block, code):
    keys = {
        **{"method": "vit", "backbone": {"name": "timm/vit_tiny_patch16_224"}},
        **{"cam": {"vit": {"block": block}}, "segment": {"segmenter": "upernet"}},
    }
    (data / "net.yaml").write_text(yaml.safe_dump(keys))
    assert main(["check", "mine.yaml", "net.yaml"]) == code
    said = "run vit: block -13: backbone timm/vit_tiny_patch16_224 has 12 blocks"
    assert (said in capfd.readouterr().err) == bool(code)
