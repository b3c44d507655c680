"""Picture rows: one image, and what every stage made of it."""

import base64
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from wsss.io.labels import IGNORE

SIDE = 256
"""Longer side of a tile in pixels."""

PALETTE = ("#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7")
"""Class colours that colour-blind readers can tell apart (Okabe & Ito 2008, without black)."""


@dataclass(frozen=True)
class Tile:
    """One picture: caption and `data:` address."""

    caption: str
    uri: str
    width: int
    height: int


@dataclass(frozen=True)
class Panel:
    """One row of tiles with a legend of (class name, colour)."""

    image_id: str
    note: str
    tiles: tuple[Tile, ...]
    legend: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Cam:
    """Activation maps of one image: cam (K, h, w), up to 1, of classes (K,).

    Some methods leave values below 0 (SEAM's min-max scaling); they are drawn as 0.
    """

    cam: np.ndarray
    classes: np.ndarray


Layer = np.ndarray | Cam
"""What a tile shows: a label map (H, W) uint8, or activation maps."""


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
        image_id: its id.
        note: what the row's heading says about it.
        image: (H, W, 3) uint8.
        layers: caption -> label map (H, W) or `Cam`, in the order of the tiles.
        names: foreground class names; classes (labels minus 1) index them.
    """
    height, width = image.shape[:2]
    size = _tile_size(width, height)
    small = np.asarray(Image.fromarray(image).resize(size, Image.Resampling.LANCZOS))
    colours = assign(sorted({c for layer in layers.values() for c in _classes(layer)}))
    pictures = {"image": small} | {
        caption: _draw(layer, small, colours) for caption, layer in layers.items()
    }
    tiles = tuple(Tile(caption, data_uri(array), *size) for caption, array in pictures.items())
    return Panel(image_id, note, tiles, tuple((names[c], colours[c]) for c in colours))


def _tile_size(width: int, height: int) -> tuple[int, int]:
    scale = SIDE / max(width, height)
    return max(1, round(width * scale)), max(1, round(height * scale))


def _classes(layer: Layer) -> list[int]:
    if isinstance(layer, Cam):
        return [int(c) for c in layer.classes]
    return [int(label) - 1 for label in np.unique(layer) if label not in (0, IGNORE)]


def assign(classes: Iterable[int]) -> dict[int, str]:
    """Return a colour per class: the class's own while it is free in this row, else the next."""
    taken: dict[int, str] = {}
    for c in classes:
        order = [PALETTE[(c + shift) % len(PALETTE)] for shift in range(len(PALETTE))]
        free = [colour for colour in order if colour not in taken.values()]
        taken[c] = (free or order)[0]
    return taken


def _draw(layer: Layer, image: np.ndarray, colours: Mapping[int, str]) -> np.ndarray:
    if isinstance(layer, Cam):
        return paint_cam(layer, image, colours)
    return paint_labels(layer, image, colours)


def paint_labels(labels: np.ndarray, image: np.ndarray, colours: Mapping[int, str]) -> np.ndarray:
    """Return `image` (h, w, 3) in dim grey under the colours of `labels` (H, W), (h, w, 3) uint8.

    Ignored pixels are striped.
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


def paint_cam(layer: Cam, image: np.ndarray, colours: Mapping[int, str]) -> np.ndarray:
    """Return `image` (h, w, 3) uint8 in dim grey under the colour of each pixel's strongest class.

    Opacity is linear in the class's value, clipped to [0, 1].
    """
    out = _dim(image)
    if not len(layer.classes):
        return _bytes(out)
    height, width = image.shape[:2]
    maps = [Image.fromarray(m) for m in layer.cam.astype(np.float32).clip(0, 1)]
    cam = np.stack([m.resize((width, height), Image.Resampling.BILINEAR) for m in maps])
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
    """Return (h, w, 3) uint8 as the `data:` address of a WebP picture."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "WEBP", quality=80)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode()
