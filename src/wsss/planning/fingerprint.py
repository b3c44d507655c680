"""Fingerprint of a data set and of the machine: all that the rules of a plan know."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import quantiles

from wsss.data.check import Examined
from wsss.io.index import Index, Item
from wsss.planning.advice import copies
from wsss.planning.hardware import Hardware
from wsss.planning.labels import everywhere, never_apart, never_without, together, where


@dataclass(frozen=True)
class Part:
    """Images of a split.

    Attributes:
        images: their number.
        background: number of those without any class.
        masks: number of those with a mask.
    """

    images: int
    background: int
    masks: int


@dataclass(frozen=True)
class Spread:
    """Distribution of the size of the images.

    Attributes:
        smallest: least value.
        quarter: value that a quarter of the images does not exceed.
        median: value that half of them do not exceed.
        three_quarters: value that three quarters do not exceed.
        largest: greatest value.
    """

    smallest: int
    quarter: int
    median: int
    three_quarters: int
    largest: int


@dataclass(frozen=True)
class Fingerprint:
    """A data set and a machine.

    Attributes:
        name: name of the data set.
        data: digest of images, labels and splits.
        splits: images by split.
        classes: images by class and split.
        together: training images by pair of classes.
        never_apart: groups of classes that are on exactly the same training images.
        never_without: pairs of a class and another one that is on all its training images.
        without_negatives: classes on every training image.
        long_side: longer sides of the images in pixels.
        short_side: shorter sides.
        megapixels: area of the largest image.
        copies: groups of images with identical files.
        alike: groups of images that show the same (`wsss.data.alike`).
        unusual: images by unusual property (`wsss.io.images.TRAITS`).
        hardware: the machine.
    """

    name: str
    data: str
    splits: dict[str, Part]
    classes: dict[str, dict[str, int]]
    together: dict[str, dict[str, int]]
    never_apart: list[list[str]]
    never_without: list[list[str]]
    without_negatives: list[str]
    long_side: Spread
    short_side: Spread
    megapixels: float
    copies: list[list[str]]
    alike: list[list[str]]
    unusual: dict[str, int]
    hardware: Hardware

    @property
    def train(self) -> int:
        """Number of training images."""
        return self.splits["train"].images

    def to_json(self) -> str:
        """Return the content of `fingerprint.json`."""
        return json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n"


def fingerprint(
    name: str,
    data: str,
    found: Examined,
    masked: Sequence[str],
    groups: Sequence[Sequence[int]],
    hardware: Hardware,
) -> Fingerprint:
    """Return the fingerprint of a data set.

    Args:
        name: its name.
        data: digest of images, labels and splits.
        found: what the check of the data found.
        masked: ids of the images with a mask.
        groups: positions of the images that show the same.
        hardware: the machine.
    """
    index, looks = found.index, [found.looks[item.image] for item in found.index.items]
    names, train = index.class_names, index.split("train")
    images = where(train)
    pairs: dict[str, dict[str, int]] = {}
    for (one, other), count in together(train).items():
        pairs.setdefault(names[one], {})[names[other]] = count
    return Fingerprint(
        name=name,
        data=data,
        splits={split: _part(index.split(split), set(masked)) for split in ("train", "val")},
        classes=_classes(index),
        together=pairs,
        never_apart=[[names[number] for number in group] for group in never_apart(images)],
        never_without=[
            [names[number] for number in pair] for pair in never_without(images, len(train))
        ],
        without_negatives=[names[number] for number in everywhere(images, len(train))],
        long_side=_spread([max(look.size) for look in looks]),
        short_side=_spread([min(look.size) for look in looks]),
        megapixels=max(look.pixels for look in looks) / 1e6,
        copies=[[item.image_id for item in group] for group in copies(index.items)],
        alike=[[index.items[place].image_id for place in group] for group in groups],
        unusual=dict(sorted(Counter(trait for look in looks for trait in look.traits).items())),
        hardware=hardware,
    )


def _part(items: Sequence[Item], masked: set[str]) -> Part:
    background = sum(not item.classes for item in items)
    return Part(len(items), background, sum(item.image_id in masked for item in items))


def _classes(index: Index) -> dict[str, dict[str, int]]:
    counts = Counter((item.split, number) for item in index.items for number in item.classes)
    return {
        name: {split: counts[split, number] for split in ("train", "val")}
        for number, name in enumerate(index.class_names)
    }


def _spread(sides: Sequence[int]) -> Spread:
    """Return the distribution of lengths; of a single one it is that one."""
    cuts = quantiles(sides, n=4, method="inclusive") if len(sides) > 1 else [*sides] * 3
    quarter, median, three_quarters = map(round, cuts)
    return Spread(min(sides), quarter, median, three_quarters, max(sides))
