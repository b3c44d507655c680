"""Images that a training is evaluated on while it runs."""

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from wsss.config.monitor import Monitor
from wsss.data.loaders import Sample
from wsss.data.sets.samples import Samples
from wsss.io.index import Item

MOST = 100
"""Images of a validation unless their number is configured: metrics of more hardly change."""

FEWEST = 8
"""Fewest images of a validation unless their number is configured; fewer say nothing."""

SHARE = 0.02
"""Time of all validations per time of the training, unless their number is configured.

Reading the images once, and the pictures, add about 1 %.
"""

GRADIENTS = 3
"""Time of a training step per time of a prediction where the whole network has gradients; where
the backbone is frozen it is about 1."""


class Measurement(NamedTuple):
    """Result of an evaluation.

    Attributes:
        metrics: values by their names.
        signs: early signs of failure by their names, each as a sentence.
    """

    metrics: dict[str, float]
    signs: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Validated:
    """Images that a training is evaluated on.

    Attributes:
        name: where they are from, the prefix of the metrics: val, train or held_out.
        samples: their samples; every evaluation takes those of epoch 0.
        measure: computes metrics on batches of the samples.
        draw: draws a sample, with a batch dimension of 1 and its 8-bit pixels, and the predictions
            for it, as (H, W, 3) uint8; None = nothing is drawn.
    """

    name: str
    samples: Samples
    measure: Callable[[Iterable[Sample]], Measurement]
    draw: Callable[[Sample], np.ndarray] | None = None


@dataclass(frozen=True)
class Validations:
    """Validations of a training.

    Attributes:
        count: their number.
        images: what is evaluated at each.
    """

    count: int = 0
    images: tuple[Validated, ...] = ()


NONE = Validations()
"""No validation."""


def extent(
    monitor: Monitor, samples: int, parts: int = 1, *, frozen: bool = False
) -> tuple[int, int]:
    """Return the number of validations of a training, and of the images of each of its parts.

    Args:
        monitor: their limits.
        samples: number of samples that the training learns, each time that it does.
        parts: number of parts with images of their own.
        frozen: the backbone is not trained.
    """
    if monitor.images or not monitor.validations:
        return monitor.validations, monitor.images or 0
    affordable = int(SHARE * samples * (1 if frozen else GRADIENTS)) // parts
    images = min(MOST, max(FEWEST, affordable // monitor.validations))
    return min(monitor.validations, affordable // images), images


def some(items: Sequence[Item], count: int, seed: int) -> tuple[Item, ...]:
    """Return so many images, or all if they are fewer, chosen at random, in order."""
    places = range(len(items))
    chosen = random.Random(f"{seed}/validation").sample(places, min(count, len(items)))
    return tuple(items[place] for place in sorted(chosen))
