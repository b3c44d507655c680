"""Rows of pictures: an image and the maps of every stage."""

import base64
import io
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeVar

import numpy as np
from PIL import Image

from wsss.io.labels import IGNORE
from wsss.metrics.location import boundaries

T = TypeVar("T")

SIDE = 256
"""Longer side of a picture in pixels."""

_TINT = 0.55
"""Opacity of labels on a photograph."""

PALETTE = ("#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7")
"""Class colours that colour-blind readers can tell apart (Okabe & Ito 2008, without black)."""


@dataclass(frozen=True)
class Thumbnail:
    """Picture as a `data:` address, with a caption and a description in words."""

    caption: str
    alt: str
    uri: str
    width: int
    height: int


class Chip(NamedTuple):
    """A class of an image, with its colour in the pictures.

    Attributes:
        name: name of the class.
        colour: such as #e69f00.
        status: untrue = found, but not a label of the image; missing = a label of the image of
            which no pixel is found; empty = neither.
    """

    name: str
    colour: str
    status: Literal["", "untrue", "missing"] = ""


@dataclass(frozen=True)
class Panel:
    """Pictures of one image with its classes."""

    image_id: str
    note: str
    tiles: tuple[Thumbnail, ...]
    chips: tuple[Chip, ...]


@dataclass(frozen=True)
class Overlay:
    """Label map (H, W) uint8 that is painted on the photograph instead of its grey copy."""

    labels: np.ndarray


@dataclass(frozen=True)
class Heatmap:
    """Activation maps of one image: cam (K, h, w), up to 1, of classes (K,).

    Values below 0, which some methods leave (SEAM's min-max scaling), are shown as 0.
    """

    cam: np.ndarray
    classes: np.ndarray


Layer = np.ndarray | Overlay | Heatmap
"""Content of a picture: a label map (H, W) uint8, on grey or on colours, or activation maps."""


