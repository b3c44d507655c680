"""Objects of the demo images: flat figures of coloured polygons, one kind per class.

A figure is a list of coloured polygons in painting order, in a frame of its own: x right, y down,
about 1 from the centre to the rim. Each class has a shape, a colour family and parts that no other
class has (wheels, stripes, petals, windows, spots); colours alone do not tell the classes apart.
"""

import colorsys
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Part:
    """A polygon of one colour: corners (N, 2) as x, y."""

    corners: np.ndarray
    colour: Colour


def hsv(hue: float, saturation: float, value: float) -> Colour:
    """Colour from hue (turns, any real number), saturation and value in [0, 1]."""
    red, green, blue = colorsys.hsv_to_rgb(hue % 1, min(saturation, 1), min(value, 1))
    return round(255 * red), round(255 * green), round(255 * blue)


def ellipse(x: float, y: float, a: float, b: float, turn: float = 0.0) -> np.ndarray:
    """Polygon (28, 2) around (x, y) with half axes a, b, the first at `turn` radians."""
    angle = np.linspace(0, 2 * np.pi, 28, endpoint=False)
    points = np.stack([a * np.cos(angle), b * np.sin(angle)], axis=1)
    moved: np.ndarray = rotated(points, turn) + np.array([x, y])
    return moved


def box(left: float, top: float, right: float, bottom: float) -> np.ndarray:
    """Upright rectangle (4, 2)."""
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)])


def rotated(points: np.ndarray, turn: float) -> np.ndarray:
    """Points (N, 2) turned by `turn` radians around the origin."""
    cos, sin = np.cos(turn), np.sin(turn)
    turned: np.ndarray = points @ np.array([(cos, sin), (-sin, cos)])
    return turned


def _car(rng: np.random.Generator) -> list[Part]:
    paint = hsv(rng.uniform(0.3, 0.68), rng.uniform(0.65, 0.95), rng.uniform(0.6, 0.95))
    glass = hsv(0.55, rng.uniform(0.1, 0.3), rng.uniform(0.75, 0.95))
    tyre, hub = hsv(0, 0, rng.uniform(0.08, 0.18)), hsv(0, 0, rng.uniform(0.65, 0.85))
    front = rng.uniform(0.5, 0.68)
    cabin = np.array([(-0.72, 0.0), (-0.5, -0.46), (0.25, -0.46), (front, 0.0)])
    hull = np.array(
        [(-1, 0.38), (-0.98, 0.05), (-0.7, -0.06), (0.6, -0.06), (0.98, 0.1), (1, 0.38)]
    )
    # body, windows, wheels, headlight
    parts = [Part(cabin, paint), Part(hull, paint)]
    parts += [Part(np.array([(-0.6, -0.05), (-0.44, -0.38), (-0.1, -0.38), (-0.1, -0.05)]), glass)]
    parts += [Part(np.array([(0, -0.05), (0, -0.38), (0.2, -0.38), (0.45, -0.05)]), glass)]
    for x in (-0.55, 0.55):
        parts += [Part(ellipse(x, 0.36, 0.25, 0.25), tyre), Part(ellipse(x, 0.36, 0.12, 0.12), hub)]
    return [*parts, Part(ellipse(0.93, 0.17, 0.06, 0.07), hsv(0.14, 0.4, 1))]


def _fish(rng: np.random.Generator) -> list[Part]:
    hue = rng.uniform(0.06, 0.14)
    body = hsv(hue, rng.uniform(0.75, 0.95), rng.uniform(0.8, 1))
    fin = hsv(hue - 0.03, 0.85, rng.uniform(0.5, 0.7))
    stripe = hsv(hue + 0.02, rng.uniform(0.05, 0.25), rng.uniform(0.85, 1))
    tail = np.array([(-0.55, 0), (-1, -0.45), (-0.85, 0), (-1, 0.45)])
    crest = np.array([(-0.35, -0.3), (-0.1, -0.62), (0.3, -0.34)])
    belly = np.array([(-0.15, 0.35), (-0.25, 0.6), (0.15, 0.38)])
    # fins, body, stripes, eye
    parts = [Part(tail, fin), Part(crest, fin), Part(belly, fin)]
    parts.append(Part(ellipse(0, 0, 0.76, 0.43), body))
    for x in np.linspace(-0.4, 0.12, rng.integers(2, 4)):
        edge = np.array([x, x + 0.13])
        rise = 0.43 * np.sqrt(1 - (edge / 0.76) ** 2)
        band = np.stack([np.append(edge, edge[::-1]), np.append(-rise, rise[::-1])], axis=1)
        parts.append(Part(band, stripe))
    parts.append(Part(ellipse(0.48, -0.1, 0.12, 0.12), hsv(0, 0, 0.97)))
    return [*parts, Part(ellipse(0.5, -0.1, 0.06, 0.06), hsv(0, 0, 0.05))]


