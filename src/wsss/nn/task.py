"""Interface between the training loop and everything that can be trained."""

import sys
from collections.abc import Collection
from typing import NamedTuple, cast

from torch import Tensor, nn

from wsss.errors import UserError

Batch = dict[str, Tensor]
"""Collated sample: key -> tensor with the batch as first dimension."""

Losses = dict[str, dict[str, Tensor]]
"""Player -> loss name -> scalar; the loop sums everything and calls backward once."""


class Progress(NamedTuple):
    """Progress of the training, for losses and schedules that depend on it.

    A tuple, because Fabric's mixed precision refuses frozen dataclasses.

    Attributes:
        step: Optimiser steps done so far, 0 .. total - 1 during training.
        total: Optimiser steps of the whole training.
        epoch: Passes over the training split begun so far, counted from 0.
    """

    step: int
    total: int
    epoch: int


class Task(nn.Module):
    """A network with its losses, whose forward is the training step.

    A subclass sets ``net`` (what a checkpoint holds) and implements :meth:`forward`.
    """

    net: nn.Module

    def players(self) -> dict[str, nn.Module]:
        """Return the modules that own an optimiser each: ``{"net": net}`` unless adversarial."""
        return {"net": self.net}

    def from_scratch(self) -> tuple[nn.Module, ...]:
        """Return the modules trained from scratch, at `head_lr_factor` times the learning rate."""
        return ()

    def train_overrides(self) -> dict[str, dict[str, object]]:
        """Return per player the settings that differ from the stage's `train` section."""
        return {}

    def batch_size(self, base: int, epoch: int) -> int:  # noqa: ARG002
        """Return the number of samples per step in an epoch; ``base`` is the configured one."""
        return base

    def check(self, total: int, epochs: int) -> None:
        """Check the length of the training, in steps and in epochs begun, before it begins.

        Raises:
            UserError: Something would never happen in that time.
        """

    def forward(self, batch: Batch, progress: Progress) -> Losses:
        """Run one training step up to the losses.

        Args:
            batch: Collated sample; ``batch["image"]`` is (B, 3, H, W), normalised RGB.
            progress: Step and epoch of the training.

        Returns:
            Player -> loss name -> scalar. A player that is absent is not stepped.
        """
        raise NotImplementedError


def check_losses(task: nn.Module, losses: object, players: Collection[str]) -> Losses:
    """Return the losses of a training step, checked for their structure.

    Args:
        task: The task whose forward returned them.
        losses: Player -> loss name -> scalar tensor.
        players: Names of the task's players.

    Raises:
        UserError: The structure is another one; names the file of the task.
    """
    problem = _wrong(losses, players)
    if not problem:
        return cast(Losses, losses)
    kind = type(task)
    path = getattr(sys.modules.get(kind.__module__), "__file__", kind.__module__)
    raise UserError(
        f"{path}: {kind.__name__}.forward returned {problem}; it has to return "
        '{player: {name: scalar tensor}}, such as {"net": {"cls": loss}}'
    )


def _wrong(losses: object, players: Collection[str]) -> str:
    """Return a description of the first mistake in losses, empty if there is none."""
    if not isinstance(losses, dict) or not losses:
        return f"{type(losses).__name__} without losses" if losses == {} else type(losses).__name__
    for player, named in losses.items():
        if not isinstance(named, dict) or not named:
            return f"{type(named).__name__} under {player!r}"
        if player not in players:
            return f"losses of {player!r}, which is no player ({', '.join(players)})"
        for name, loss in named.items():
            if not isinstance(loss, Tensor):
                return f"{type(loss).__name__} as loss {name!r}"
            if loss.shape != ():
                return f"a tensor of shape {tuple(loss.shape)} as loss {name!r}"
    return ""