def choose(
    scores: Mapping[str, float], count: int, bare: Collection[str] = ()
) -> tuple[list[str], list[str]]:
    """Return the ids of the `count` best and `count` worst images, none in both lists.

    Args:
        scores: score of every image.
        count: largest number of each.
        bare: images without a label, which are never the best: where nothing is to be found,
            nothing found is no feat.
    """
    ranked = sorted(scores, key=lambda image_id: (-scores[image_id], image_id))
    half = min(count, (len(ranked) + 1) // 2)
    best = [image_id for image_id in ranked if image_id not in bare][:half]
    return best, [image_id for image_id in reversed(ranked) if image_id not in best][:count]


def spread(images: Sequence[T], count: int) -> list[T]:
    """Return at most `count` images at even distances."""
    places = np.linspace(0, len(images) - 1, min(count, len(images))).round().astype(int)
    return [images[place] for place in places]


def panel(
    image_id: str,
    note: str,
    image: np.ndarray,
    layers: Mapping[str, Layer],
    names: Sequence[str],
    own: Sequence[int] = (),
    found: np.ndarray | None = None,
) -> Panel:
    """Return the row of one image.

    Args:
        image_id: id of the image.
        note: text of the row's heading.
        image: (H, W, 3) uint8.
        layers: caption -> label map (H, W), `Overlay` or `Heatmap`, in the order of the pictures.
        names: foreground class names; classes (labels minus 1) index them.
        own: classes of the image.
        found: label map (H, W) that the classes of the image are compared with; None = none.
    """
    height, width = image.shape[:2]
    size = _tile_size(width, height)
    small = np.asarray(Image.fromarray(image).resize(size, Image.Resampling.LANCZOS))
    colours = assign(sorted({*own, *(c for layer in layers.values() for c in _classes(layer))}))
    tiles = [
        Thumbnail(
            name, _described(name, layer, names), data_uri(_draw(layer, small, colours)), *size
        )
        for name, layer in layers.items()
    ]
    chips = [Chip(names[c], colours[c], status) for c, status in _compared(colours, own, found)]
    return Panel(image_id, note, tuple(tiles), tuple(chips))


def photograph(image: np.ndarray) -> Layer:
    """Return the layer of an image (H, W, 3) uint8 as it is."""
    return Overlay(np.zeros(image.shape[:2], np.uint8))


def _compared(
    classes: Iterable[int], own: Sequence[int], found: np.ndarray | None
) -> Iterator[tuple[int, Literal["", "untrue", "missing"]]]:
    """Yield each class with its status, those of the image first."""
    inside = None if found is None else set(_classes(found))
    for c in sorted(classes, key=lambda c: (c not in own, c)):
        if inside is not None and c in own and c not in inside:
            yield c, "missing"
        elif inside is not None and c not in own and c in inside:
            yield c, "untrue"
        else:
            yield c, ""


def _described(caption: str, layer: Layer, names: Sequence[str]) -> str:
    """Return a picture in words: its classes, of label maps with their shares of the pixels."""
    if isinstance(layer, Heatmap):
        shown = [names[c] for c in _classes(layer)]
    else:
        labels = layer.labels if isinstance(layer, Overlay) else layer
        shown = [f"{names[c]} {100 * np.mean(labels == c + 1):.0f} %" for c in _classes(labels)]
    return f"{caption}: {', '.join(shown)}" if shown else caption


def _tile_size(width: int, height: int) -> tuple[int, int]:
    scale = SIDE / max(width, height)
    return max(1, round(width * scale)), max(1, round(height * scale))


def _classes(layer: Layer) -> list[int]:
    if isinstance(layer, Heatmap):
        return [int(c) for c in layer.classes]
    labels = layer.labels if isinstance(layer, Overlay) else layer
    return [int(label) - 1 for label in np.unique(labels) if label not in (0, IGNORE)]


def assign(classes: Iterable[int]) -> dict[int, str]:
    """Return a colour per class: its own if free in this row, else the next free one."""
    taken: dict[int, str] = {}
    for c in classes:
        order = [PALETTE[(c + shift) % len(PALETTE)] for shift in range(len(PALETTE))]
        free = [colour for colour in order if colour not in taken.values()]
        taken[c] = (free or order)[0]
    return taken


def _draw(layer: Layer, image: np.ndarray, colours: Mapping[int, str]) -> np.ndarray:
    if isinstance(layer, Heatmap):
        return paint_cam(layer, image, colours)
    if isinstance(layer, Overlay):
        return paint_overlay(layer.labels, image, colours)
    return paint_labels(layer, image, colours)


def paint_labels(labels: np.ndarray, image: np.ndarray, colours: Mapping[int, str]) -> np.ndarray:
    """Paint labels on an image in dim grey; ignored pixels are striped.

    Args:
        labels: (H, W) uint8.
        image: (h, w, 3) uint8.
        colours: colour by class, 0-based.

    Returns:
        (h, w, 3) uint8.
    """
    small, out = _nearest(labels, image), _dim(image)
    _tint(out, small, colours, 0.25, 0.8)
    return _bytes(_striped(out, small))


def paint_overlay(labels: np.ndarray, image: np.ndarray, colours: Mapping[int, str]) -> np.ndarray:
    """Tint an image with its labels, outlined in white; ignored pixels are striped.

    Args:
        labels: (H, W) uint8.
        image: (h, w, 3) uint8.
        colours: colour by class, 0-based.

    Returns:
        (h, w, 3) uint8.
    """
    small, out = _nearest(labels, image), image.astype(np.float32)
    _tint(out, small, colours, 1 - _TINT, _TINT)
    out[boundaries(small)] = 255
    return _bytes(_striped(out, small))


def _tint(
    out: np.ndarray, labels: np.ndarray, colours: Mapping[int, str], image: float, colour: float
) -> None:
    """Mix the pixels of every class of a picture with its colour, in place."""
    for c, own in colours.items():
        mask = labels == c + 1
        out[mask] = image * out[mask] + colour * _rgb(own)


def _nearest(labels: np.ndarray, image: np.ndarray) -> np.ndarray:
    """Return labels (h, w) uint8 of the size of an image (h, w, 3)."""
    size = image.shape[1], image.shape[0]
    return np.asarray(Image.fromarray(labels).resize(size, Image.Resampling.NEAREST))


def _striped(picture: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return a picture (h, w, 3) float32 with stripes where labels (h, w) are ignored."""
    y, x = np.indices(labels.shape)
    picture[(labels == IGNORE) & ((x + y) % 8 < 3)] = 210
    return picture


def paint_cam(layer: Heatmap, image: np.ndarray, colours: Mapping[int, str]) -> np.ndarray:
    """Paint the strongest class of each pixel on an image in dim grey.

    Opacity is linear in the class's value, clipped to [0, 1].

    Args:
        layer: maps (K, H, W) of K classes.
        image: (h, w, 3) uint8.
        colours: colour by class, 0-based.

    Returns:
        (h, w, 3) uint8.
    """
    out = _dim(image)
    if not len(layer.classes):
        return _bytes(out)
    height, width = image.shape[:2]
    maps = [Image.fromarray(m) for m in layer.cam.astype(np.float32).clip(0, 1)]
    resized = [m.resize((width, height), Image.Resampling.BILINEAR) for m in maps]
    # all maps (K, h, w)
    cam = np.stack([np.asarray(m) for m in resized])
    tints = np.stack([_rgb(colours[int(c)]) for c in layer.classes])[cam.argmax(0)]
    opacity = 0.95 * cam.max(0)[..., None]
    return _bytes(out * (1 - opacity) + tints * opacity)


def _dim(image: np.ndarray) -> np.ndarray:
    grey = image.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)
    return np.repeat((0.55 * grey + 12)[..., None], 3, axis=2)


def _rgb(colour: str) -> np.ndarray:
    return np.array(list(bytes.fromhex(colour[1:])), np.float32)


def _bytes(values: np.ndarray) -> np.ndarray:
    return values.clip(0, 255).round().astype(np.uint8)


def data_uri(image: np.ndarray) -> str:
    """Encode an image (h, w, 3) uint8 as the `data:` address of a WebP picture."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "WEBP", quality=80)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode()
