"""A split into training and held-out images, for data sets without one."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from wsss.io.provenance import text_digest

SHARE = 0.2
"""Held-out share of the images of every class."""


def held_out(labels: Mapping[str, Sequence[str]]) -> set[str]:
    """Choose images to hold out: a fifth of each class, `background` included.

    Rare classes choose first. A class keeps at least one training image, and has a held-out one
    if it has two images or more and the others allow it. The order within a class is that of the
    digests of the names, so the choice depends on nothing but names and labels.

    Args:
        labels: labels of every image, by its name.
    """
    images: dict[str, list[str]] = defaultdict(list)
    for image in sorted(labels, key=text_digest):
        for label in dict.fromkeys(labels[image]):
            images[label].append(image)
    chosen: set[str] = set()
    left = {label: len(own) for label, own in images.items()}
    for label in sorted(images, key=lambda name: (len(images[name]), name)):
        wanted = max(1, round(SHARE * len(images[label])))
        for image in images[label]:
            if len(images[label]) - left[label] >= wanted:
                break
            if image not in chosen and all(left[other] > 1 for other in set(labels[image])):
                chosen.add(image)
                for other in set(labels[image]):
                    left[other] -= 1
    return chosen
