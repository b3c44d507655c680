"""Losses of a training, which stay on the device until those of several steps are read together."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import torch
from lightning_fabric import Fabric
from torch import Tensor

from wsss.engine.history import LossTable
from wsss.errors import UserError
from wsss.io.atomic import write_text
from wsss.io.checksummed import add_checksum
from wsss.nn.task import Progress

READ_EVERY = 20
"""Steps between two readings, each of which waits for the device."""


@dataclass(frozen=True)
class _Step:
    """A step whose losses are not read yet: names of the losses of each part of its batch."""

    progress: Progress
    lr: float
    parts: list[tuple[str, ...]]


class StepLosses:
    """Losses of every step, read every `READ_EVERY` steps into the history and TensorBoard.

    Args:
        fabric: its loggers are given the losses and the learning rate of every step.
        table: history of the training.
    """

    def __init__(self, fabric: Fabric, table: LossTable) -> None:
        self._fabric, self.table = fabric, table
        self._steps: list[_Step] = []
        self._values: list[Tensor] = []

    def add(
        self, progress: Progress, parts: list[tuple[tuple[str, ...], Tensor]], lr: float
    ) -> None:
        """Add the losses of a step.

        Args:
            progress: the step.
            parts: for each part of its batch names (k,) and values (k,), equal in all processes.
            lr: learning rate of the first player.

        Raises:
            UserError: a loss of this or an earlier step is not finite; names step and loss.
        """
        self._steps.append(_Step(progress, lr, [names for names, _ in parts]))
        self._values += [values for _, values in parts]
        done = progress.step + 1
        if done % READ_EVERY == 0 or done == progress.total:
            self.read()

    def add_metric(self, progress: Progress, name: str, value: float) -> None:
        """Add a metric that was measured after the last step.

        Raises:
            UserError: as `read`.
        """
        self.read()
        self.table.add_metric(name, value)
        self._fabric.log_dict({name: value}, progress.step)

    def write(self, path: Path) -> None:
        """Write the history, from the first process, with its checksum."""
        if self._fabric.is_global_zero:
            write_text(path, add_checksum(self.table.to_csv()))

    def read(self) -> None:
        """Read the losses that are not read yet.

        Raises:
            UserError: one of them is not finite.
        """
        if not self._steps:
            return
        numbers = iter(torch.cat(self._values).tolist())
        steps, self._steps, self._values = self._steps, [], []
        for step in steps:
            means = _means(step, numbers)
            self.table.add(step.progress, means, step.lr)
            self._fabric.log_dict(means | {"lr": step.lr}, step.progress.step)


def _means(step: _Step, numbers: Iterator[float]) -> dict[str, float]:
    """Return the means of the losses over the parts of a batch."""
    means: dict[str, float] = {}
    for names in step.parts:
        values = dict(zip(names, islice(numbers, len(names)), strict=True))
        _check_finite(values, step.progress)
        for name, value in values.items():
            means[name] = means.get(name, 0.0) + value / len(step.parts)
    return means


def _check_finite(losses: dict[str, float], progress: Progress) -> None:
    """Raise a UserError that names the losses that are not finite."""
    wrong = [name for name, value in losses.items() if not math.isfinite(value)]
    if wrong:
        raise UserError(
            f"loss {', '.join(wrong)} is not finite at step {progress.step} of {progress.total}; "
            "lower the learning rate of this player (train.lr, or the adversary's)"
        )
