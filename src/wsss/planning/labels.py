"""Relations of the classes of a data set: which images show them, alone or together."""

from collections import Counter
from collections.abc import Sequence
from itertools import combinations

from wsss.io.index import Item

Where = dict[int, frozenset[int]]
"""Class -> positions of the images that show it."""


def where(items: Sequence[Item]) -> Where:
    """Return the images of each class, classes in ascending order."""
    found: dict[int, set[int]] = {}
    for place, item in enumerate(items):
        for number in item.classes:
            found.setdefault(number, set()).add(place)
    return {number: frozenset(places) for number, places in sorted(found.items())}


def together(items: Sequence[Item]) -> dict[tuple[int, int], int]:
    """Return the number of images of each pair of classes that occurs on one, smaller id first."""
    pairs = Counter(pair for item in items for pair in combinations(sorted(item.classes), 2))
    return dict(sorted(pairs.items()))


def never_apart(images: Where) -> list[tuple[int, ...]]:
    """Return the groups of classes that are on exactly the same images."""
    same: dict[frozenset[int], list[int]] = {}
    for number, places in images.items():
        same.setdefault(places, []).append(number)
    return [tuple(group) for group in same.values() if len(group) > 1]


def never_without(images: Where, count: int) -> list[tuple[int, int]]:
    """Return the pairs of a class and another one that is on all its images, and on more.

    Args:
        images: images of each class.
        count: number of all images; a class on every one of them is left out.
    """
    return [
        (number, other)
        for number, places in images.items()
        for other, others in images.items()
        if places < others and len(others) < count
    ]


def everywhere(images: Where, count: int) -> list[int]:
    """Return the classes that are on every one of `count` images."""
    return [number for number, places in images.items() if len(places) == count]
