"""The demo data set as a folder in the layout of PASCAL VOC."""

import io
from pathlib import Path

import numpy as np
from PIL import Image

from wsss.config.dataset import Demo
from wsss.demo.scenes import CLASSES, make_scene
from wsss.errors import UserError
from wsss.io.atomic import write_text
from wsss.io.labels import encode_labels
from wsss.io.progress import track

_SPLITS = ("train", "val")


def make_demo(out: Path, demo: Demo) -> None:
    """Generate the demo data set.

    The same configuration gives the same files, and the first n images do not depend on how many
    follow. `labels.csv` is written last: without it the folder is not finished.

    Args:
        out: folder to write; `JPEGImages`, `SegmentationClass`, `ImageSets/Segmentation` and
            `labels.csv` appear in it.
        demo: number and size of the images, and the seed.

    Raises:
        UserError: the folder cannot be written.
    """
    jobs = [
        (split, number)
        for split, count in zip(_SPLITS, (demo.images, demo.val_images), strict=True)
        for number in range(count)
    ]
    try:
        _folders(out)
        rows = [_write(out, demo, *job) for job in track(jobs, "generate demo images")]
    except OSError as error:
        raise UserError(f"{out}: cannot be written ({error.strerror})") from error
    for split in _SPLITS:
        ids = [Path(image).stem for image, where, _ in rows if where == split]
        write_text(out / "ImageSets/Segmentation" / f"{split}.txt", "\n".join([*ids, ""]))
    lines = ["image,split,labels", *map(",".join, rows), ""]
    write_text(out / "labels.csv", "\n".join(lines))


def _folders(out: Path) -> None:
    (out / "labels.csv").unlink(missing_ok=True)
    for folder in ("JPEGImages", "SegmentationClass"):
        (out / folder).mkdir(parents=True, exist_ok=True)


def _write(out: Path, demo: Demo, split: str, number: int) -> tuple[str, str, str]:
    """Write one image and its mask; return its line of the table."""
    rng = np.random.default_rng([demo.seed, _SPLITS.index(split), number])
    height, width = (int(n) for n in demo.size + rng.integers(-16, 17, 2) * demo.size // 128)
    image, labels = make_scene(rng, (height, width), number % len(CLASSES))
    name, buffer = f"{split}_{number:04d}", io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=int(rng.integers(82, 96)))
    (out / "JPEGImages" / f"{name}.jpg").write_bytes(buffer.getvalue())
    (out / "SegmentationClass" / f"{name}.png").write_bytes(encode_labels(labels))
    shown = [label for number, label in enumerate(CLASSES) if number + 1 in labels]
    return f"JPEGImages/{name}.jpg", split, ";".join(shown)
