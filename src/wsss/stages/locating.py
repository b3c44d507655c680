"""Criteria of location of predictions, which need no masks, over a sample of the images."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from wsss.data.imported import mask_scores
from wsss.errors import UserError
from wsss.io.images import read_item
from wsss.io.index import Item
from wsss.io.labels import LabelReader, label_ids
from wsss.io.maps import MapsReader
from wsss.io.progress import track
from wsss.io.validated_maps import read_cam, read_refined, read_stability
from wsss.metrics.location import ABSENT, edge_contrast, refiner_agreement
from wsss.metrics.overlap import mean_iou
from wsss.ops.seeds import seed_labels, upsample_cam

SAMPLE = 200
"""Most images of a split that the criteria are measured on; a mean changes little with more."""

Located = Mapping[str, Mapping[str, Mapping[str, float]]]
"""Result -> criterion -> image id -> value."""


class Candidate(NamedTuple):
    """Masks of an image that are measured.

    Attributes:
        result: name of the result in the evaluation.
        labels: label map (H, W) uint8.
        scores: scores (K + 1, h, w) float32 of the background and the labels of the image.
        known: criteria that are known already, by name; None = not measured.
    """

    result: str
    labels: np.ndarray
    scores: np.ndarray
    known: Mapping[str, float | None] = {}


def locate(
    name: str, items: Sequence[Item], read: Callable[[Item], Iterable[Candidate]]
) -> Located:
    """Measure the criteria of predictions on images that have labels.

    Args:
        name: name of the product.
        items: the images; of more than `SAMPLE` some are taken, evenly spaced.
        read: reads the masks of an image.

    Raises:
        UserError: an image cannot be read or changed, or a mask has another size.
    """
    labelled = [item for item in items if item.classes]
    chosen = labelled[:: -(-len(labelled) // SAMPLE)] if labelled else []
    found: dict[str, dict[str, dict[str, float]]] = {}
    for item in track(chosen, f"location of {name}", len(chosen)):
        image, ids = read_item(item), [number + 1 for number in item.classes]
        for one in read(item):
            if one.labels.shape != image.shape[:2]:
                raise UserError(
                    f"{item.image}: is {image.shape[:2]}, its prediction {one.labels.shape} "
                    "(height, width); run again"
                )
            values = {
                "edge_contrast": edge_contrast(image, one.labels, ids),
                "refiner_agreement": refiner_agreement(image, one.scores, ids),
                **one.known,
            }
            for criterion, value in values.items():
                if value is not None:
                    of_result = found.setdefault(one.result, {})
                    of_result.setdefault(criterion, {})[item.image_id] = value
    return found


def of_seeds(
    result: str, reader: MapsReader, threshold: float
) -> Callable[[Item], Iterable[Candidate]]:
    """Return a reader of seeds at a threshold, which is the score of the background."""

    def read(item: Item) -> Iterable[Candidate]:
        stored, size = read_cam(reader, item)
        cam, classes = upsample_cam(stored, size), np.array(item.classes, int)
        background = np.full((1, *stored.shape[1:]), threshold, np.float32)
        scores = np.concatenate([background, stored.astype(np.float32).clip(0)])
        known = {"stability": read_stability(reader, item)}
        yield Candidate(result, seed_labels(cam, classes, threshold), scores, known)

    return read


def of_posteriors(name: str, reader: MapsReader) -> Callable[[Item], Iterable[Candidate]]:
    """Return a reader of refined maps, at every exponent of the background."""

    def read(item: Item) -> Iterable[Candidate]:
        ids = label_ids(np.array(item.classes, int))
        for alpha, found in read_refined(reader, item).items():
            scores = found.astype(np.float32) / 255
            yield Candidate(posteriors_name(name, alpha), ids[found.argmax(0)], scores)

    return read


def of_label_maps(
    name: str, reader: LabelReader, pseudo_labels: LabelReader | None
) -> Callable[[Item], Iterable[Candidate]]:
    """Return a reader of label maps.

    Args:
        name: name of the result.
        reader: the label maps.
        pseudo_labels: pseudo labels of the same images, if the maps are a segmenter's.
    """

    def read(item: Item) -> Iterable[Candidate]:
        labels, ids = reader.read(item.image_id), [number + 1 for number in item.classes]
        known = {}
        if pseudo_labels is not None:
            others = pseudo_labels.read(item.image_id)
            known = {"segmenter_agreement": mean_iou(labels, others, ids, ABSENT)}
        yield Candidate(name, labels, mask_scores(labels, ids).maps, known)

    return read


def posteriors_name(name: str, alpha: float) -> str:
    """Return the name of the result of refined maps at an exponent of the background."""
    return f"{name} alpha {alpha:g}"
