"""Masks that annotation tools have exported: what was exported comes back."""

import json
import zipfile
from pathlib import Path, PurePosixPath

import numpy as np
import pytest
from PIL import Image

from tests.export.tool import ask, needs_tools
from wsss.cli import main
from wsss.config.dataset import Dataset
from wsss.data.sources import brushes, drawn_inputs, drawn_masks, read
from wsss.errors import UserError
from wsss.export import cvat, label_studio
from wsss.export.label_maps import open_label_maps
from wsss.io import brush
from wsss.io.index import Index, Item
from wsss.io.labels import IGNORE, LabelWriter, palette

CLASSES = ("dog", "cat", "traffic light")
MASKS = {
    "a": np.array([[0, 1, 1], [2, 0, 3]], np.uint8),
    "b": np.array([[2, 2], [0, 3], [1, 0]], np.uint8),
    "c": np.zeros((2, 2), np.uint8),
}
ROWS = [("a", "train", "dog;cat;traffic light"), ("b", "val", "cat"), ("c", "val", "background")]
TABLE = "image,split,labels,mask\n" + "".join(
    f"images/{name}.png,{split},{labels},SegmentationClass/{name}.png\n"
    for name, split, labels in ROWS
)


@pytest.fixture
def root(tmp_path):
    """Images and their table, and what `wsss export` is given."""
    items = []
    (tmp_path / "images").mkdir()
    with LabelWriter(tmp_path / "masks/labels.tsv") as out:
        for name, labels in MASKS.items():
            path = tmp_path / f"images/{name}.png"
            Image.new("RGB", labels.shape[::-1]).save(path)
            items.append(Item(name, "val", path, "0", ()))
            out.put(name, labels)
    Index(CLASSES, tuple(items)).write(tmp_path / "index.tsv")
    (tmp_path / "labels.csv").write_text(TABLE)
    return tmp_path


def exported(root):
    return open_label_maps([root / "masks"], [root / "index.tsv"], None)


def export_cvat(root):
    cvat.write(exported(root), root / "out.zip")
    zipfile.ZipFile(root / "out.zip").extractall(root)


def annotate(root, change=lambda tasks: None, name="tasks.json"):
    """Let an annotator of Label Studio accept the predictions."""
    label_studio.write(exported(root), root / name)
    tasks = json.loads((root / name).read_text())
    for task in tasks:
        results = task.pop("predictions")[0]["result"]
        task["annotations"] = [{"result": results, "was_cancelled": False}]
    change(tasks)
    (root / name).write_text(json.dumps(tasks))


def dataset(root, **more):
    return Dataset(**{"source": "csv", "root": str(root), "name": "pets"} | more)


def drawn(root, **more):
    found = {}
    for split in ("train", "val"):
        found |= drawn_masks(dataset(root, **more), root, split)
    return {name: draw() for name, draw in found.items()}


def assert_equal(found, masks):
    assert found.keys() == masks.keys()
    for name, labels in masks.items():
        np.testing.assert_array_equal(found[name], labels)


@pytest.mark.parametrize("classes", [[], list(CLASSES)])
def test_an_export_for_cvat_comes_back(root, classes):
    export_cvat(root)
    assert_equal(drawn(root, classes=classes), MASKS)
    assert read(dataset(root), root).class_names == CLASSES


def test_the_ids_are_those_of_the_data_set_not_of_the_tool(root):
    export_cvat(root)
    swap = np.array([0, 2, 1, 0], np.uint8)
    found = drawn(root, classes=["cat", "dog"])
    assert_equal(found, {name: swap[labels] for name, labels in MASKS.items()})


def test_the_masks_of_a_voc_folder_come_back(root):
    export_cvat(root)
    (root / "images").rename(root / "JPEGImages")
    for path in (root / "JPEGImages").iterdir():
        path.rename(path.with_suffix(".jpg"))
    lists = root / "ImageSets/Segmentation"
    (lists / "train.txt").write_text("a\n")
    (lists / "val.txt").write_text("b\nc\n")
    (root / "labels.csv").unlink()
    options = {"source": "voc", "labels_from": "masks"}
    assert_equal(drawn(root, **options), MASKS)
    assert read(dataset(root, **options), root).class_names == CLASSES


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P"])
def test_colours_count_not_the_order_of_a_palette(root, mode):
    export_cvat(root)
    path = root / "SegmentationClass/a.png"
    Image.open(path).convert(mode, palette=Image.Palette.ADAPTIVE).save(path)
    assert_equal(drawn(root), MASKS)


