"""Write the configuration of a folder with images and labels.

The layout of the folder is found out: a table labels.csv, one folder per class, PASCAL VOC or COCO.
"""

import argparse
import re
from collections import Counter
from pathlib import Path
from typing import Any

import yaml

from wsss.config.dataset import Dataset
from wsss.config.resolve import load
from wsss.data.check import several_in_one
from wsss.data.sources import read
from wsss.data.sources.folders import SUFFIXES
from wsss.errors import UserError, raise_problems
from wsss.io.atomic import write_text
from wsss.io.progress import log
from wsss.products import SPLITS, TRAIN, VAL

_TEXT = """\
# {images}; written by wsss init.
# Check it with `wsss check {file}`, and run it with `wsss run photos {file}`, or let
# `wsss plan {file}` derive a configuration from the images and this machine.
# `wsss schema` prints all keys with their meaning.
{dataset}
# Folder of everything that is written; the results are in {results}/{name}.
results: {results}
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument("folder", type=Path, help="folder with images and labels")
    parser.add_argument("--out", type=Path, help="file; default: <name of the folder>.yaml")


def run(args: argparse.Namespace) -> None:
    """Write the configuration.

    Raises:
        UserError: the folder has no known layout, its labels have mistakes, or the file exists.
    """
    root: Path = args.folder
    if not root.is_dir():
        raise UserError(f"{root}: no such folder")
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", root.resolve().name).strip("-_") or "mine"
    out: Path = args.out or Path(f"{name}.yaml")
    if out.exists():
        raise UserError(f"{out}: exists; name another file with --out")
    dataset = {"name": name, **layout(root), "root": str(root.resolve())}
    config = load({"dataset": dataset})
    counts, dataset["classes"] = _counted(config.dataset)
    images = ", ".join(f"{split} images: {counts[split]}" for split in SPLITS)
    keys = yaml.safe_dump({"dataset": dataset}, sort_keys=False, allow_unicode=True)
    text = _TEXT.format(
        images=f"{images}, classes: {len(dataset['classes'])}",
        file=out,
        dataset=keys.rstrip(),
        results=config.results,
        name=name,
    )
    write_text(out, text)
    log.info("wrote %s; %s", out, images)
    log.info("next: wsss check %s, then wsss run photos %s", out, out)


def layout(root: Path) -> dict[str, Any]:
    """Return the keys of `dataset` that tell how a folder is laid out.

    Raises:
        UserError: it has no known layout.
    """
    if (root / "labels.csv").is_file():
        return {"source": "csv"}
    if (root / "ImageSets").is_dir() and (root / "JPEGImages").is_dir():
        return {"source": "voc"}
    lists = {split: sorted(root.glob(f"annotations/instances_{split}*.json")) for split in SPLITS}
    if all(lists.values()):
        files = {split: found[-1] for split, found in lists.items()}
        images = {split: file.stem.removeprefix("instances_") for split, file in files.items()}
        annotations = {split: f"annotations/{file.name}" for split, file in files.items()}
        return {"source": "coco", "coco": {"annotations": annotations, "images": images}}
    divided = [split for split in SPLITS if any(path.is_dir() for path in root.glob(f"{split}/*"))]
    if TRAIN in divided:
        alone = {"splits": {TRAIN: TRAIN}} if divided == [TRAIN] else {}
        return {"source": "folders", **alone}
    count = sum(path.suffix.lower() in SUFFIXES for path in root.iterdir())
    found = f"{count} images without labels" if count else "no known layout"
    raise UserError(
        f"{root}: {found}; put a table labels.csv with the columns image, labels (and split, else "
        "some are held out) beside the images, or the images into train/<class> and val/<class>"
    )


def _counted(dataset: Dataset) -> tuple[Counter[str], list[str]]:
    """Return the number of images by split, and the classes in the order of their ids.

    Raises:
        UserError: the mistakes in the labels.
    """
    listing = read(dataset)
    joined = (
        line for record in listing.records for line in several_in_one(record, dataset.classes)
    )
    raise_problems(listing.root, [*listing.problems, *joined])
    for line in listing.warnings:
        log.warning(line)
    counts = Counter(record.split for record in listing.records)
    if not counts[VAL]:
        log.warning("no image is held out, so that the results are not measured on new images")
    return counts, list(listing.names)
