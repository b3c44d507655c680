"""The table of segmenters: those of this project, and those of optional libraries.

It is read before torch is imported.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.util import find_spec

OWN = ("deeplab_v1", "deeplab_v2", "deeplab_v3", "deeplab_v3plus", "upernet")
"""Segmenters of this project."""


@dataclass(frozen=True)
class Library:
    """A library with further segmenters, named `<its key in LIBRARIES>/<architecture>`.

    Attributes:
        name: its name.
        module: module that it is imported as.
        architectures: names of the segmenters.
        own_backbone: whether they bring their backbones; else they are heads on that of the run.
    """

    name: str
    module: str
    architectures: tuple[str, ...]
    own_backbone: bool = False


LIBRARIES: Mapping[str, Library] = {
    "smp": Library(
        "segmentation-models-pytorch",
        "segmentation_models_pytorch",
        (
            *("Unet", "UnetPlusPlus", "FPN", "PSPNet", "DeepLabV3", "DeepLabV3Plus", "PAN"),
            *("MAnet", "Linknet", "UPerNet", "Segformer", "DPT"),
        ),
    ),
    "hf": Library(
        "transformers",
        "transformers",
        ("mask2former", "eomt", "segformer", "upernet"),
        own_backbone=True,
    ),
}
"""Libraries by the prefix of their segmenters, which is also the extra that installs them and the
section of the configuration with their options."""

NAMES = (*OWN, *(f"{key}/{a}" for key, lib in LIBRARIES.items() for a in lib.architectures))
"""Every segmenter."""


def section(name: str) -> str:
    """Return the section of the configuration with the options of a segmenter."""
    return name.partition("/")[0]


def library(name: str) -> Library | None:
    """Return the library that a segmenter is from; None = this project."""
    return LIBRARIES.get(section(name))


def known(name: str) -> str:
    """Return a name that is in the table.

    Raises:
        ValueError: it is not.
    """
    if name in NAMES:
        return name
    lower = {other.lower(): other for other in NAMES}
    close = [lower[match] for match in get_close_matches(name.lower(), lower, 2)]
    hint = f"did you mean {' or '.join(close)}?" if close else f"use one of {', '.join(NAMES)}"
    raise ValueError(f"no such segmenter; {hint}")


def not_installed(name: str) -> str:
    """Return the advice to install the library of a segmenter; empty if it is not needed."""
    found = library(name)
    if found is None or find_spec(found.module):
        return ""
    return f'{name} needs {found.name}: pip install "wsss[{section(name)}]"'
