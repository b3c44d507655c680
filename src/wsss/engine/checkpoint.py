"""Checkpoints: `model.pt` with its description, and `last.ckpt` to resume from."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from pydantic import BaseModel, Field
from torch import nn

from wsss import __version__
from wsss.config.caminfer import CamInfer
from wsss.config.segmenter import SegmenterInfer
from wsss.errors import UserError
from wsss.io.atomic import atomic_path
from wsss.io.progress import log
from wsss.nn.integrity import check_sums, not_finite
from wsss.nn.licences import Origin

_REMEDIES = {"backbone": "make one from pretrained weights with wsss convert-weights"}


class _Backbone(BaseModel):
    name: str
    output_stride: int | None = None


class _Description(BaseModel):
    """Metadata from which a network is built again, and the origins of its weights."""

    weights: list[Origin] = Field(default=[])


class _Network(_Description):
    backbone: _Backbone


class _Classifier(_Network):
    method: str
    params: dict[str, dict[str, Any]]
    classes: list[str]
    inference: CamInfer | None = None
    white: int | None = None


class _Affinity(_Network):
    radius: int = Field(ge=2, strict=True)


class _Irn(_Network):
    side: int = Field(ge=1, strict=True)


class _Segmenter(_Network):
    segmenter: str
    options: dict[str, Any]
    classes: list[str]
    inference: SegmenterInfer | None = None
    white: int | None = None


_DESCRIPTIONS: dict[str, type[_Description]] = {
    "backbone": _Description,
    "classifier": _Classifier,
    "affinity": _Affinity,
    "irn": _Irn,
    "segmenter": _Segmenter,
}


@dataclass(frozen=True)
class Model:
    """A trained network as saved in `model.pt`.

    Attributes:
        state: state-dict.
        meta: metadata to build the network again, and its provenance.
    """

    state: dict[str, torch.Tensor]
    meta: dict[str, Any]


def save_model(path: Path, net: nn.Module, kind: str, **meta: object) -> None:
    """Write the weights of `net` and `meta` (JSON values); equal content gives equal bytes.

    Args:
        path: file to write.
        net: network whose state-dict is saved.
        kind: backbone, classifier, affinity, irn or segmenter.
        **meta: metadata to build the network again, and its provenance.

    Raises:
        UserError: a weight is not finite, or the file cannot be written.
    """
    state = {name: tensor.detach().cpu() for name, tensor in net.state_dict().items()}
    if name := not_finite(state):
        raise UserError(
            f"{path}: not written, for {name} is not finite: the training diverged; lower the "
            "learning rate"
        )
    text = json.dumps({"version": __version__, "kind": kind, **meta}, sort_keys=True)
    _save(path, {"state": state, "meta": text})


def save_again(path: Path, model: Model, **more: object) -> None:
    """Write a model that was read with more metadata.

    Raises:
        UserError: the file cannot be written.
    """
    text = json.dumps({**model.meta, **more}, sort_keys=True)
    _save(path, {"state": model.state, "meta": text})


def load_model(path: Path, kind: str, remedy: str = "", *others: str) -> Model:
    """Read a model of a kind without executing anything in its file.

    Args:
        path: the file.
        kind: expected kind, see `save_model`.
        remedy: advice if it is missing or no such model; empty = train it again.
        *others: further kinds that are welcome.

    Raises:
        UserError: the file is missing, damaged, of another kind or something else, or a weight in
            it is not finite.
    """
    if path.exists() and not path.is_file():
        raise UserError(
            f"{path}: not a regular file, but a folder, pipe or device; name a model.pt"
        )
    try:
        check_sums(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
        model = Model(content["state"], json.loads(content["meta"]))
        found = model.meta["kind"]
        _DESCRIPTIONS[found].model_validate(model.meta)
        broken = not_finite(model.state)
    except FileNotFoundError as error:
        again = remedy or "run the stage that trains it"
        raise UserError(f"{path}: no such model; {again}") from error
    except Exception as error:
        again = remedy or _REMEDIES.get(kind, "delete it and run again to train it again")
        raise UserError(
            f"{path}: damaged, or not a model of this package ({type(error).__name__}); {again}"
        ) from error
    if found not in (kind, *others):
        again, wanted = f"; {remedy}" if remedy else "", " or ".join([kind, *others])
        raise UserError(f"{path}: another kind of model, {found} instead of {wanted}{again}")
    if broken:
        again = remedy or _REMEDIES.get(kind, "lower the learning rate, delete it and run again")
        raise UserError(f"{path}: {broken} in it is not finite; {again}")
    return model


def _save(path: Path, content: dict[str, Any]) -> None:
    # opened here, since PyTorch would write the temporary name of a path into the file
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        try:
            torch.save(content, file)
        except RuntimeError as error:
            # PyTorch stumbles over what a full disk left of its file
            if isinstance(error.__context__, OSError):
                raise error.__context__ from None
            raise


class Resume:
    """Checkpoint to resume an unfinished training from, kept beside the declared outputs.

    Args:
        folder: where `last.ckpt` is kept.
        identity: digest of inputs and configuration; with another one the training starts anew.
    """

    def __init__(self, folder: Path, identity: str) -> None:
        self._path, self._identity = folder / "last.ckpt", identity

    def load(self) -> dict[str, Any] | None:
        """Return the saved state, or None if there is none with this identity."""
        if not self._path.exists():
            return None
        try:
            check_sums(self._path)
            content = torch.load(self._path, map_location="cpu", weights_only=True)
            fits = content["identity"] == self._identity
        except Exception as error:
            log.warning("%s is damaged (%s): training starts from the beginning", self._path, error)
            return None
        if not fits:
            log.info("%s belongs to other inputs: training starts from the beginning", self._path)
        return content if fits else None

    def save(self, **state: object) -> None:
        """Write the state atomically.

        Raises:
            UserError: it cannot be written; an earlier state stays.
        """
        _save(self._path, {"identity": self._identity, **state})
