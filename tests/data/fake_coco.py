"""A small data set in the layout of MS-COCO that a test then spoils."""

import json

from PIL import Image

from wsss.config.dataset import Dataset
from wsss.data.sources import coco
from wsss.data.taxonomy import COCO_CATEGORIES

SQUARE = [[1, 1, 4, 1, 4, 4, 1, 4]]
OFFICIAL = [{"id": key, "name": name} for key, name in COCO_CATEGORIES.items()]
OWN = [{"id": 7, "name": "dog"}, {"id": 3, "name": "cat"}]


def picture(number, name=None, size=(6, 8)):
    return {"id": number, "file_name": name or f"{number}.png", "height": size[0], "width": size[1]}


def mark(image, category, shape=SQUARE, crowd=0, number=1):
    entry = {"id": number, "image_id": image, "category_id": category, "iscrowd": crowd}
    return entry if shape is None else {**entry, "segmentation": shape}


class Coco:
    """Two splits of two images each; the first of each shows class 3."""

    def __init__(self, root):
        self.root, self.content = root, {}
        for split, first in (("train", 1), ("val", 11)):
            (root / split).mkdir()
            numbers = (first, first + 1)
            for number in numbers:
                Image.new("RGB", (8, 6)).save(root / split / f"{number}.png")
            self.content[split] = {
                "images": [picture(number) for number in numbers],
                "annotations": [mark(first, 3)],
                "categories": OWN,
            }
        self.write()

    def write(self, **train):
        """Write both files, after the keys of the training split were replaced."""
        self.content["train"] |= train
        for split, content in self.content.items():
            (self.root / f"{split}.json").write_text(json.dumps(content))

    def categories(self, entries, category):
        for content in self.content.values():
            content["categories"] = entries
            content["annotations"][0]["category_id"] = category
        self.write()

    def dataset(self, classes=()):
        classes = list(classes)
        files = {split: f"{split}.json" for split in self.content}
        layout = {"annotations": files, "images": {split: split for split in self.content}}
        return Dataset(source="coco", root=str(self.root), classes=classes, coco=layout)

    def read(self, classes=()):
        return coco.read(self.dataset(classes), self.root)

    def masks(self, split="train", classes=()):
        return {i: draw() for i, draw in self.drawn(split, classes).items()}

    def drawn(self, split="train", classes=()):
        return coco.masks(self.dataset(classes), self.root, split)
