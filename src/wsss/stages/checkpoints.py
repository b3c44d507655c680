"""Check that published checkpoints are those of the networks that they replace."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from wsss.config.model import Run
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
        for key, path in _given(one).items():
            build = partial(_NETWORKS[key], one, num_classes)
            _check(Path(path), build, f"run {name}: {key}")


def _given(one: Run) -> dict[str, str]:
    """Return the files of the published checkpoints that a run reads, by their keys."""
    irn = one.affinity.irn.checkpoint if one.affinity.source == "irn" else None
    known = {
        "cam": ("cam.checkpoint", one.cam.checkpoint),
        "walk": ("affinity.irn.checkpoint", irn),
        "segment": ("segment.checkpoint", one.segment.checkpoint),
    }
    steps = STEPS[: STEPS.index(one.until) + 1]
    return {key: path for step, (key, path) in known.items() if step in steps and path}


def _check(path: Path, build: Callable[[], "nn.Module"], place: str) -> None:
    """Raise a UserError if the file does not fit the network that is built."""
    import torch  # only those who have a checkpoint wait for it

    from wsss.nn.weights import fitting, read_state

    with torch.device("meta"):
        net = build()
    fitting(net, read_state(path), f"{place}: {path}")


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


_NETWORKS: Mapping[str, Callable[[Run, int], "nn.Module"]] = {
    "cam.checkpoint": _classifier,
    "affinity.irn.checkpoint": _irn,
    "segment.checkpoint": _segmenter,
}
"""Functions that build the network of a checkpoint, for a run and C classes, by its key."""
