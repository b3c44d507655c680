"""Which images of a run are shown, and what every stage made of them."""

from collections.abc import Mapping, Sequence

import numpy as np

from wsss.io.images import read_item
from wsss.io.index import Item, Masks
from wsss.io.labels import LabelReader, label_ids, read_mask
from wsss.io.maps import MapsReader
from wsss.io.validated_maps import read_cam, read_crf
from wsss.report import panels
from wsss.report.content import Step

Reader = MapsReader | LabelReader

SHOWN = 4
"""Best and worst images per run."""


def pictures(
    last: Step,
    readers: Mapping[str, Reader],
    masks: Masks,
    items: Sequence[Item],
    names: Sequence[str],
) -> list[tuple[str, list[panels.Panel]]]:
    """Return (heading, rows): the best and the worst images, examples where none is judged.

    Args:
        last: the stage that ranks the images.
        readers: predictions by stage (cam, crf, walk, segment/{segmenter}), drawn in this order.
        masks: the ground truth, drawn where there is one.
        items: the images to choose from.
        names: foreground classes.

    Raises:
        UserError: an image, its mask or its prediction is missing or damaged.
    """
    by_id = {item.image_id: item for item in items}
    scores = {k: v for k, v in last.result["per_image"].items() if k in by_id}
    if not scores:
        chosen = panels.spread(list(by_id), 2 * SHOWN)
        return [("Examples", [_panel(by_id[i], "", readers, masks, names) for i in chosen])]
    what = f"by mean IoU of the {last.label.lower()}"
    groups = zip(("Best", "Worst"), panels.choose(scores, SHOWN), strict=True)
    return [
        (
            f"{word} images {what}",
            [
                _panel(by_id[i], f"IoU {100 * scores[i]:.1f} %", readers, masks, names)
                for i in chosen
            ],
        )
        for word, chosen in groups
    ]


def _panel(
    item: Item,
    note: str,
    readers: Mapping[str, Reader],
    masks: Masks,
    names: Sequence[str],
) -> panels.Panel:
    shown: dict[str, panels.Layer] = {}
    photo = read_item(item)
    for stage, reader in readers.items():
        shown |= layers(stage, reader, item, photo.shape[:2])
    if item.image_id in masks.paths:
        shown["ground truth"] = read_mask(masks, item.image_id)
    return panels.panel(item.image_id, note, photo, shown, names)


def layers(
    stage: str, reader: Reader, item: Item, size: tuple[int, int]
) -> dict[str, panels.Layer]:
    """Return what one stage made of an image, by caption.

    Args:
        stage: cam, crf, walk or segment/{segmenter}.
        reader: its predictions.
        item: the image.
        size: its (H, W).

    Raises:
        UserError: the prediction is missing or damaged.
    """
    if stage == "cam":
        cam, _ = read_cam(reader, item)
        return {"CAM": panels.Cam(cam.astype(np.float32), np.array(item.classes, int))}
    if stage == "crf":
        ids, posteriors = label_ids(item.classes), read_crf(reader, item, size)
        ends = (min(posteriors), max(posteriors))
        return {f"CRF, alpha {alpha:g}": ids[posteriors[alpha].argmax(0)] for alpha in ends}
    caption = "pseudo label" if stage == "walk" else stage.removeprefix("segment/")
    return {caption: reader.read(item.image_id)}
