"""Advice on the images and their labels: what makes training hard, and what no training mends."""

from collections.abc import Iterator, Sequence

from wsss.errors import first_of
from wsss.io.index import Index, Item
from wsss.planning.labels import Where, everywhere, never_apart, never_without, where
from wsss.products import VAL

FEW = 20
"""Smallest number of training images of a class without a warning."""

RARER = 10
"""Largest ratio of the most frequent class to another one without a warning."""

NEGATIVES = 0.5
"""Advised number of images without a class per image with it."""


def advice(index: Index, masked: Sequence[str], groups: Sequence[Sequence[int]]) -> Iterator[str]:
    """Yield one line per weakness of a valid data set.

    Args:
        index: the images and their labels.
        masked: ids of the images that have a mask.
        groups: positions of the images that show the same (`wsss.data.alike`).
    """
    yield from limits(index, groups)
    if index.split(VAL) and VAL not in {index.by_id[image_id].split for image_id in masked}:
        yield "split val has no masks: there will be no metrics of quality, such as mIoU, for it"
    yield from _copies(index)


def of_labels(index: Index) -> Iterator[str]:
    """Yield the lines of `advice` that need neither masks nor what the images show.

    Args:
        index: the images and their labels.
    """
    yield from limits(index, ())
    yield from _copies(index)


def limits(index: Index, groups: Sequence[Sequence[int]]) -> Iterator[str]:
    """Yield one line per weakness that no recipe can mend, with the images that would.

    Args:
        index: the images and their labels.
        groups: positions of the images that show the same (`wsss.data.alike`).
    """
    train = index.split("train")
    images = where(train)
    yield from _alike(index, groups)
    yield from _inseparable(index, images)
    yield from _without_negatives(index, images, len(train))
    yield from _contained(index, images, len(train))
    yield from _rare(index, images)


def _alike(index: Index, groups: Sequence[Sequence[int]]) -> Iterator[str]:
    """Images that show the same: all training images, or some of both splits."""
    items = index.items
    train = sum(item.split == "train" for item in items)
    for group in groups:
        if train > 1 and sum(items[place].split == "train" for place in group) == train:
            yield (
                f"all {train} training images show the same: a classifier learns nothing from "
                "them; add different ones"
            )
    both = [
        members
        for group in groups
        if len({items[place].split for place in group}) > 1
        and len({items[place].digest for place in group}) == len(group)
        for members in [[items[place] for place in group]]
    ]
    if both:
        yield (
            "images in train and, scaled or edited, in val, which flatters all metrics: "
            f"{len(both)}; keep each in one: {first_of([_names(members) for members in both])}"
        )


def _inseparable(index: Index, images: Where) -> Iterator[str]:
    """Classes that occur on exactly the same images."""
    for group in never_apart(images):
        names = ", ".join(index.class_names[number] for number in group)
        yield (
            f"classes {names} always occur together: image labels cannot tell them apart; add "
            f"about {FEW} images with one of them, or make them one class"
        )


def _without_negatives(index: Index, images: Where, count: int) -> Iterator[str]:
    """Classes that every training image shows."""
    for number in everywhere(images, count):
        others = "labelled background" if index.num_classes == 1 else "without it"
        yield (
            f"class {index.class_names[number]!r} is on every training image, so there are no "
            f"negative examples: add about {max(FEW, round(NEGATIVES * count))} images {others}"
        )


def _contained(index: Index, images: Where, count: int) -> Iterator[str]:
    """Classes of enough images that never occur without another one."""
    for number, other in never_without(images, count):
        if len(images[number]) >= FEW:
            name, beside = index.class_names[number], index.class_names[other]
            yield (
                f"class {name!r} never occurs without {beside!r}, so its masks may cover both; add "
                f"about {FEW} images of it alone"
            )


def _rare(index: Index, images: Where) -> Iterator[str]:
    """Classes with few images, and with far fewer than the most frequent one."""
    named = [(len(images.get(n, ())), name) for n, name in enumerate(index.class_names)]
    most, top = max(named, default=(0, ""))
    few = [pair for pair in named if 0 < pair[0] < FEW]
    rare = [pair for pair in named if pair[0] >= FEW and pair[0] * RARER < most]
    if few:
        yield f"fewer than {FEW} training images: {_listed(few)}; collect {FEW} of each, or more"
    if rare:
        yield (
            f"more than {RARER} times rarer than {top} ({most} training images): {_listed(rare)}; "
            f"collect at least {-(-most // RARER)} of each"
        )


def _listed(classes: Sequence[tuple[int, str]]) -> str:
    return ", ".join(f"{name} ({count})" for count, name in classes)


def copies(items: Sequence[Item]) -> list[list[Item]]:
    """Return the groups of images with identical files."""
    same: dict[str, list[Item]] = {}
    for item in items:
        same.setdefault(item.digest, []).append(item)
    return [group for group in same.values() if len(group) > 1]


def _copies(index: Index) -> Iterator[str]:
    """Images with identical files, in both splits or with different labels."""
    found = copies(index.items)
    both = [_names(items) for items in found if len({item.split for item in items}) > 1]
    unlike = [_names(items) for items in found if len({item.classes for item in items}) > 1]
    if both:
        yield f"images both in train and in val: {len(both)}; keep each in one: {first_of(both)}"
    if unlike:
        yield f"images that occur twice with different labels: {len(unlike)}; {first_of(unlike)}"


def _names(items: Sequence[Item]) -> str:
    return " = ".join(item.image_id for item in items[:5]) + " = ..." * (len(items) > 5)
