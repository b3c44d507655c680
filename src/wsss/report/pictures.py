"""Images of a run for the report, with the maps of every stage."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from wsss.io.images import read_item
from wsss.io.index import Item, Masks
from wsss.io.labels import LabelReader, label_ids, read_mask
from wsss.io.maps import MapsReader
from wsss.io.validated_maps import read_cam, read_refined
from wsss.products import Product
from wsss.report import panels
from wsss.report.content import Step

SHOWN = 4
"""Number of best and of worst images per run."""


@dataclass(frozen=True)
class Predictions:
    """Maps of one product of a run.

    Attributes:
        product: row of the table of the chain.
        reader: reader of the maps.
        variant: variant of the product, such as the segmenter.
    """

    product: Product
    reader: MapsReader | LabelReader
    variant: str = ""


def pictures(
    last: Step,
    shown: Iterable[Predictions],
    masks: Masks,
    items: Sequence[Item],
    names: Sequence[str],
) -> list[tuple[str, list[panels.Panel]]]:
    """Return (heading, rows): the best and the worst images, or examples without masks.

    Args:
        last: step whose mean IoU ranks the images.
        shown: predictions, in the order of the pictures.
        masks: ground truth, shown where there is one.
        items: images to choose from.
        names: foreground classes.

    Raises:
        UserError: an image, its mask or its prediction is missing or damaged.
    """
    predictions = list(shown)
    by_id = {item.image_id: item for item in items}
    scores = {k: v for k, v in last.metrics.per_image.items() if k in by_id}
    # without masks
    if not scores:
        chosen = panels.spread(list(by_id), 2 * SHOWN)
        return [("Examples", [_panel(by_id[i], "", predictions, masks, names) for i in chosen])]
    # best and worst
    ranked = f"by mean IoU of the {last.label.lower()}"
    groups = zip(("Best", "Worst"), panels.choose(scores, SHOWN), strict=True)
    return [
        (f"{word} images {ranked}", _panels(chosen, by_id, scores, predictions, masks, names))
        for word, chosen in groups
    ]


def _panels(
    chosen: Sequence[str],
    items: Mapping[str, Item],
    scores: Mapping[str, float],
    predictions: Sequence[Predictions],
    masks: Masks,
    names: Sequence[str],
) -> list[panels.Panel]:
    return [
        _panel(items[i], f"IoU {100 * scores[i]:.1f} %", predictions, masks, names) for i in chosen
    ]


def _panel(
    item: Item,
    note: str,
    predictions: Iterable[Predictions],
    masks: Masks,
    names: Sequence[str],
) -> panels.Panel:
    shown: dict[str, panels.Layer] = {}
    photo = read_item(item)
    height, width = photo.shape[:2]
    for one in predictions:
        shown |= layers(one, item, (height, width))
    if item.image_id in masks.paths:
        shown["ground truth"] = read_mask(masks, item.image_id)
    return panels.panel(item.image_id, note, photo, shown, names)


def layers(shown: Predictions, item: Item, size: tuple[int, int]) -> dict[str, panels.Layer]:
    """Return the pictures of the predictions for one image, by caption.

    Args:
        shown: predictions of one product.
        item: the image.
        size: its (H, W).

    Raises:
        UserError: the prediction is missing or damaged.
    """
    row, reader, classes = shown.product, shown.reader, np.array(item.classes, int)
    if isinstance(reader, LabelReader):
        return {shown.variant or row.title.lower(): reader.read(item.image_id)}
    if row.background:
        ids, posteriors = label_ids(classes), read_refined(reader, item, size)
        ends = (min(posteriors), max(posteriors))
        return {f"{row.title}, alpha {alpha:g}": ids[posteriors[alpha].argmax(0)] for alpha in ends}
    cam, _ = read_cam(reader, item)
    return {row.name.upper(): panels.Heatmap(cam.astype(np.float32), classes)}
