"""Configuration of SAM, whose masks may correct the pseudo labels."""

import json
import re
from collections.abc import Collection
from importlib.util import find_spec
from pathlib import Path

from pydantic import field_validator

from wsss.config.networks import damage
from wsss.config.section import Count, InferPrecision, Section, Share, UserPath

CONFIG, WEIGHTS = "config.json", "model.safetensors"
"""Files of a network that is saved by transformers."""

KINDS = {"sam": "SamModel", "sam2": "Sam2Model", "sam2_video": "Sam2Model"}
"""Classes of transformers for the networks, by `model_type` in their `config.json`."""

_SAM3 = re.compile(r"sam[-_]?3", re.IGNORECASE)
_HUB = re.compile(r"[\w.-]+/[\w.-]+")

_TAKE = "take SAM or SAM 2 (Apache-2.0), such as facebook/sam2.1-hiera-small"


class Sam(Section):
    """Masks of SAM or SAM 2, asked at the peaks of the maps, that correct the pseudo labels."""

    model: UserPath | None = None
    """Folder with config.json and model.safetensors, or a name on the Hugging Face hub, such as
    facebook/sam2.1-hiera-small, unless there is a folder of this name; null = off."""
    points: Count = 8
    """The most peaks of a class in an image, each the prompt of one mask."""
    quality: Share = 0.5
    """Least IoU of a mask with its object, as SAM itself predicts it; others are dropped."""
    precision: InferPrecision = "auto"
    """Arithmetic on GPUs; CPUs compute in 32 bits."""

    def unread(self) -> Collection[str]:
        """Return the other settings if it is off."""
        return () if self.model else ("points", "quality", "precision")

    def on_hub(self) -> list[str]:
        """Return the name of the network, if it is on the hub."""
        return [self.model] if self.model and not Path(self.model).is_dir() else []

    @field_validator("model")
    @classmethod
    def _extra_installed(cls, model: str | None) -> str | None:
        if model and find_spec("transformers") is None:
            raise ValueError('SAM needs the package transformers: pip install "wsss[sam]"')
        return model


def sam_problem(model: str) -> str:
    """Return why a folder or name of the hub is not that of a SAM or SAM 2; empty if it may be."""
    folder = Path(model)
    if not folder.is_dir():
        if not _HUB.fullmatch(model):
            return f"no such folder, and no name such as facebook/sam2.1-hiera-small: {model}"
        return _refusal("sam3") if _SAM3.search(model) else ""
    try:
        described = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return f"{model}: has no {CONFIG}; name the folder of a SAM saved by transformers"
    except (OSError, ValueError) as error:
        return f"{folder / CONFIG}: cannot be read ({error}); get it again"
    kind = str(described.get("model_type") if isinstance(described, dict) else None)
    if kind not in KINDS:
        return f"{folder / CONFIG}: {_refusal(kind)}"
    if not (folder / WEIGHTS).is_file():
        return f"{model}: has no {WEIGHTS}; weights in other formats, such as .bin, are not loaded"
    return damage(folder / WEIGHTS)


def _refusal(kind: str) -> str:
    """Return why networks of a kind are not taken."""
    if _SAM3.match(kind):
        return f"SAM 3 is under Meta's SAM License, which is not open; {_TAKE}"
    return f"describes a network of type {kind}; {_TAKE}"
