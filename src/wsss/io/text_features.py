"""Features of class names and background words, computed once by the text tower of a CLIP.

A file `text.safetensors` has the tensors `classes` (C, E), `background` (M, E), `logit_scale` ()
and `patch` (D,), and in its metadata, under `wsss`, the other attributes as JSON. Nothing in it is
executed.
"""

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from wsss.errors import UserError, first_of
from wsss.files import regular
from wsss.io.atomic import write_bytes
from wsss.io.provenance import bytes_digest

FILE = "text.safetensors"

_ARRAYS = {"classes": 2, "background": 2, "logit_scale": 0, "patch": 1}
"""Tensors and the number of their axes."""

SOURCE = "a run with cam.clip_es.text: null makes it, as <run>/cam/text.safetensors"
"""Where users have such files from."""

_AGAIN = f"delete it; {SOURCE}"


@dataclass(frozen=True, eq=False)
class TextFeatures:
    """Features of texts, each of length 1.

    Attributes:
        names: the classes.
        prompts: their texts.
        words: those of the background.
        template: the sentence that they are put into, at `{}`.
        tower: name and weights of the text tower.
        licence: licence of its weights.
        classes: (C, E) float32.
        background: (M, E) float32.
        logit_scale: () float32, logarithm of the factor on cosines.
        patch: (D,) float32, sums of the filters of the image tower behind the same text tower, by
            which it is recognised; empty if they are not known.
    """

    names: tuple[str, ...]
    prompts: tuple[str, ...]
    words: tuple[str, ...]
    template: str
    tower: str
    licence: str
    classes: np.ndarray
    background: np.ndarray
    logit_scale: np.ndarray
    patch: np.ndarray

    def digest(self) -> str:
        """Digest of the texts and their features."""
        text = json.dumps(self._texts(), sort_keys=True).encode()
        return bytes_digest(text + b"".join(array.tobytes() for array in self._arrays().values()))

    def write(self, path: Path) -> None:
        """Write the file, whole or not at all; equal features give equal bytes."""
        # the order of several entries of metadata changes from call to call
        meta = json.dumps(self._texts() | {"digest": self.digest()}, sort_keys=True)
        write_bytes(path, save(self._arrays(), {"wsss": meta}))

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a file.

        Raises:
            UserError: it is missing, damaged, or something else.
        """
        try:
            regular(path)
            with safe_open(path, framework="np") as file:
                meta: dict[str, Any] = json.loads((file.metadata() or {})["wsss"])
                arrays: dict[str, Any] = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            digest = meta.pop("digest")
            texts: dict[str, Any] = {
                key: tuple(value) if isinstance(value, list) else value
                for key, value in meta.items()
            }
            found = cls(**texts, **arrays)
            found._check_arrays()
        except FileNotFoundError as error:
            raise UserError(f"{path}: no such file; {SOURCE}") from error
        except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
            reason = " ".join(str(error).split())
            raise UserError(f"{path}: damaged, or no text features ({reason}); {_AGAIN}") from error
        if found.digest() != digest:
            raise UserError(f"{path}: damaged, as its digest is not that of its content; {_AGAIN}")
        return found

    def check_names(self, names: tuple[str, ...], path: Path) -> None:
        """Check that the features are those of a list of classes, in its order.

        Raises:
            UserError: they are of other classes.
        """
        if self.names == names:
            return
        missing = [name for name in names if name not in self.names]
        extra = [name for name in self.names if name not in names]
        found = [
            *([f"it lacks {first_of(missing)}"] if missing else []),
            *([f"it has {first_of(extra)} besides"] if extra else []),
        ]
        reason = "; ".join(found) or "the same ones in another order"
        raise UserError(f"{path}: features of another list of classes: {reason}; {_AGAIN}")

    def _texts(self) -> dict[str, Any]:
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name not in _ARRAYS}

    def _arrays(self) -> dict[str, np.ndarray]:
        return {name: np.array(getattr(self, name), np.float32, order="C") for name in _ARRAYS}

    def _check_arrays(self) -> None:
        """Raise a ValueError if texts and features do not fit each other."""
        for name, axes in _ARRAYS.items():
            array = getattr(self, name)
            if array.ndim != axes or array.dtype != np.float32 or not np.isfinite(array).all():
                raise ValueError(f"{name}: {array.dtype} {array.shape}")
        counts = (len(self.classes), len(self.background), len(self.prompts))
        if counts != (len(self.names), len(self.words), len(self.names)):
            raise ValueError("as many features as texts are needed")
        if self.classes.shape[1] != self.background.shape[1]:
            raise ValueError("features of different lengths")
