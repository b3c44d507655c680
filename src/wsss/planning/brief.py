"""Brief versions of the stages' settings: the same work on fewer steps and, if slow, fewer pixels.

A step costs what its pixels cost, so that a slow network is rehearsed on smaller batches, then on
smaller crops, and the time is multiplied by the pixels that were left out.
"""

import json
from dataclasses import dataclass, replace
from math import sqrt
from typing import Any

from wsss.config.backbones import BACKBONES, BackboneOptions
from wsss.config.irn import IrnTrain
from wsss.config.methods import parts
from wsss.config.model import METHODS, Run
from wsss.config.segmenter import SegmenterTrain
from wsss.config.segmenters import LIBRARIES
from wsss.config.slices import canonical
from wsss.config.training import AffinityTrain, ClassifierTrain, Train
from wsss.planning.images import Images

STEPS = (4, 40)
"""Fewest and most steps of a training."""

_LOOP = 5.0
"""Seconds that the steps of a training shall take together."""
_STEP = 6.0
"""Seconds that a step shall take at most."""
_IMAGE = 3.0
"""Seconds that the views of an image shall take at most."""
_BATCH = 5
"""Fewest images of a step; AEFT's repulsion needs as many."""
_CROP = 32
"""What the side of a crop is a multiple of; it is twice as large at least."""
_GPU = 300
"""Rough speed of a GPU in cores."""
_UNKNOWN = 10.0
"""Rough seconds per megapixel of a backbone that is not in the table."""
_TRAININGS: dict[str, type[Train]] = {
    "cam": ClassifierTrain,
    "affinity": AffinityTrain,
    "irn": IrnTrain,
    "segment": SegmenterTrain,
}
"""Settings of the trainings by their sections."""


@dataclass(frozen=True)
class Machine:
    """Hardware at hand.

    Attributes:
        cores: CPU cores that a workflow may use.
        gpus: GPUs that it may use.
        name: description of both, by which measurements are kept.
    """

    cores: int
    gpus: int
    name: str


@dataclass(frozen=True)
class Brief:
    """Settings of a rehearsal.

    Attributes:
        config: slice of the configuration as canonical JSON.
        batch: images of a training step; 0 = no training.
        pixels: pixels of an image as configured per pixel of the rehearsal.
        memory: the same for all images that are in memory at a time.
    """

    config: str
    batch: int = 0
    pixels: float = 1.0
    memory: float = 1.0


def brief(config: str, run: Run, images: Images, machine: Machine) -> Brief:
    """Return the settings for the rehearsal of a stage.

    Args:
        config: slice of the configuration of the stage.
        run: the run that it belongs to.
        images: the images, or their tiles.
        machine: how many steps and pixels are few enough depends on it.
    """
    settings: dict[str, Any] = json.loads(config)
    found = Brief("")
    for name, section in _sections(settings):
        speed = _seconds((name == "segment" and run.segment.backbone) or run.backbone)
        if "train" in section:
            found = _training(section["train"], speed / (machine.gpus * _GPU or machine.cores))
        # without scales there is one view, which is that of the images
        if "scales" in section.get("infer", ()):
            speed = speed * images.megapixels / (_GPU if machine.gpus else 1)
            found = _inference(section["infer"], speed)
    if "method" in settings:
        for method in parts(settings["method"]):
            options = METHODS.params[method](**settings["cam"][method]).brief(found.batch)
            settings["cam"][method] = options.model_dump(mode="json")
    _without_weights(settings)
    if "seed" in settings:
        settings["seed"] = 0
    return replace(found, config=canonical(settings))


def _sections(settings: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Return the sections of a slice by their names, IRNet's among them."""
    whole = settings | {"irn": settings.get("affinity", {}).get("irn")}
    return [(name, value) for name, value in whole.items() if isinstance(value, dict)]


def samples(config: str, images: int) -> int:
    """Return the number of samples of a training: whole steps, at least one per epoch.

    Args:
        config: slice of the configuration of the training, as canonical JSON.
        images: number of training images.
    """
    settings = json.loads(config)
    sections = [(_TRAININGS[n], s["train"]) for n, s in _sections(settings) if "train" in s]
    ((kind, section),) = sections
    train = kind(**section)
    return train.length(train.learnt(images)) * train.batch_size


def _seconds(backbone: BackboneOptions) -> float:
    """Return the rough seconds of one core for a megapixel."""
    entry = BACKBONES.get(backbone.name)
    if entry is None:
        return _UNKNOWN
    return entry.seconds[backbone.output_stride or entry.strides[0]]


def _training(train: dict[str, Any], speed: float) -> Brief:
    """Shorten a training in place; `speed` are the seconds of a prediction per megapixel."""
    crop, wanted = train["crop"], train["batch_size"]
    sample = 3 * speed * crop**2 / 1e6
    batch = min(wanted, max(_BATCH, int(_STEP / sample)))
    part = min(1.0, _STEP / (batch * sample))
    side = crop if part == 1 else max(2 * _CROP, int(crop * sqrt(part)) // _CROP * _CROP)
    pixels = (crop / side) ** 2
    steps = int(_LOOP / (batch * sample / pixels)) // 2 * 2
    train |= {
        "epochs": 1,
        "min_steps": 0,
        "steps": min(max(steps, STEPS[0]), STEPS[1]),
        "batch_size": batch,
        "crop": side,
        "accumulate": 1 if batch % train["accumulate"] else train["accumulate"],
    }
    if "early_stopping" in train:
        train["early_stopping"] = None
    if "resize" in train:
        train["resize"] = [max(1, round(length * side / crop)) for length in train["resize"]]
    return Brief("", batch, pixels, pixels * wanted / batch)


def _inference(infer: dict[str, Any], seconds: float) -> Brief:
    """Shrink the views of an image in place; `seconds` are those of a view at scale 1."""
    views = sum(scale**2 for scale in infer["scales"]) * (1 + infer["flip"])
    pixels = max(1.0, seconds * views / _IMAGE)
    infer["scales"] = [scale / sqrt(pixels) for scale in infer["scales"]]
    return Brief("", pixels=pixels, memory=pixels)


def _without_weights(settings: Any) -> None:  # noqa: ANN401
    """Let every backbone start from random weights, in place."""
    if not isinstance(settings, dict):
        return
    for key, value in settings.items():
        if key == "weights":
            settings[key] = None
        # networks that bring their backbone are described by their weights
        if key not in LIBRARIES:
            _without_weights(value)
