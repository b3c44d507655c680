"""Rows of pictures: an image and the maps of every stage."""

import base64
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from wsss.io.labels import IGNORE

SIDE = 256
"""Longer side of a picture in pixels."""

PALETTE = ("#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7")
"""Class colours that colour-blind readers can tell apart (Okabe & Ito 2008, without black)."""


@dataclass(frozen=True)
class Thumbnail:
    """Picture with a caption, as a `data:` address."""

    caption: str
    uri: str
    width: int
    height: int


@dataclass(frozen=True)
class Panel:
    """Row of pictures with a legend of (class name, colour)."""

    image_id: str
    note: str
    tiles: tuple[Thumbnail, ...]
    legend: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Heatmap:
    """Activation maps of one image: cam (K, h, w), up to 1, of classes (K,).

    Values below 0, which some methods leave (SEAM's min-max scaling), are shown as 0.
    """

    cam: np.ndarray
    classes: np.ndarray


Layer = np.ndarray | Heatmap
"""Content of a picture: a label map (H, W) uint8, or activation maps."""


def choose(scores: Mapping[str, float], count: int) -> tuple[list[str], list[str]]:
    """Return the ids of the `count` best and `count` worst images, none in both lists."""
    ranked = sorted(scores, key=lambda image_id: (-scores[image_id], image_id))
    half = min(count, (len(ranked) + 1) // 2)
    return ranked[:half], ranked[half:][::-1][:count]


def spread(ids: Sequence[str], count: int) -> list[str]:
    """Return at most `count` ids at even distances."""
    places = np.linspace(0, len(ids) - 1, min(count, len(ids))).round().astype(int)
    return [ids[place] for place in places]


def panel(
    image_id: str,
    note: str,
    image: np.ndarray,
    layers: Mapping[str, Layer],
    names: Sequence[str],
) -> Panel:
    """Return the row of one image.

    Args:
        image_id: id of the image.
        note: text of the row's heading.
        image: (H, W, 3) uint8.
        layers: caption -> label map (H, W) or `Heatmap`, in the order of the pictures.
        names: foreground class names; classes (labels minus 1) index them.
    """
    height, width = image.shape[:2]
    size = _tile_size(width, height)
    small = np.asarray(Image.fromarray(image).resize(size, Image.Resampling.LANCZOS))
    colours = assign(sorted({c for layer in layers.values() for c in _classes(layer)}))
    pictures = {"image": small} | {
        caption: _draw(layer, small, colours) for caption, layer in layers.items()
    }
    tiles = tuple(Thumbnail(caption, data_uri(array), *size) for caption, array in pictures.items())
    return Panel(image_id, note, tiles, tuple((names[c], colours[c]) for c in colours))


def _tile_size(width: int, height: int) -> tuple[int, int]:
    scale = SIDE / max(width, height)
    return max(1, round(width * scale)), max(1, round(height * scale))


def _classes(layer: Layer) -> list[int]:
    if isinstance(layer, Heatmap):
        return [int(c) for c in layer.classes]
    return [int(label) - 1 for label in np.unique(layer) if label not in (0, IGNORE)]


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
    height, width = image.shape[:2]
    nearest = Image.fromarray(labels).resize((width, height), Image.Resampling.NEAREST)
    small = np.asarray(nearest)
    out = _dim(image)
    for c, colour in colours.items():
        mask = small == c + 1
        out[mask] = 0.25 * out[mask] + 0.8 * _rgb(colour)
    y, x = np.indices(small.shape)
    out[(small == IGNORE) & ((x + y) % 8 < 3)] = 210
    return _bytes(out)


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
