"""Advice on image labels that make training a classifier hard: imbalance, missing negatives."""

from collections import Counter
from collections.abc import Iterator, Sequence

from wsss.errors import first_of
from wsss.io.index import Index, Item

FEW = 20
"""Smallest number of training images of a class without a warning."""

RARER = 10
"""Largest ratio of the most frequent class to another one without a warning."""

NEGATIVES = 0.5
"""Advised number of images without a class per image with it."""


def advice(index: Index, masked: Sequence[str]) -> Iterator[str]:
    """Yield one line per weakness of a valid data set.

    Args:
        index: the images and their labels.
        masked: ids of the images that have a mask.
    """
    train = index.split("train")
    counts = Counter(number for item in train for number in item.classes)
    yield from _rare(index, counts)
    yield from _everywhere(index, counts, len(train))
    yield from _inseparable(index, train)
    if "val" not in {index.by_id[image_id].split for image_id in masked}:
        yield "split val has no masks: there will be no metrics of quality, such as mIoU, for it"
    yield from _copies(index)


def _rare(index: Index, counts: Counter[int]) -> Iterator[str]:
    """Classes with few images, and with far fewer than the most frequent one."""
    named = [(counts[number], name) for number, name in enumerate(index.class_names)]
    most, top = max(named, default=(0, ""))
    few = [pair for pair in named if 0 < pair[0] < FEW]
    rare = [pair for pair in named if pair[0] >= FEW and pair[0] * RARER < most]
    if few:
        yield f"fewer than {FEW} training images: {_listed(few)}; collect more of them"
    if rare:
        yield (
            f"more than {RARER} times rarer than {top} ({most} training images): {_listed(rare)}; "
            f"collect at least {-(-most // RARER)} of each"
        )


def _listed(classes: Sequence[tuple[int, str]]) -> str:
    return ", ".join(f"{name} ({count})" for count, name in classes)


def _everywhere(index: Index, counts: Counter[int], images: int) -> Iterator[str]:
    """Classes that every training image shows."""
    for number, name in enumerate(index.class_names):
        if counts[number] == images:
            others = "labelled background" if index.num_classes == 1 else "without it"
            yield (
                f"class {name!r} is on every training image, so there are no negative "
                f"examples: add about {max(FEW, round(NEGATIVES * images))} images {others}"
            )


def _inseparable(index: Index, train: Sequence[Item]) -> Iterator[str]:
    """Classes that occur on exactly the same images."""
    where: dict[int, list[int]] = {}
    for place, item in enumerate(train):
        for number in item.classes:
            where.setdefault(number, []).append(place)
    same: dict[tuple[int, ...], list[str]] = {}
    for number, places in sorted(where.items()):
        same.setdefault(tuple(places), []).append(index.class_names[number])
    for names in same.values():
        if len(names) > 1:
            yield (
                f"classes {', '.join(names)} always occur together: image labels cannot tell them "
                "apart; add images with one of them, or make them one class"
            )


def _copies(index: Index) -> Iterator[str]:
    """Images with identical files."""
    same: dict[str, list[Item]] = {}
    for item in index.items:
        same.setdefault(item.digest, []).append(item)
    copies = [items for items in same.values() if len(items) > 1]
    both = [_names(items) for items in copies if len({item.split for item in items}) > 1]
    unlike = [_names(items) for items in copies if len({item.classes for item in items}) > 1]
    if both:
        yield f"{len(both)} images are both in train and in val; keep them in one: {first_of(both)}"
    if unlike:
        yield f"{len(unlike)} images occur twice with different labels: {first_of(unlike)}"


def _names(items: Sequence[Item]) -> str:
    return " = ".join(item.image_id for item in items[:5]) + " = ..." * (len(items) > 5)
