"""What all formats have in common, and the plain PNGs."""

from dataclasses import replace
from importlib import import_module

import numpy as np
import pytest
from PIL import Image

from tests.export.conftest import MASKS
from wsss.errors import UserError
from wsss.export import FORMATS, overlay
from wsss.io.labels import palette, read_labels
from wsss.report.overlays import encoded

OPTIONS = {
    "palette": ("out", {}),
    "index": ("out", {}),
    "overlay": ("out", {"paint": encoded}),
    "coco": ("out.json", {}),
    "cvat": ("out.zip", {}),
    "label_studio": ("out.json", {}),
    "labelme": ("out", {}),
    "yolo": ("out", {}),
    "voc": ("out.tar", {"competition": "comp6", "image_set": "test", "ids": None}),
    "bundle": ("out", {"title": "pets"}),
}
PLAIN = {name: np.minimum(labels, 2) for name, labels in MASKS.items()}


def write(name, label_maps, folder):
    file, options = OPTIONS[name]
    import_module(f"wsss.export.{name}").write(label_maps, folder / file, **options)
    return folder / file


def test_every_format_is_tried_here_or_needs_a_network():
    assert set(OPTIONS) == set(FORMATS) - {"instances", "onnx"}


@pytest.mark.parametrize("name", OPTIONS)
def test_the_same_masks_give_the_same_bytes(make, tmp_path, name):
    label_maps, made = make(PLAIN), []
    for folder in (tmp_path / "1", tmp_path / "2"):
        out = write(name, label_maps, folder)
        files = [out] if out.is_file() else [path for path in out.rglob("*") if path.is_file()]
        made.append({str(path.relative_to(folder)): path.read_bytes() for path in files})
    assert made[0] == made[1] and made[0]


@pytest.mark.parametrize("name", OPTIONS)
def test_a_bad_mask_leaves_nothing(make, tmp_path, name):
    with pytest.raises(UserError, match="image c: its mask holds label 3"):
        write(name, make(MASKS | {"b": PLAIN["b"], "c": np.full((2, 2), 3)}), tmp_path / "new")
    assert not list((tmp_path / "new").rglob("*"))


@pytest.mark.parametrize(("name", "mode"), [("palette", "P"), ("index", "L")])
def test_plain_pngs_hold_the_labels(label_maps, tmp_path, name, mode):
    out = write(name, label_maps, tmp_path)
    assert sorted(path.name for path in out.iterdir()) == ["a.png", "b.png", "c.png"]
    for key, labels in MASKS.items():
        assert Image.open(out / f"{key}.png").mode == mode
        np.testing.assert_array_equal(read_labels(out / f"{key}.png"), labels)


def test_palette_pngs_are_coloured_for_any_number_of_classes(make, tmp_path):
    labels = np.arange(255, dtype=np.uint8)[None]
    out = write("palette", make({"a": labels}, [f"class {n}" for n in range(254)]), tmp_path)
    colours = np.asarray(Image.open(out / "a.png").convert("RGB"))[0]
    np.testing.assert_array_equal(colours, palette()[:255])
    assert len(np.unique(palette(), axis=0)) == 256


def test_overlays_leave_ignored_pixels_and_need_the_photographs(make, tmp_path):
    label_maps = make({"b": MASKS["b"]})
    assert Image.open(write("overlay", label_maps, tmp_path) / "b.jpg").width == 2
    label_maps.items = (replace(label_maps.items[0], path=None),)
    with pytest.raises(UserError, match="the image of b is not known; give --index, or --images"):
        write("overlay", label_maps, tmp_path / "2")


def test_overlays_are_as_bright_as_the_white_of_the_data(make, tmp_path):
    label_maps, seen = make({"c": MASKS["c"]}), []
    photo = tmp_path / "c.png"
    Image.fromarray(np.full((2, 2), 4095, np.uint16)).save(photo)
    for white in (65535, 4095):
        label_maps.items = (replace(label_maps.items[0], path=photo, white=white),)
        out = tmp_path / str(white)
        overlay.write(label_maps, out, lambda _, image, __: bytes([image.min()]))
        seen.extend((out / "c.jpg").read_bytes())
    assert seen == [15, 255]
