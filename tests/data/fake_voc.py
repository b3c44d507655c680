"""A small PASCAL VOC 2012 and SBD in their original formats."""

import io
import tarfile

import numpy as np
from PIL import Image
from scipy.io import savemat

from wsss.io.labels import write_labels

TRAIN, VAL, MORE = ("2007_000032", "2007_000039"), ("2007_000033",), ("2008_000002", "2007_000027")
"""VOC's lists, and the images that only SBD has masks of."""

SIZE = (8, 10)
_CAT = "<object><name>cat</name><difficult>1</difficult></object>"
_DOG = "<object><name>dog</name><part><name>head</name></part></object>"


def labels(number):
    """A mask of the class `number`, from 1, with a void border."""
    mask = np.zeros(SIZE, np.uint8)
    mask[2:5, 2:6], mask[1, 2:6] = number, 255
    return mask


def make_voc(root):
    """JPEGImages and XML of all images, lists and masks of those of VOC; cats, and a dog."""
    for folder in ("JPEGImages", "SegmentationClass", "Annotations", "ImageSets/Segmentation"):
        (root / folder).mkdir(parents=True)
    for number, name in enumerate((*TRAIN, *VAL, *MORE)):
        Image.fromarray(np.full((*SIZE, 3), 40 * number, np.uint8)).save(
            root / f"JPEGImages/{name}.jpg"
        )
        objects = _CAT + (_DOG if name == MORE[0] else "")
        text = f"<annotation><filename>{name}.jpg</filename>{objects}</annotation>"
        (root / f"Annotations/{name}.xml").write_text(text)
    for split, names in {"train": TRAIN, "val": VAL}.items():
        (root / f"ImageSets/Segmentation/{split}.txt").write_text("\n".join([*names, ""]))
        for name in names:
            write_labels(root / f"SegmentationClass/{name}.png", labels(8))
    return root


def make_sbd(root):
    """SBD of all images but one of VOC's train, VOC's val included, all sheep (17)."""
    (root / "dataset/cls").mkdir(parents=True)
    (root / "dataset/train.txt").write_text("\n".join([MORE[0], *VAL, ""]))
    (root / "dataset/val.txt").write_text("\n".join([TRAIN[1], MORE[1], ""]))
    for name in (MORE[0], *VAL, TRAIN[1], MORE[1]):
        save_mat(root / f"dataset/cls/{name}.mat", np.where(labels(17) == 17, 17, 0))
    return root


def save_mat(path, segmentation):
    """Write a `.mat` file as those of SBD: a struct with a cell array beside the map."""
    cells = np.empty((20, 1), object)
    cells[:] = [[np.zeros((1, 1))]] * 20
    fields = {"Boundaries": cells, "Segmentation": segmentation.astype(np.uint8)}
    savemat(path, {"GTcls": fields | {"CategoriesPresent": np.array([[17]])}}, do_compression=True)


def make_tgz(folder, path):
    """Pack a folder under its own name."""
    with tarfile.open(path, "w:gz") as archive:
        archive.add(folder, folder.name)
    return path


def png(mask):
    """Return a mask as the bytes of a grey PNG, as SegmentationClassAug has them."""
    buffer = io.BytesIO()
    Image.fromarray(mask).save(buffer, "PNG")
    return buffer.getvalue()
