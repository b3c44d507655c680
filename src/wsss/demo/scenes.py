"""Demo images: figures before a textured, cluttered background, with exact masks.

Everything is drawn at three times the resolution and averaged, for antialiased edges.
"""

from dataclasses import dataclass, replace

import numpy as np
from PIL import Image, ImageDraw

from wsss.demo.figures import FIGURES, Colour, Part, box, ellipse, hsv, rotated
from wsss.io.labels import IGNORE

CLASSES = tuple(FIGURES)
"""The classes of the demo, in the order of their ids."""

_OVERSAMPLING = 3
_SOFT = (0.25, 0.75)
"""Pixels with a coverage between these are labelled IGNORE."""
_MOST_HIDDEN = 0.25
"""Largest fraction of a class's pixels that one more figure may hide."""
_OUTDOORS = (0.08, 0.13, 0.28, 0.36, 0.55, 0.6)
"""Hues of earth, sand, grass, leaves, water and sky."""


Window = tuple[slice, slice]
"""Rows and columns of an image."""
_WHOLE: Window = (slice(None), slice(None))


@dataclass(frozen=True)
class Layer:
    """What is drawn in a window of an image: colour (h, w, 3) 0..255, cover (h, w) in [0, 1]."""

    window: Window
    colour: np.ndarray
    cover: np.ndarray

    def shaded(self, grain: np.ndarray) -> "Layer":
        """Return the layer with its colour times `grain` (h, w)."""
        return replace(self, colour=self.colour * grain[..., None])


@dataclass
class Scene:
    """An unfinished image (H, W, 3) float 0..255 with its labels (H, W) uint8."""

    image: np.ndarray
    labels: np.ndarray

    def paste(self, layer: Layer, label: int) -> None:
        """Blend a layer over the image."""
        image, labels = self.image[layer.window], self.labels[layer.window]
        image += (layer.colour - image) * layer.cover[..., None]
        labels[layer.cover > _SOFT[0]] = IGNORE if label else 0
        labels[layer.cover > _SOFT[1]] = label


def make_scene(
    rng: np.random.Generator, size: tuple[int, int], first: int
) -> tuple[np.ndarray, np.ndarray]:
    """Generate an image with one to four figures of one to three classes.

    Args:
        rng: random generator.
        size: (H, W) in pixels.
        first: class id of the figure that is drawn first.

    Returns:
        (H, W, 3) uint8 RGB, and (H, W) uint8 labels: 0 background, c + 1 class c, 255 rim.
    """
    scene = Scene(_background(rng, size), np.zeros(size, np.uint8))
    for _ in range(rng.integers(4, 10)):
        scene.paste(_clutter(rng, size, rng.uniform(0.04, 0.15)), 0)
    for class_id in _choose_classes(rng, first):
        _place(rng, scene, class_id)
    for _ in range(rng.integers(1, 4)):
        scene.paste(_clutter(rng, size, rng.uniform(0.03, 0.06)), 0)
    return _exposed(rng, scene.image), scene.labels


def _choose_classes(rng: np.random.Generator, first: int) -> list[int]:
    """Choose the classes of the figures: `first`, and others or it again."""
    others = [number for number in range(len(CLASSES)) if number != first]
    kinds = [first, *rng.permutation(others)[: rng.choice(3, p=[0.45, 0.4, 0.15])]]
    again = rng.choice(kinds, rng.choice(2, p=[0.6, 0.4]))
    return [int(kind) for kind in (*kinds, *again)]


def _place(rng: np.random.Generator, scene: Scene, class_id: int) -> None:
    """Draw one figure where it hides little of the others; skip it if there is no room."""
    make_parts, lean = FIGURES[CLASSES[class_id]]
    height, width = scene.labels.shape
    # smaller at every attempt
    for attempt in range(12):
        radius = min(height, width) * rng.uniform(0.2, 0.36) * 0.95**attempt
        where = rng.uniform(0.18, 0.82, 2) * (width, height)
        mirror = np.array([rng.choice([-1, 1]), 1]) * rng.uniform(0.85, 1.1, 2)
        turn = rng.uniform(-lean, lean)
        parts = [
            Part(rotated(part.corners * mirror, turn) * radius + where, part.colour)
            for part in make_parts(rng)
        ]
        figure = _render(parts, scene.labels.shape)
        if _hides_little(scene.labels, figure):
            break
    else:
        return
    # shading
    _shadow(rng, scene, figure, radius)
    grain = _grain(rng, scene.labels.shape, figure.window, 0.07, 0.16)
    scene.paste(figure.shaded(grain), class_id + 1)


def _hides_little(labels: np.ndarray, figure: Layer) -> bool:
    """True if every class drawn so far stays visible under a new figure."""
    before = np.bincount(labels.ravel(), minlength=256)
    hidden = np.bincount(labels[figure.window][figure.cover > _SOFT[0]], minlength=256)
    return bool((hidden <= _MOST_HIDDEN * before)[1:IGNORE].all())