def _flower(rng: np.random.Generator) -> list[Part]:
    hue, petals = rng.uniform(0.75, 0.98), int(rng.integers(5, 9))
    saturation, value = rng.uniform(0.35, 0.75), rng.uniform(0.8, 1)
    parts = []
    for number, turn in enumerate(np.linspace(0, 2 * np.pi, petals, endpoint=False)):
        shade = hsv(hue, saturation + 0.12 * (number % 2), value)
        x, y = 0.6 * np.cos(turn), 0.6 * np.sin(turn)
        parts.append(Part(ellipse(x, y, 0.4, 1.5 / petals, turn), shade))
    parts.append(Part(ellipse(0, 0, 0.33, 0.33), hsv(0.13, 0.85, rng.uniform(0.85, 1))))
    return [*parts, Part(ellipse(0, 0, 0.17, 0.17), hsv(0.08, 0.8, rng.uniform(0.5, 0.7)))]


def _house(rng: np.random.Generator) -> list[Part]:
    wall = hsv(rng.uniform(0.05, 0.14), rng.uniform(0.1, 0.4), rng.uniform(0.75, 0.95))
    roof = hsv(rng.uniform(0.96, 1.04), rng.uniform(0.5, 0.8), rng.uniform(0.35, 0.65))
    pane, door = hsv(0.58, 0.45, rng.uniform(0.3, 0.55)), hsv(0.07, 0.6, rng.uniform(0.25, 0.4))
    frame, ridge = hsv(0, 0, 0.95), rng.uniform(-0.2, 0.2)
    parts = [Part(box(0.35, -0.85, 0.58, -0.2), roof), Part(box(-0.75, -0.1, 0.75, 0.88), wall)]
    parts.append(Part(np.array([(-0.98, -0.05), (ridge, -0.92), (0.98, -0.05)]), roof))
    parts.append(Part(box(-0.16, 0.35, 0.16, 0.88), door))
    for x in (-0.45, 0.45):
        parts.append(Part(box(x - 0.19, 0.1, x + 0.19, 0.5), frame))
        parts += [Part(box(x + d, 0.15, x + d + 0.12, 0.45), pane) for d in (-0.14, 0.02)]
    return parts


def _mushroom(rng: np.random.Generator) -> list[Part]:
    cap = hsv(rng.uniform(-0.02, 0.06), rng.uniform(0.7, 0.95), rng.uniform(0.55, 0.85))
    stem = hsv(0.11, rng.uniform(0.08, 0.25), rng.uniform(0.8, 0.95))
    gills, spot = hsv(0.09, 0.3, rng.uniform(0.55, 0.7)), hsv(0.12, 0.08, rng.uniform(0.9, 1))
    foot = np.array([(-0.2, 0), (0.2, 0), (0.32, 0.92), (-0.32, 0.92)])
    turn = np.linspace(np.pi, 2 * np.pi, 24)
    dome = np.stack([0.98 * np.cos(turn), 0.12 + 0.95 * np.sin(turn)], axis=1)
    # stem, gills, cap, spots
    parts = [Part(foot, stem), Part(ellipse(0, 0.12, 0.98, 0.15), gills), Part(dome, cap)]
    for x, y, size in (
        (-0.55, -0.15, 0.15),
        (-0.1, -0.5, 0.18),
        (0.45, -0.3, 0.16),
        (0.1, -0.1, 0.1),
    ):
        x, y = np.array([x, y]) + rng.uniform(-0.06, 0.06, 2)
        parts.append(Part(ellipse(x, y, size, 0.85 * size), spot))
    return parts


FIGURES: dict[str, tuple[Callable[[np.random.Generator], list[Part]], float]] = {
    "car": (_car, 0.25),
    "fish": (_fish, 0.6),
    "flower": (_flower, np.pi),
    "house": (_house, 0.12),
    "mushroom": (_mushroom, 0.3),
}
"""Class -> function that makes one figure, and its largest tilt to either side in radians."""
