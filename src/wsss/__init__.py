"""Weakly supervised semantic segmentation: image-level labels in, masks and a segmenter out.

The names below are found in `wsss.api` when they are first used, so that `import wsss` is fast.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wsss.api.chain import Finished as Finished
    from wsss.api.chain import Run as Run
    from wsss.api.chain import run as run
    from wsss.api.inputs import Lazy as Lazy
    from wsss.api.models import Classifier as Classifier
    from wsss.api.models import Segmenter as Segmenter
    from wsss.api.models import load as load
    from wsss.api.results import Cams as Cams
    from wsss.api.results import Classification as Classification
    from wsss.api.results import Prediction as Prediction

__version__ = "0.1.0"

_PLACES = {
    "wsss.api.chain": ("Finished", "Run", "run"),
    "wsss.api.inputs": ("Lazy",),
    "wsss.api.models": ("Classifier", "Segmenter", "load"),
    "wsss.api.results": ("Cams", "Classification", "Prediction"),
}

__all__ = [name for names in _PLACES.values() for name in names]


def __getattr__(name: str) -> object:
    """Import a public name when it is first used."""
    for module, names in _PLACES.items():
        if name in names:
            return getattr(import_module(module), name)
    raise AttributeError(f"module 'wsss' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