def test_what_the_tool_ignores_is_ignored(root):
    export_cvat(root)
    with (root / "labelmap.txt").open("a") as file:
        file.write("void:1,2,3::\n")
    Image.fromarray(np.array([[[1, 2, 3], palette()[IGNORE]]], np.uint8)).resize((2, 2), 0).save(
        root / "SegmentationClass/c.png"
    )
    assert drawn(root)["c"].tolist() == [[IGNORE, IGNORE]] * 2


def test_without_colours_the_palette_of_voc_counts(root):
    export_cvat(root)
    (root / "labelmap.txt").write_text(
        "# label:color:parts:actions\nbackground:::\ndog:::\ncat:::\ntraffic light:::\n"
    )
    assert_equal(drawn(root), MASKS)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("cat:1,2:::", "1: no colour r,g,b from 0 to 255 of 'cat'"),
        ("cat:1,2,300::", "1: no colour"),
        ("cat:1,2,3::\ncat:1,2,4::", "2: 'cat' or its colour occurs twice"),
        ("cat:1,2,3::\ndog:1,2,3::", "2: 'dog' or its colour occurs twice"),
        ("cat", "1: not of the form"),
        ("# nothing", "lists no label"),
    ],
)
def test_a_malformed_label_map_is_named(root, text, problem):
    export_cvat(root)
    (root / "labelmap.txt").write_text(text)
    with pytest.raises(UserError, match=f"labelmap.txt:? ?{problem}"):
        drawn(root)


def test_what_does_not_fit_the_label_map_is_named(root):
    export_cvat(root)
    with pytest.raises(UserError, match="no colour of its own for class horse; its labels are dog"):
        drawn(root, classes=["horse", "dog"])
    Image.new("RGB", (2, 2), (9, 8, 7)).save(root / "SegmentationClass/c.png")
    with pytest.raises(UserError, match=r"c\.png: holds colours .*: 9,8,7 \(4 pixels\)"):
        drawn(root)
    Image.new("RGB", (5, 2)).save(root / "SegmentationClass/c.png")
    with pytest.raises(UserError, match=r"c\.png: the mask is 5 x 2 pixels, its image 2 x 2"):
        drawn(root)
    (root / "SegmentationClass/c.png").write_bytes(b"no image")
    with pytest.raises(UserError, match=r"c\.png: cannot be read as a mask"):
        drawn(root)


@pytest.mark.parametrize("source", ["csv", "folders"])
def test_a_correction_in_label_studio_comes_back(root, source):
    annotate(root)
    options = {"source": source, "masks": "tasks.json", "classes": list(CLASSES)}
    if source == "folders":
        for name, folder in {"a": "train/dog", "b": "val/cat", "c": "val/background"}.items():
            (root / folder).mkdir(parents=True)
            (root / f"images/{name}.png").rename(root / folder / f"{name}.png")
        found = {
            name.rpartition("__")[2]: labels for name, labels in drawn(root, **options).items()
        }
    else:
        found = drawn(root, **options)
    assert_equal(found, MASKS)


def test_the_last_annotation_counts_and_the_others_keep_their_masks(root):
    def change(tasks):
        (first,) = tasks[0]["annotations"]
        second = {"result": first["result"][:1], "updated_at": "2026-02-01T00:00:00Z"}
        cancelled = {"result": [], "was_cancelled": True, "updated_at": "2026-03-01T00:00:00Z"}
        tasks[0]["annotations"] = [second, first | {"updated_at": "2026-01-01"}, cancelled]
        tasks[0]["data"]["image"] = "/data/upload/1/0a1b2c3d-a.png"
        del tasks[1]["annotations"]

    annotate(root, change)
    found = drawn(root, masks="tasks.json", classes=list(CLASSES))
    assert_equal(found, {"a": MASKS["a"] * (MASKS["a"] == 1), "c": MASKS["c"]})
    listing = read(dataset(root, masks="tasks.json"), root)
    masks = {record.image.stem: record.mask for record in listing.records}
    assert masks == {"a": None, "b": Path("SegmentationClass/b.png"), "c": None}


@pytest.mark.parametrize(
    "data",
    [
        {"id": 7, "image": "/data/local-files/?d=images/a.png"},
        {"caption": "a dog", "photo": "/data/local-files/?d=images/a.png"},
        {"image": "/data/local-files/?d=images%5Ca.png"},
        {"image": "s3://bucket/images/a.png"},
        {"image": "https://host/images/a.png?X-Amz-Date=1"},
    ],
)
@pytest.mark.parametrize("regions", [0, 3])
def test_a_task_finds_its_image(root, data, regions):
    def change(tasks):
        tasks[0]["data"] = data
        tasks[0]["annotations"][0]["result"][regions:] = []

    annotate(root, change)
    found = drawn(root, masks="tasks.json", classes=list(CLASSES))
    assert_equal(found, MASKS if regions else MASKS | {"a": 0 * MASKS["a"]})


