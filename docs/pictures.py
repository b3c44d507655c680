"""Picture of the chain in README and tutorial, made of the maps of the demo.

    python docs/pictures.py results/demo/psa docs/images/chain.webp

After `make demo`. Each row is an image of the validation split, each column a stage.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from wsss.io.images import read_item
from wsss.io.index import Index, Item
from wsss.io.labels import LabelReader
from wsss.io.maps import MapsReader
from wsss.io.validated_maps import read_cam, read_refined
from wsss.products import VAL
from wsss.report.panels import Heatmap, assign, paint_cam, paint_labels

IMAGES = ("val_0006", "val_0012")
SIDE, GAP, HEAD = 224, 14, 44
CAPTIONS = (
    ("image", "and its labels"),
    ("CAM", "of the classifier"),
    ("refined maps", "by the dense CRF"),
    ("pseudo labels", "of the random walk"),
    ("segmenter", "without the labels"),
)


def chain(run: Path) -> Image.Image:
    """Return the picture of the stages of a run of the demo."""
    index = Index.read(run.parent / f"index.{VAL}.tsv")
    names = index.class_names
    items = {item.image_id: item for item in index.split(VAL)}
    colours = assign(range(len(names)))
    height = HEAD + len(IMAGES) * (SIDE + GAP)
    sheet = Image.new("RGB", (len(CAPTIONS) * (SIDE + GAP) + GAP, height), "white")
    draw = ImageDraw.Draw(sheet)
    for column, (title, note) in enumerate(CAPTIONS):
        left = GAP + column * (SIDE + GAP)
        draw.text((left, 4), title, "black", ImageFont.load_default(17))
        draw.text((left, 25), note, "#555", ImageFont.load_default(13))
    for row, name in enumerate(IMAGES):
        top = HEAD + row * (SIDE + GAP)
        for column, picture in enumerate(stages(run, items[name], colours)):
            sheet.paste(Image.fromarray(picture), (GAP + column * (SIDE + GAP), top))
        labels = [(names[c], colours[c]) for c in items[name].classes]
        chips(draw, (GAP + 6, top + SIDE - 28), labels)
    return sheet


def stages(run: Path, item: Item, colours: dict[int, str]) -> Iterator[np.ndarray]:
    """Yield the pictures (SIDE, SIDE, 3) of an image and of what each stage makes of it."""
    photo = np.asarray(Image.fromarray(read_item(item)).resize((SIDE, SIDE)))
    classes = np.array(item.classes)
    yield photo
    cam, _ = read_cam(MapsReader([run / f"cam/{VAL}/maps.tsv"]), item)
    yield paint_cam(Heatmap(cam.astype(np.float32), classes), photo, colours)
    refined = read_refined(MapsReader([run / f"refine/{VAL}/maps.tsv"]), item)
    ids = np.array([0, *classes + 1], np.uint8)
    yield paint_labels(ids[refined[min(refined)].argmax(0)], photo, colours)
    for place in ("walk", "segment"):
        labels = LabelReader([run / f"{place}/{VAL}/labels.tsv"])
        yield paint_labels(labels.read(item.image_id), photo, colours)


def chips(draw: ImageDraw.ImageDraw, at: tuple[int, int], labels: list[tuple[str, str]]) -> None:
    """Draw the names of classes on their colours, side by side."""
    (left, top), font = at, ImageFont.load_default(14)
    for name, colour in labels:
        right = left + round(font.getlength(name)) + 14
        draw.rounded_rectangle((left, top, right, top + 21), 10, colour)
        draw.text((left + 7, top + 2), name, "black", font)
        left = right + 5


if __name__ == "__main__":
    run, out = map(Path, sys.argv[1:])
    chain(run).save(out, quality=85)
