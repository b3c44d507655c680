"""Rule-based decisions of a plan: from the fingerprint to values of the configuration.

Every rule is a function of the fingerprint and of the configuration so far, the recipe with the
user's own keys over it; it yields its values with their reasons.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import ceil
from typing import Any, Literal

from wsss.config.model import Config
from wsss.io.units import size_text
from wsss.plan.artifacts import IMAGES_PER_JOB, MOST_JOBS
from wsss.planning.advice import FEW
from wsss.planning.fingerprint import Fingerprint
from wsss.tiles.layout import layout

SIDE = 500
"""Longer side of the photographs that the recipe is made for, in pixels."""

SIMILAR = 1.5
"""Ratio of sides up to which images are read as they are."""

LEARNED = 10_000
"""Training images from which AffinityNet is known to be better than features without training."""

TILE = 512
"""Side of the tiles of images that are too large for the memory; a quarter of it overlaps."""

WALKED, LABEL = 0.7e9, 0.25e9
"""Bytes that a job needs per megapixel of an image: the random walk, and every label of a
segmenter; from forecasts for photographs of 1600 and of 500 pixels."""

TRAINED, FROZEN = 3e9, 1e9
"""Bytes that a training needs per megapixel of a batch: of the networks that were measured the
most; with a frozen backbone."""

HEAVY = {"resnet38d": 7e9}
"""The same of backbones that need more."""

SHARE = 0.5
"""Share of the memory that is planned with."""

WORTH_A_JOB = 20
"""Images whose maps take longer than the start of a job."""

Section = Literal["cam", "affinity", "segment"]


@dataclass(frozen=True)
class Choice:
    """A value of the configuration.

    Attributes:
        key: dotted key.
        value: its value.
        reason: why.
    """

    key: str
    value: Any
    reason: str


def tiles(found: Fingerprint, config: Config) -> Iterator[Choice]:
    """Tiles, if a job's part of the memory does not hold the largest images."""
    if config.dataset.tiles:
        return
    need = (WALKED + LABEL * len(found.classes)) * found.megapixels
    have = SHARE * found.hardware.memory / found.hardware.cores
    reason = (
        f"images of up to {found.megapixels:.3g} megapixels need {size_text(need)}, a job has "
        f"{size_text(have)}"
    )
    if need <= have:
        yield Choice("dataset.tiles", None, reason)
        return
    # a tile is no larger than any image
    side = max(32, min(TILE, found.long_side.smallest))
    remedy = (
        "; tiles have the labels of their whole image: where objects fill the images, shrink "
        "these to about 1000 pixels and plan again"
    )
    yield Choice("dataset.tiles", {"size": side, "overlap": side // 4}, reason + remedy)


def sizes(found: Fingerprint, config: Config) -> Iterator[Choice]:
    """Scales at which images are read: those of the recipe, for photographs of `SIDE` pixels."""
    side = config.dataset.tiles.size if config.dataset.tiles else found.long_side.median
    factor = 1.0 if SIDE / SIMILAR <= side <= SIDE * SIMILAR else SIDE / side
    reason = f"images of about {side} pixels are read as they are"
    if factor != 1:
        reason = f"images of about {side} pixels are read like the recipe's of {SIDE}"
    for key, scales in (
        ("cam.infer.scales", config.views()[0]),
        ("segment.train.scale", config.segment.train.scale),
        ("segment.infer.scales", config.segment.infer.scales),
    ):
        yield Choice(key, [float(f"{scale * factor:.3g}") for scale in scales], reason)


def batches(found: Fingerprint, config: Config) -> Iterator[Choice]:
    """Size of the batches, and the parts that fit the memory."""
    count, have = _samples(found, config), SHARE * _training_memory(found)
    for section in _trainings(config):
        train = getattr(config, section).train
        # a batch of one has no statistics to normalise with
        batch = max(2, min(train.batch_size, count))
        reason = f"that of the recipe, but no more than there are images: {count}"
        yield Choice(f"{section}.train.batch_size", batch, reason)
        need = _bytes(section, config) * batch * train.crop**2 / 1e6
        fitting = [parts for parts in range(1, batch + 1) if batch % parts == 0]
        parts = next((parts for parts in fitting if need / parts <= have), batch)
        reason = f"a batch needs about {size_text(need)}, {size_text(have)} may be used"
        yield Choice(f"{section}.train.accumulate", parts, reason)


def lengths(found: Fingerprint, config: Config) -> Iterator[Choice]:
    """Length of the trainings: epochs, with as many steps as a small data set needs."""
    count = _samples(found, config)
    for section in _trainings(config):
        train = getattr(config, section).train
        if train.steps is None:
            steps = train.length(count)
            fewest = ", the fewest" if train.fixed_steps(count) else ""
            reason = (
                f"{steps} steps{fewest}: every image {steps * train.batch_size / count:.0f} times"
            )
            yield Choice(f"{section}.train.epochs", train.epochs, reason)


def affinities(found: Fingerprint, config: Config) -> Iterator[Choice]:
    """Source of the affinities: learnt from many images alone."""
    learned = found.train >= LEARNED and bool(found.hardware.gpus)
    reason = f"AffinityNet needs a GPU and about {LEARNED} images; there are {found.train}"
    yield Choice("affinity.source", "learned" if learned else "features", reason)
    if learned:
        walk = type(config.walk)()
        yield Choice("walk.beta", walk.beta, "goes with AffinityNet")


def jobs(found: Fingerprint, config: Config) -> Iterator[Choice]:
    """Jobs of a split: on CPUs as many as there are cores, lest one of them waits for the last."""
    if found.hardware.gpus:
        return
    cores, images = found.hardware.cores, _samples(found, config)
    rounds = ceil(images / IMAGES_PER_JOB / cores)
    count = max(1, min(MOST_JOBS, rounds * cores, images // WORTH_A_JOB))
    reason = f"{cores} cores share {images} images, in parts of {WORTH_A_JOB} or more"
    yield Choice("jobs", count, reason)


def end(found: Fingerprint, config: Config) -> Iterator[Choice]:
    """Last stage, unless it is an earlier one: no segmenter is learnt from a handful of images."""
    if config.until == "segment":
        reason = f"a segmenter needs {FEW} training images or more; there are {found.train}"
        yield Choice("until", "walk" if found.train < FEW else "segment", reason)


RULES: tuple[Callable[[Fingerprint, Config], Iterator[Choice]], ...] = (
    end,
    tiles,
    sizes,
    affinities,
    batches,
    lengths,
    jobs,
)
"""Every rule, in the order in which they decide."""


def _trainings(config: Config) -> Iterator[Section]:
    """Yield the sections of the trainings of a run."""
    if not config.cam.checkpoint:
        yield "cam"
    if config.affinity.source == "learned" and config.until in ("walk", "segment"):
        yield "affinity"
    if config.until == "segment" and not config.segment.checkpoint:
        yield "segment"


def _samples(found: Fingerprint, config: Config) -> int:
    """Return the number of training images, or of their tiles."""
    cut = config.dataset.tiles
    if cut is None:
        return found.train
    size = (found.short_side.median, found.long_side.median)
    return found.train * len(layout(size, cut.size, cut.overlap))


def _training_memory(found: Fingerprint) -> int:
    return found.hardware.gpu_memory or found.hardware.memory


def _bytes(section: Section, config: Config) -> float:
    """Return the bytes per megapixel of a training."""
    frozen = {"cam": config.backbone.freeze, "segment": config.segment.train.freeze}.get(section)
    own = config.segment.backbone if section == "segment" else None
    return FROZEN if frozen == "all" else HEAVY.get((own or config.backbone).name, TRAINED)
