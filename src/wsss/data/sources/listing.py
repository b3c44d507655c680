"""What a source hands over: names of files and labels, nothing decoded and nothing checked."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Record:
    """One image as its source lists it.

    Attributes:
        image: image file, relative to the root.
        split: the wsss split, `train` or `val`.
        labels: names as written, each once; the lone word `background` = none of the classes;
            empty = the source gives no label (an error that the check reports).
        mask: mask file, relative to the root, or None.
        where: where the user wrote this, e.g. `labels.csv:12`.
    """

    image: Path
    split: str
    labels: tuple[str, ...]
    mask: Path | None
    where: str


@dataclass(frozen=True)
class Listing:
    """All that a source says.

    Attributes:
        root: folder of the data.
        records: the images of all splits in use.
        class_names: the classes in the order of their ids, None = sorted names of the labels.
        mask_source: where masks come from, in words; empty if there are none.
        problems: mistakes found while reading, one line each.
    """

    root: Path
    records: tuple[Record, ...]
    class_names: tuple[str, ...] | None = None
    mask_source: str = ""
    problems: list[str] = field(default_factory=list)
