"""Division of the training images into those that are learnt and a held-out part."""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from wsss.config.training import EarlyStopping
from wsss.data.validation import Validated
from wsss.io.index import Item

_NO_CLASS = (-1,)
"""Label of the images without a class, which are divided as a class is."""


@dataclass(frozen=True)
class HeldOut:
    """Held-out part of the training images.

    Attributes:
        images: its images.
        metric: name of the metric that decides, in [0, 1]; higher is better.
        settings: when the network is evaluated, and when the training ends.
    """

    images: Validated
    metric: str
    settings: EarlyStopping


def hold_out(
    items: Sequence[Item], fraction: float, seed: int
) -> tuple[tuple[Item, ...], tuple[Item, ...]]:
    """Return the images to learn from and the held-out ones, both in order.

    Images are held out in a random order unless one of their classes has lost its part, the rounded
    `fraction` of its images, already. A class keeps at least one image to learn from.

    Args:
        items: the training images.
        fraction: wanted fraction of the images of each class in the held-out part.
        seed: seed of the order.
    """
    images = Counter(label for item in items for label in _labels(item))
    left = {label: min(round(fraction * count), count - 1) for label, count in images.items()}
    order = list(items)
    random.Random(f"{seed}/held out").shuffle(order)
    chosen = set()
    for item in order:
        if all(left[label] for label in _labels(item)):
            chosen.add(item.image_id)
            left.update({label: left[label] - 1 for label in _labels(item)})
    learnt = tuple(item for item in items if item.image_id not in chosen)
    return learnt, tuple(item for item in items if item.image_id in chosen)


def _labels(item: Item) -> tuple[int, ...]:
    return item.classes or _NO_CLASS
