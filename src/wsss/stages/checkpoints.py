"""Check networks before anything is trained: their options, and that files of weights fit them."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING

from wsss.config.backbones import IMAGENET, BackboneOptions, is_vit
from wsss.config.model import Run
from wsss.config.packaged import PACKAGED
from wsss.errors import UserError
from wsss.pipeline import STEPS

if TYPE_CHECKING:
    from torch import nn


def check_checkpoints(named: Mapping[str, Run], num_classes: int) -> None:
    """Check every published checkpoint that a run reads; nothing is trained or written.

    Args:
        named: the runs by name.
        num_classes: C.

    Raises:
        UserError: one is damaged, or that of another network; names the key.
    """
    for name, one in named.items():
        for published, path in _given(one.effective()):
            build = partial(published.build, one, num_classes)
            _check(path, build, f"run {name}: {published.key}")


def check_weights(named: Mapping[str, Run]) -> None:
    """Check every file of pretrained weights that a run reads; nothing is trained or written.

    Args:
        named: the runs by name.

    Raises:
        UserError: one is damaged, or that of another architecture; names the key.
    """
    seen: set[tuple[str, str]] = set()
    for name, one in named.items():
        for key, backbone in _pretrained(one.effective()):
            file = backbone.weights
            if file in (None, IMAGENET, PACKAGED) or (backbone.name, file) in seen:
                continue
            seen.add((backbone.name, file))
            _check_weights(backbone.name, Path(file), f"run {name}: {key}.weights")


def check_transformers(named: Mapping[str, Run], num_classes: int) -> None:
    """Check that a vision transformer that is trained here has the blocks that its options name.

    Args:
        named: the runs by name.
        num_classes: C.

    Raises:
        UserError: one has fewer, or there is no such transformer.
    """
    for name, one in named.items():
        # the network of a checkpoint is built by its own check
        if is_vit(one.backbone.name) and one.trains_classifier() and not one.cam.checkpoint:
            _on_meta(partial(_classifier, one.effective(), num_classes), f"run {name}")


def _pretrained(one: Run) -> Iterator[tuple[str, BackboneOptions]]:
    """Yield the backbones that start from pretrained weights, behind their keys."""
    trained, own = one.starts_from_weights(), one.segment.backbone
    if trained - ({"segment"} if own else set()):
        yield "backbone", one.backbone
    if own and "segment" in trained:
        yield "segment.backbone", own
    for option, backbone in one.further_backbones().items():
        yield f"cam.{option}", backbone


def _check_weights(backbone: str, path: Path, place: str) -> None:
    """Raise a UserError if the file does not fit the backbone, or there is no such backbone."""
    from wsss.nn.weights import backbone_state, read_state

    try:
        backbone_state(backbone, read_state(path), str(path))
    except UserError as error:
        raise UserError(f"{place}: {error}") from None


def _given(one: Run) -> Iterator[tuple["Published", Path]]:
    """Yield the published checkpoints that a run reads, and their files."""
    steps = STEPS[: STEPS.index(one.until) + 1]
    for published in PUBLISHED.values():
        if published.step in steps and (path := attrgetter(published.key)(one)):
            yield published, Path(path)


def _check(path: Path, build: Callable[[], "nn.Module"], place: str) -> None:
    """Raise a UserError if the file does not fit the network that is built."""
    from wsss.nn.weights import fitting, read_state

    fitting(_on_meta(build, place), read_state(path), f"{place}: {path}")


def _on_meta(build: Callable[[], "nn.Module"], place: str) -> "nn.Module":
    """Build a network without its numbers; a UserError names the place."""
    import torch  # only those whose networks are checked wait for it

    try:
        with torch.device("meta"):
            return build()
    except UserError as error:
        raise UserError(f"{place}: {error}") from None


def _classifier(one: Run, num_classes: int) -> "nn.Module":
    from wsss import methods
    from wsss.nn.backbones import build

    backbone = build(one.backbone.name, one.backbone.output_stride, one.backbone.freeze)
    return methods.make(one.method, backbone, num_classes, one.options()).net


def _irn(one: Run, num_classes: int) -> "nn.Module":  # noqa: ARG001
    from wsss.nn.backbones import build
    from wsss.nn.irnet import IRNet

    return IRNet(build(one.backbone.name, one.backbone.output_stride))


def _segmenter(one: Run, num_classes: int) -> "nn.Module":
    from wsss.nn.backbones import build
    from wsss.stages.train_segmenter import untrained

    backbone = one.segment.backbone or one.backbone
    return untrained(one.segment, build(backbone.name, backbone.output_stride), num_classes)[0]


@dataclass(frozen=True)
class Published:
    """A published checkpoint that replaces a training.

    Attributes:
        key: key of its file.
        step: step of the chain that reads it.
        build: its network, for a run and C classes.
    """

    key: str
    step: str
    build: Callable[[Run, int], "nn.Module"]


PUBLISHED = {
    "classifier": Published("cam.checkpoint", "cam", _classifier),
    "irn": Published("affinity.irn.checkpoint", "walk", _irn),
    "segmenter": Published("segment.checkpoint", "segment", _segmenter),
}
"""The published checkpoints by what their networks are."""
