"""Result of reading a data source: file names and labels, neither decoded nor checked."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from os.path import normpath
from pathlib import Path, PureWindowsPath

from wsss.names import is_background


@dataclass(frozen=True)
class Record:
    """One image as its source lists it.

    Attributes:
        image: image file, relative to the root.
        split: the wsss split, `train` or `val`.
        labels: names as written, each once; the lone word `background` = none of the classes;
            empty = the source gives no label (an error that the check reports).
        mask: mask file, relative to the root, or None.
        where: place in the user's files, e.g. `labels.csv:12`.
        annotation: file that holds the labels of this image alone, relative to the root; None = a
            table holds them.
    """

    image: Path
    split: str
    labels: tuple[str, ...]
    mask: Path | None
    where: str
    annotation: Path | None = None


@dataclass(frozen=True)
class Listing:
    """All images of a data source.

    Attributes:
        root: folder of the data.
        records: the images of all splits in use.
        class_names: the classes in the order of their ids, None = those of the training labels.
        mask_source: source of the masks, in words; empty if there are none.
        problems: mistakes found while reading, one line each.
        warnings: remarks that need no correction, one line each.
        drawn_source: source of the drawn masks, if it is another one.
    """

    root: Path
    records: tuple[Record, ...]
    class_names: tuple[str, ...] | None = None
    mask_source: str = ""
    problems: list[str] = field(default_factory=list)
    drawn_source: str = ""
    warnings: list[str] = field(default_factory=list)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The classes; unless given, the sorted names of the training labels."""
        named = {name for name in training_labels(self.records) if not is_background(name)}
        return self.class_names or tuple(sorted(named - {""}))

    @cached_property
    def ids(self) -> list[str]:
        """The image ids of the records."""
        return image_ids([record.image for record in self.records])


def training_labels(records: Sequence[Record]) -> set[str]:
    """Labels of the training images, or of all images if none is for training.

    A class without training images cannot be predicted, so a name that only other images have is
    a mistake; it must not shift the ids of the classes.
    """
    training = [record for record in records if record.split == "train"]
    return {name for record in training or records for name in record.labels}


def inside(written: str, folder: Path) -> str:
    """Return a path relative to a folder; empty if it leads out of it.

    Tools on Windows write backslashes, others absolute paths.
    """
    windows = PureWindowsPath(written)
    if windows.drive:
        return ""
    path = Path(normpath(folder.absolute() / windows.as_posix()))
    for base in (folder.absolute(), folder.resolve()):
        if path != base and path.is_relative_to(base):
            return str(path.relative_to(base))
    return ""


def image_ids(images: Sequence[Path]) -> list[str]:
    """Image ids: paths without suffix and without the folder common to all.

    `a/x.jpg`, `a/b/y.jpg` become `x` and `b__y`.
    """
    # plain tuples, for Path.parts of 100,000 images takes seconds
    folders = [_folders(image) for image in images]
    same = [a == b for a, b in zip(min(folders), max(folders), strict=False)] if folders else []
    common = [*same, False].index(False)
    return [
        "__".join((*folder[common:], image.stem))
        for folder, image in zip(folders, images, strict=True)
    ]


def _folders(image: Path) -> tuple[str, ...]:
    """Names of the folders above a file."""
    return image.parts[1 if image.anchor else 0 : -1]
