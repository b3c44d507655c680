"""What annotation tools write comes back as label maps of training images."""

import json

import numpy as np
import pytest
from PIL import Image

from wsss.data.corrections import find_corrections
from wsss.errors import UserError
from wsss.io import brush
from wsss.io.index import Item
from wsss.io.labels import palette, write_labels

CLASSES = ("cat", "dog")
TRUTH = np.array([[0, 1, 1, 1], [2, 1, 0, 1], [2, 1, 1, 1]], np.uint8)


@pytest.fixture
def items(tmp_path):
    """Images a, b and two of one name, of the size of TRUTH."""
    names = {"a": "a.jpg", "b": "sub/b.jpg", "c": "one/c.jpg", "two__c": "two/c.jpg"}
    for name in names.values():
        (tmp_path / "photos" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 3)).save(tmp_path / "photos" / name)
    return [Item(i, "train", tmp_path / "photos" / name, "0", ()) for i, name in names.items()]


def shape(label, points, **more):
    return {"label": label, "points": points, **more}


def labelme(*shapes, **more):
    return json.dumps({"shapes": list(shapes), **more})


CAT = shape("cat", [[1, 0], [3, 0], [3, 2], [1, 2]])
HOLE = shape("_background_", [[2, 1], [2, 1], [2, 1]], shape_type="polygon")
DOG = shape("dog", [[0, 1], [0, 2]], shape_type="rectangle")
TASK = {
    "data": {"image": "/data/local-files/?d=a.jpg"},
    "annotations": [
        {
            "result": [
                {
                    "type": "brushlabels",
                    "to_name": "image",
                    "original_width": 4,
                    "original_height": 3,
                    "value": {
                        "format": "rle",
                        "rle": brush.encode(number == TRUTH),
                        "brushlabels": [name],
                    },
                }
                for number, name in enumerate(CLASSES, 1)
            ]
        }
    ],
}
NAMES = "names: {0: dog, 1: cat}\n"
RING = "1 0.25 0 0.75 0 0.75 0.667 0.25 0.667\n"
BAR = "0 0 0.333 0 0.667 0 0.667\n"


def write(folder, **files):
    for name, content in files.items():
        path = folder / name.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "corrected").mkdir()
    return tmp_path / "corrected"


def cvat(folder):
    write(folder, labelmap_dot_txt="background:0,0,0::\ncat:1,2,3::\ndog:9,9,9::\n")
    colours = np.array([[0, 0, 0], [1, 2, 3], [9, 9, 9]], np.uint8)
    (folder / "SegmentationClass").mkdir()
    Image.fromarray(colours[TRUTH]).save(folder / "SegmentationClass/a.png")


def ids(folder):
    write_labels(folder / "a.png", TRUTH)


TOOLS = {
    "CVAT": cvat,
    "PNGs of ids": ids,
    "Label Studio": lambda folder: write(folder, tasks_dot_json=json.dumps([TASK])),
    "LabelMe": lambda folder: write(folder, a_dot_json=labelme(CAT, HOLE, DOG, imageHeight=3)),
}


@pytest.mark.parametrize("tool", TOOLS)
def test_the_masks_of_every_tool(tool, items, folder):
    TOOLS[tool](folder)
    found = find_corrections(folder, items, CLASSES)
    assert found.tool == tool and list(found.masks) == ["a"]
    np.testing.assert_array_equal(found.masks["a"](), TRUTH)


def test_polygons_of_yolo(items, folder):
    write(folder, data_dot_yaml=NAMES, labels__train__a_dot_txt=RING + BAR, labels__b_dot_txt="")
    found = find_corrections(folder, items, CLASSES)
    assert found.tool == "YOLO"
    wanted = np.where(TRUTH == 0, 1, TRUTH)
    wanted[0, 0] = 0
    np.testing.assert_array_equal(found.masks["a"](), wanted)
    assert not found.masks["b"]().any()


def test_smaller_regions_of_yolo_are_in_front(items, folder):
    whole = "0 0 0 1 0 1 1 0 1\n"
    write(folder, data_dot_yaml=NAMES, labels__a_dot_txt="1 0 0 0 0 0 0\n" + whole)
    labels = find_corrections(folder, items, CLASSES).masks["a"]()
    assert labels[0, 0] == 1 and (labels == 2).sum() == labels.size - 1


def coco(annotation=None, name="a.jpg", category="cat"):
    region = {"segmentation": [[0, 0, 3, 0, 3, 2, 0, 2]], "iscrowd": 0, "id": 1, "image_id": 1}
    document = {
        "images": [{"id": 1, "file_name": name, "height": 3, "width": 4}],
        "categories": [{"id": 7, "name": category}],
        "annotations": [region | {"category_id": 7} | (annotation or {})],
    }
    return json.dumps(document)


