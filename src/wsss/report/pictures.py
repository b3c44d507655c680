"""Images of a run for the report, with the maps of every stage."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from wsss.io.images import read_item
from wsss.io.index import Index, Item, Masks
from wsss.io.labels import LabelReader, label_ids, read_mask
from wsss.io.maps import MapsReader
from wsss.io.validated_maps import read_cam, read_refined
from wsss.metrics.suspicion import Stage, refined_stage, undecided_share
from wsss.products import TRAIN, Product
from wsss.report import panels, selection
from wsss.report.content import Step, in_sentence
from wsss.report.selection import Look

LOOKED_AT = 400
"""Largest number of images of a split that are compared, at even distances among all."""


@dataclass(frozen=True)
class Amount:
    """Number of pictures of a run, so that the page stays small.

    Attributes:
        rows: images per group.
        sheet: training images on the contact sheet.
    """

    rows: int
    sheet: int


def amount(runs: int) -> Amount:
    """Return how many pictures each of some runs has."""
    return Amount(rows=2 if runs <= 3 else 1, sheet=24 if runs <= 4 else 12)


@dataclass(frozen=True)
class Predictions:
    """Maps of one product of a run.

    Attributes:
        product: row of the table of the chain.
        reader: reader of the maps.
    """

    product: Product
    reader: MapsReader | LabelReader

    @property
    def title(self) -> str:
        """Title of its pictures."""
        return in_sentence(self.product.title)


@dataclass(frozen=True)
class Group:
    """Images chosen for one reason, with the maps of every stage."""

    heading: str
    panels: tuple[panels.Panel, ...]


@dataclass(frozen=True)
class Gallery:
    """Pictures of a run on a split.

    Attributes:
        run: name of the run.
        split: the split.
        sheet: training images with their pseudo labels.
        groups: images that deserve a look, and those beside them.
        looked_at: number of images that the groups are chosen from.
        last: title of the label maps that they are chosen by.
    """

    run: str
    split: str
    sheet: tuple[panels.Panel, ...]
    groups: tuple[Group, ...]
    looked_at: int
    last: str


@dataclass(frozen=True)
class Source:
    """Where the pictures of a run come from.

    Attributes:
        run: name of the run.
        split: the split.
        shown: predictions on the split, in the order of the pictures; the last ones count.
        index: the data set.
        masks: ground truth, shown where there is one.
    """

    run: str
    split: str
    shown: Sequence[Predictions]
    index: Index
    masks: Masks

    @property
    def items(self) -> tuple[Item, ...]:
        """The images that are looked at."""
        return tuple(panels.spread(self.index.split(self.split), LOOKED_AT))

    @property
    def labels(self) -> list[Predictions]:
        """The predictions that are label maps."""
        return [one for one in self.shown if isinstance(one.reader, LabelReader)]

    @property
    def last(self) -> str:
        """Title of the last label maps; empty without any."""
        return self.labels[-1].title if self.labels else ""

    def label_maps(self, item: Item) -> list[np.ndarray]:
        """Read the label maps (H, W) uint8 of an image, in the order of the stages."""
        readers = [one.reader for one in self.shown]
        return [one.read(item.image_id) for one in readers if isinstance(one, LabelReader)]


def gallery(source: Source, step: Step | None, count: Amount) -> Gallery:
    """Return the best, the worst and the striking images, and training images on a sheet.

    Args:
        source: predictions and images.
        step: last step of the run, whose mean IoU ranks the images that have masks.
        count: number of pictures.

    Raises:
        UserError: an image, its mask or its prediction is missing or damaged.
    """
    items = source.items
    by_id = {item.image_id: item for item in items}
    groups = [
        Group(heading, tuple(_panel(source, by_id[name], note) for name, note in chosen.items()))
        for heading, chosen in _chosen(source, step, count.rows)
        if chosen
    ]
    on_sheet = panels.spread(items, count.sheet) if source.last and source.split == TRAIN else []
    return Gallery(
        run=source.run,
        split=source.split,
        sheet=tuple(_overlay(source, item) for item in on_sheet),
        groups=tuple(groups),
        looked_at=len(items),
        last=source.last,
    )


def _chosen(source: Source, step: Step | None, count: int) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield headings with the images below each and what is said of them; no image occurs twice."""
    known = {item.image_id for item in source.items}
    scores = {k: v for k, v in step.metrics.per_image.items() if k in known} if step else {}
    seen: set[str] = set()

    def fresh(ids: Sequence[str], notes: Mapping[str, str]) -> dict[str, str]:
        found = [name for name in ids if name not in seen][:count]
        seen.update(found)
        return {name: notes[name] for name in found}

    # with masks
    values = {name: f"mean IoU {100 * value:.1f} %" for name, value in scores.items()}
    bare = {item.image_id for item in source.items if not item.classes}
    for word, ids in zip(("Best", "Worst"), panels.choose(scores, count, bare), strict=True):
        yield f"{word} by the masks", fresh(ids, values)
    # without
    looks = {item.image_id: _look(source, item) for item in source.items} if source.last else {}
    odd = {name: "; ".join(look.reasons[:2]) for name, look in looks.items()}
    yield "Most suspicious", fresh(selection.suspicious(looks, 3 * count), odd)
    apart = {name: f"agreement {100 * (1 - o.disagreement):.0f} %" for name, o in looks.items()}
    yield "Stages differ most", fresh(selection.disagreeing(looks, 4 * count), apart)
    if not seen:
        ids = panels.spread([item.image_id for item in source.items], count)
        yield "Examples", fresh(ids, dict.fromkeys(ids, ""))


def _look(source: Source, item: Item) -> Look:
    """Judge the last label map of an image by its labels and by the stages before."""
    names = {c + 1: source.index.class_names[c] for c in item.classes}
    stages, undecided = [], None
    for one in source.shown:
        if isinstance(one.reader, LabelReader):
            stages.append(Stage(one.title, one.reader.read(item.image_id)))
        elif one.product.background:
            scores = list(read_refined(one.reader, item).values())
            stages.append(refined_stage(one.title, scores, item.classes))
            undecided = undecided_share(scores)
    *before, last = stages
    return selection.look(last.labels, names, before, undecided)


def _overlay(source: Source, item: Item) -> panels.Panel:
    """Return an image tinted with its last label map."""
    labels = source.label_maps(item)[-1]
    layer = {source.last: panels.Overlay(labels)}
    names = source.index.class_names
    return panels.panel(item.image_id, "", read_item(item), layer, names, item.classes, labels)


def _panel(source: Source, item: Item, note: str) -> panels.Panel:
    """Return an image with the maps of every stage."""
    photo = read_item(item)
    height, width = photo.shape[:2]
    shown = {"image": panels.photograph(photo)}
    for one in source.shown:
        shown |= layers(one, item, (height, width))
    found = next(reversed(source.label_maps(item)), None)
    if item.image_id in source.masks.paths:
        shown["ground truth"] = read_mask(source.masks, item.image_id)
    names = source.index.class_names
    return panels.panel(item.image_id, note, photo, shown, names, item.classes, found)


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
        return {shown.title: reader.read(item.image_id)}
    if row.background:
        ids, posteriors = label_ids(classes), read_refined(reader, item, size)
        ends = (min(posteriors), max(posteriors))
        return {
            f"{shown.title}, alpha {alpha:g}": ids[posteriors[alpha].argmax(0)] for alpha in ends
        }
    cam, _ = read_cam(reader, item)
    return {row.name.upper(): panels.Heatmap(cam.astype(np.float32), classes)}