def test_a_task_finds_an_image_with_blanks_that_was_uploaded():
    """Django, which Label Studio stores uploads with, leaves letters, digits, -, _ and dots."""
    images = [Path("my dog (1).jpg"), Path("my cat.jpg"), Path("my_cat.jpg")]
    names = ["/upload/1/0a1b2c3d-my_dog_1.jpg", "/upload/1/0a1b2c3d-my_cat.jpg"]
    tasks = [brushes.Task(i, PurePosixPath(name), ()) for i, name in enumerate(names)]
    found = brushes.matched(tasks, images, Path("tasks.json"))
    assert found == {images[0]: tasks[0], images[2]: tasks[1]}


def wrong(**update):
    return lambda tasks: tasks[0]["annotations"][0]["result"][0].update(update)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (wrong(type="polygonlabels"), "task 0: polygonlabels is no brush mask"),
        (wrong(original_width=9), r"task 0: a mask of \(2, 9\)"),
        (wrong(value={"format": "rle", "rle": [0, 1], "brushlabels": ["cat"]}), "damaged .cut off"),
        (wrong(value={"format": "rle", "rle": [], "brushlabels": ["cow"]}), "'cow'.: not the name"),
        (lambda tasks: tasks[0]["data"].update(image="x.png"), "no image is called x.png"),
        (lambda tasks: tasks[0]["data"].update(image="b.png"), "several images fit"),
        (lambda tasks: [task.pop("annotations") for task in tasks], "none of its 3 tasks"),
        (lambda tasks: tasks.append(3), "not tasks that Label Studio exported"),
    ],
)
def test_what_does_not_fit_the_tasks_is_named(root, change, problem):
    annotate(root, change)
    with pytest.raises(UserError, match=rf"tasks\.json: .*{problem}"):
        drawn(root, masks="tasks.json", classes=list(CLASSES))


def test_every_value_of_the_brush_code_counts():
    single = "0" + "00" + "001" + "11111111" + "00000000"
    bits = f"{4:032b}" + "00111" + "0010" * 4 + "1" + "00" + "001" + "00000111" + single
    code = [int(bits[i : i + 8].ljust(8, "0"), 2) for i in range(0, len(bits), 8)]
    assert brush.decode(code, 1).tolist() == [0]
    mask = np.random.default_rng(0).random((50, 60)) > 0.5
    assert brush.decode(brush.encode(mask), 3000).tolist() == (255 * mask.ravel()).tolist()


def test_all_files_count_for_the_result(root):
    export_cvat(root)
    names = {Path(path).name for path in drawn_inputs(dataset(root), "val")}
    assert names == {"labelmap.txt", "b.png", "c.png"}


@pytest.mark.parametrize("masks", ["null", "tasks.json"])
@pytest.mark.parametrize("labels_from", ["annotations", "masks"])
def test_check_accepts_the_folder(root, capfd, monkeypatch, masks, labels_from):
    (annotate if masks == "tasks.json" else export_cvat)(root)
    monkeypatch.chdir(root)
    more = f"masks: {masks}, labels_from: {labels_from}, classes: [dog, cat, traffic light]"
    Path("config.yaml").write_text(f"dataset: {{source: csv, root: {root}, {more}}}\n")
    assert main(["check", "config.yaml"]) == 0
    assert "no problem found" in capfd.readouterr().out


WRITE = """
import sys
from datumaro.components.dataset import Dataset
data = Dataset.import_from(sys.argv[1], "voc_instance_segmentation")
data.export(sys.argv[2], "voc_segmentation", label_map="source", save_media=False)
print(1)
"""


@needs_tools
def test_masks_of_datumaro_come_back(root):
    export_cvat(root)
    ask(WRITE, root, root / "new")
    for name in ("labelmap.txt", "SegmentationClass"):
        (root / name).rename(root / f"old {name}")
        (root / "new" / name).rename(root / name)
    # it writes no mask of an image without objects
    (root / "old SegmentationClass/c.png").rename(root / "SegmentationClass/c.png")
    assert_equal(drawn(root, classes=list(CLASSES)), MASKS)


ENCODE = """
import json
import numpy as np
from label_studio_sdk.converter.brush import encode_rle
mask = np.random.default_rng(0).integers(0, 2, (40, 50), np.uint8) * 255
print(json.dumps(list(map(int, encode_rle(mask.repeat(4).ravel())))))
"""


@needs_tools
def test_brushes_of_label_studio_are_decoded():
    mask = np.random.default_rng(0).integers(0, 2, (40, 50), np.uint8) * 255
    assert brush.decode(ask(ENCODE), 2000).tolist() == mask.ravel().tolist()