def test_regions_of_coco(items, folder):
    runs = {"size": [3, 4], "counts": [0, 3, 9]}
    write(folder, x_dot_json=coco({"segmentation": runs, "iscrowd": 1}, "photos/sub/b.jpg"))
    found = find_corrections(folder, items, CLASSES)
    assert found.tool == "COCO"
    assert found.masks["b"]().tolist() == [[1, 0, 0, 0]] * 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (coco(category="fox"), "x.json: 'fox' is no class; they are cat, dog"),
        (coco(name="z.jpg"), "no training image is called 'z'"),
        (coco({"segmentation": [[0, 0]]}), "annotation 1 of a.jpg has a polygon of 2 numbers"),
        (coco({"segmentation": []}), "annotation 1 of a.jpg is no list"),
        (coco({"category_id": 9}), "x.json: .*category"),
    ],
)
def test_mistakes_of_coco_are_named(text, message, items, folder):
    write(folder, x_dot_json=text)
    with pytest.raises(UserError, match=message):
        find_corrections(folder, items, CLASSES).masks["a"]()


def test_ignored_pixels_of_labelme(items, folder):
    write(folder, a_dot_json=labelme(shape("__ignore__", [[0, 0], [1, 0], [0, 0]])))
    labels = find_corrections(folder, items, CLASSES).masks["a"]()
    assert labels[0].tolist() == [255, 255, 0, 0] and not labels[1:].any()


def test_a_file_names_its_image_by_path_id_or_name(items, folder):
    for name in ("b.png", "one/c.png", "two__c.png"):
        (folder / name).parent.mkdir(exist_ok=True)
        write_labels(folder / name, TRUTH)
    assert set(find_corrections(folder, items, CLASSES).masks) == {"b", "c", "two__c"}


NAMELESS = {"data_dot_yaml": "names: [cat, fox]\n", "labels__a_dot_txt": BAR}
MISTAKES = [
    ({}, "no corrected mask in"),
    ({"data_dot_yaml": NAMES}, "the files of YOLO in .*corrected have no mask"),
    ({"labelmap_dot_txt": "cat:1,2,3::\ndog:9,9,9::\n"}, "the files of CVAT in .* have no mask"),
    ({"x_dot_json": labelme()}, "x.json: no training image is called 'x'"),
    ({"x__c_dot_json": labelme()}, "several images are called 'c'; write an id: c, two__c"),
    ({"a_dot_json": labelme(), "sub__a_dot_json": labelme()}, "two masks of image a"),
    ({"a_dot_json": labelme(), "data_dot_yaml": NAMES}, "masks of YOLO and LabelMe"),
    ({"a_dot_json": "{"}, "a.json: cannot be read as JSON"),
    ({"a_dot_json": labelme(shape("fox", []))}, "'fox' is no class; they are cat, dog"),
    ({"a_dot_json": labelme(shape("cat", [[0, 0]], shape_type="circle"))}, "shape 1 is a circle"),
    ({"a_dot_json": labelme(shape("cat", [[0, 0]]))}, "three points"),
    ({"a_dot_json": labelme({"label": "cat"})}, "damaged"),
    ({"a_dot_json": labelme(imageHeight=9)}, r"of an image of \(9, 4\)"),
    (NAMELESS, "'fox' is no class"),
    ({"data_dot_yaml": "names: {", "labels__a_dot_txt": BAR}, "cannot be read as YAML"),
    ({"data_dot_yaml": NAMES, "labels__a_dot_txt": "0 0 0 1 1\n"}, "line 1 is a box"),
    ({"data_dot_yaml": NAMES, "labels__a_dot_txt": "\n7 0 0 1 1 1 0\n"}, "line 2: '7' is not"),
    ({"data_dot_yaml": NAMES, "labels__a_dot_txt": "0 0 0 1 1 1\n"}, "line 1: a y is missing"),
    ({"data_dot_yaml": NAMES, "labels__a_dot_txt": "0 0 0 1 1 9 9\n"}, "line 1: a point is far"),
    ({"data_dot_yaml": NAMES, "labels__a_dot_txt": "0 0 x 1 1 1 1\n"}, "a.txt: could not convert"),
]


@pytest.mark.parametrize(("files", "message"), MISTAKES, ids=[text for _, text in MISTAKES])
def test_mistakes_are_named(files, message, items, folder):
    write(folder, **files)
    with pytest.raises(UserError, match=message):
        for draw in find_corrections(folder, items, CLASSES).masks.values():
            draw()


def test_ids_beyond_the_classes_and_missing_folders(items, folder):
    write_labels(folder / "a.png", TRUTH + 2)
    with pytest.raises(UserError, match="holds id 4, but there are 2 classes; the classes are cat"):
        find_corrections(folder, items, CLASSES).masks["a"]()
    with pytest.raises(UserError, match="corrected/none is not a folder"):
        find_corrections(folder / "none", items, CLASSES)


def test_colours_that_the_label_map_does_not_list(items, folder):
    cvat(folder)
    Image.fromarray(palette()[TRUTH]).save(folder / "SegmentationClass/a.png")
    with pytest.raises(UserError, match=r"holds colours that labelmap\.txt does not list"):
        find_corrections(folder, items, CLASSES).masks["a"]()
