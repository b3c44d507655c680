"""One folder per class.

    train/<class>/<image>      val/<class>/<image>

`dataset.splits` gives the names of the split folders. An image of several classes is in the folder
of each, under the same name; an image of none of them is in `background`. Files of the same name
and different content are different images. There are no masks.
"""

import filecmp
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from wsss.config.dataset import Dataset
from wsss.data.sources.base import Source
from wsss.data.sources.listing import Listing, Record
from wsss.data.taxonomy import NO_CLASS
from wsss.errors import UserError
from wsss.io.images import HEIC_SUFFIXES
from wsss.names import cleaned, suggestion

_PILLOWS = (
    "apng avif bmp dib gif j2k jfif jp2 jpe jpeg jpg mpo pbm pgm png pnm ppm tga tif tiff webp"
)
SUFFIXES = {*(f".{ending}" for ending in _PILLOWS.split()), *HEIC_SUFFIXES}
"""Lower-case suffixes of image files: raster formats that builds of Pillow can read, and HEIC."""


def read(dataset: Dataset, root: Path) -> Listing:
    """List the images of all splits.

    The classes are `dataset.classes`, else the sorted folder names of the training split.

    Raises:
        UserError: the folder of a split is missing.
    """
    problems: list[str] = []
    known = set(dataset.classes) or _names(root / dataset.splits["train"])
    records: list[Record] = []
    ignored: Counter[str] = Counter()
    # one record per file
    for ours, theirs in dataset.splits.items():
        _check_split(root, theirs, dataset)
        folders, rest = _contents(root / theirs)
        problems += [f"{theirs}/{file.name}: is in no class folder" for file in rest]
        for folder in folders:
            found, skipped, wrong = _class(folder, theirs, ours, known)
            records += found
            ignored.update(skipped)
            problems += wrong
    # one record per image, with the labels of all its folders
    kinds = ", ".join(f"{count} {ending}" for ending, count in ignored.items())
    warnings = [f"{root}: other files are left out: {kinds}"] if ignored else []
    merged, names = tuple(_merged(records, root)), tuple(dataset.classes) or None
    return Listing(root, merged, names, "", problems, warnings=warnings)


def _check_split(root: Path, name: str, dataset: Dataset) -> None:
    if not (root / name).is_dir():
        both = " and ".join(f"{split}/<class>" for split in dataset.splits.values())
        raise UserError(
            f"{root / name}: no such folder; put the images into {both} below dataset.root "
            "(dataset.splits names the two), held-out ones are needed as well"
        )


def _names(split: Path) -> set[str]:
    return {cleaned(folder.name) for folder in _contents(split)[0]} if split.is_dir() else set()


def _contents(folder: Path) -> tuple[list[Path], list[Path]]:
    """Visible folders and images directly below a folder."""
    shown = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    images = [path for path in shown if path.suffix.lower() in SUFFIXES and not path.is_dir()]
    return [path for path in shown if path.is_dir()], images


def _class(
    folder: Path, theirs: str, split: str, known: set[str]
) -> tuple[list[Record], list[str], list[str]]:
    """Return the images of a class, the suffixes of other files, and the problems."""
    name = cleaned(folder.name)
    place = Path(theirs, folder.name)
    if name not in known | {NO_CLASS}:
        given = "add it to dataset.classes or to the training images"
        hint = suggestion(name, sorted(known)) or given
        return [], [], [f"{place}: no such class; {hint}"]
    folders, images = _contents(folder)
    problems = [f"{place / f.name}: a folder inside a class folder" for f in folders]
    if not folders and not images:
        problems = [f"{place}: no image in it; add some, or remove the folder"]
    files = {path for path in folder.iterdir() if not path.is_dir()}
    others = [path.suffix or path.name for path in sorted(files - set(images))]
    records = [
        Record(place / path.name, split, (name,), None, str(place / path.name)) for path in images
    ]
    return records, others, problems


def _merged(records: list[Record], root: Path) -> Iterator[Record]:
    """Yield every image once, with the labels of all folders it is in."""
    named: dict[tuple[str, str], list[Record]] = {}
    for record in records:
        same = named.setdefault((record.split, record.image.name), [])
        for place, other in enumerate(same):
            if _same(root / record.image, root / other.image):
                same[place] = replace(
                    other, labels=tuple(dict.fromkeys((*other.labels, *record.labels)))
                )
                break
        else:
            same.append(record)
    for same in named.values():
        yield from same


def _same(image: Path, other: Path) -> bool:
    try:
        return filecmp.cmp(image, other, shallow=False)
    except OSError:
        return False  # unreadable files are reported by the check of the images


SOURCE = Source(read)