def _render(parts: list[Part], size: tuple[int, int]) -> Layer:
    """Paint parts of an image (H, W) and cut out the smallest window that holds them."""
    large = (size[1] * _OVERSAMPLING, size[0] * _OVERSAMPLING)
    colour, cover = Image.new("RGB", large, parts[0].colour), Image.new("L", large)
    for part in parts:
        corners = [tuple(corner) for corner in part.corners * _OVERSAMPLING]
        ImageDraw.Draw(colour).polygon(corners, fill=part.colour)
        ImageDraw.Draw(cover).polygon(corners, fill=255)
    # at least a pixel, also of what lies outside
    places, limit = np.concatenate([part.corners for part in parts]), np.array(size[::-1])
    low = np.clip(np.floor(places.min(0)), 0, limit - 1).astype(int)
    high = np.clip(np.floor(places.max(0)) + 2, low + 1, limit).astype(int)
    box = tuple(np.concatenate([low, high]) * _OVERSAMPLING)
    small = (layer.reduce(_OVERSAMPLING, box) for layer in (colour, cover))
    pixels, coverage = (np.asarray(layer, np.float32) for layer in small)
    (left, top), (right, bottom) = low, high
    return Layer((slice(top, bottom), slice(left, right)), pixels, coverage / 255)


def _shadow(rng: np.random.Generator, scene: Scene, figure: Layer, radius: float) -> None:
    """Darken the image softly beside a figure."""
    cover = np.zeros(scene.labels.shape, np.float32)
    cover[figure.window] = figure.cover
    shift = (round(radius * rng.uniform(0.05, 0.15)), round(radius * rng.uniform(-0.1, 0.1)))
    layer = Image.fromarray((255 * np.roll(cover, shift, (0, 1))).astype(np.uint8))
    soft = layer.reduce(6).resize(layer.size, Image.Resampling.BICUBIC)
    scene.image *= 1 - 0.4 * np.asarray(soft, np.float32)[..., None] / 255


def _clutter(rng: np.random.Generator, size: tuple[int, int], radius: float) -> Layer:
    """Layer with one object of no class: a pebble, a slab, a splinter or a stick."""
    shapes = (
        ellipse(0, 0, 1, rng.uniform(0.4, 1)),
        box(-1, -rng.uniform(0.3, 0.8), 1, 0.5),
        ellipse(0, 0, 1, 1)[np.sort(rng.choice(28, rng.integers(3, 6), replace=False))],
        box(-2.5, -0.12, 2.5, 0.12),
    )
    corners = rotated(shapes[rng.integers(len(shapes))], rng.uniform(0, np.pi))
    where = rng.uniform(0, 1, 2) * (size[1], size[0])
    part = Part(corners * radius * min(size) + where, _any_colour(rng))
    layer = _render([part], size)
    return layer.shaded(_grain(rng, size, layer.window, 0.1, 0.2))


def _grain(
    rng: np.random.Generator, size: tuple[int, int], window: Window, rough: float, sloped: float
) -> np.ndarray:
    """Return factors (h, w) near 1 of an image's brightness in a window: noise and a slope."""
    noise = _noise(rng, size, 12)[window]
    factors: np.ndarray = 1 + rough * noise + sloped * _slope(rng, size, window)
    return factors


def _any_colour(rng: np.random.Generator) -> Colour:
    return hsv(rng.uniform(0, 1), rng.beta(1.2, 2.5), rng.uniform(0.2, 0.9))


def _background(rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    """Ground and sky or wall: two surfaces of clouded colour that meet at a sloping line."""
    rows, columns = np.mgrid[0 : size[0], 0 : size[1]].astype(np.float32)
    horizon = size[0] * rng.uniform(0.25, 0.75) + (columns - size[1] / 2) * rng.uniform(-0.2, 0.2)
    below = np.clip(rows - horizon + 0.5 + 2 * _noise(rng, size, 16), 0, 1)[..., None]
    both: np.ndarray = _surface(rng, size) * (1 - below) + _surface(rng, size) * below
    return both


def _surface(rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    """Two related colours mixed by noise of three grain sizes."""
    hue = rng.choice(_OUTDOORS) + rng.uniform(-0.05, 0.05)
    saturation, value = rng.uniform(0.05, 0.45), rng.uniform(0.3, 0.8)
    one = np.array(hsv(hue, saturation, value), np.float32)
    two = np.array(hsv(hue + rng.uniform(-0.1, 0.1), saturation * 0.7, value + 0.15), np.float32)
    cells = rng.choice([2, 3, 4]) * np.array([1, 4, 12])
    mix: np.ndarray = np.zeros(size, np.float32)
    for number, weight in zip(cells, (0.5, 0.3, 0.25), strict=True):
        mix = mix + _noise(rng, size, int(number)) * weight
    surface: np.ndarray = one + (two - one) * (0.5 + mix[..., None])
    return surface


def _noise(rng: np.random.Generator, size: tuple[int, int], cells: int) -> np.ndarray:
    """Smooth noise (H, W) of about `cells` bumps per side, mean 0, standard deviation near 0.7."""
    coarse = Image.fromarray(rng.standard_normal((cells + 1, cells + 1)).astype(np.float32))
    return np.asarray(coarse.resize((size[1], size[0]), Image.Resampling.BICUBIC))


def _slope(rng: np.random.Generator, size: tuple[int, int], window: Window = _WHOLE) -> np.ndarray:
    """A plane (H, W) through 0 that rises in a random direction, about -1..1, in a window."""
    turn = rng.uniform(0, 2 * np.pi)
    rows, columns = (np.linspace(-1, 1, n)[part] for n, part in zip(size, window, strict=True))
    slope: np.ndarray = np.sin(turn) * rows[:, None] + np.cos(turn) * columns[None, :]
    return slope


def _exposed(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """Apply sidelight, exposure and sensor noise; return 8 bits."""
    light = rng.uniform(0.85, 1.1) * (1 + 0.18 * _slope(rng, image.shape[:2]))
    grain = rng.normal(0, rng.uniform(2, 6), image.shape)
    return np.clip(np.rint(image * light[..., None] + grain), 0, 255).astype(np.uint8)
