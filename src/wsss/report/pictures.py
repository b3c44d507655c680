"""Which images of a run are shown, and what every stage made of them."""

from collections.abc import Mapping, Sequence

import numpy as np

from wsss.io.images import read_image
from wsss.io.index import Item, Masks
from wsss.io.labels import LabelReader, label_ids, read_labels
from wsss.io.maps import MapsReader, alphas_of
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
    for stage, reader in readers.items():
        shown |= layers(stage, reader.read(item.image_id))
    if item.image_id in masks.paths:
        shown["ground truth"] = read_labels(masks.paths[item.image_id])
    return panels.panel(item.image_id, note, read_image(item.image), shown, names)


def layers(stage: str, found: np.ndarray | dict[str, np.ndarray]) -> dict[str, panels.Layer]:
    """Return what one stage made of an image, by caption.

    Args:
        stage: cam, crf, walk or segment/{segmenter}.
        found: its record of the image: arrays by name, or a label map (H, W).
    """
    if stage == "cam":
        return {"CAM": panels.Cam(found["cam"].astype(np.float32), found["classes"])}
    if stage == "crf":
        ids, named = label_ids(found["classes"]), list(alphas_of(found).items())
        ends = dict([named[0], named[-1]])
        return {f"CRF, alpha {a:g}": ids[found[name].argmax(0)] for a, name in ends.items()}
    return {"pseudo label" if stage == "walk" else stage.removeprefix("segment/"): found}
