"""Evaluation of a task while it is trained, which leaves no trace in the training."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import cast

import numpy as np
import torch
from lightning_fabric import Fabric

from wsss.data.loaders import Sample, make_loader
from wsss.data.pixels import network_input
from wsss.data.validation import Measurement, Validated
from wsss.engine.loggers import training_logs
from wsss.engine.losses import StepLosses
from wsss.io.progress import log
from wsss.nn.task import Progress, Task

KEPT = 128
"""Most samples that stay in memory between two evaluations; more are read again."""

PICTURES = 4
"""Samples that are drawn at an evaluation."""

JUDGED_FROM = 0.4
"""Fraction of the training from which on predictions are judged: before, those of a head that
starts from scratch may be all alike, and a warm-up may not have ended."""


class Evaluation:
    """Evaluation of a task on some images, whose metrics and pictures are logged.

    Args:
        fabric: its loggers are given metrics and pictures.
        task: what is trained.
        losses: history, which gets the metrics with the name of the images before theirs.
        batch_size: images per batch.
        workers: loader processes.
        images: the images.
    """

    def __init__(
        self,
        fabric: Fabric,
        task: Task,
        losses: StepLosses,
        batch_size: int,
        workers: int,
        images: Validated,
    ) -> None:
        self._fabric, self._task, self._losses, self._images = fabric, task, losses, images
        self._said = set[str]()
        self._kept: list[Sample] = []
        places = [(0, position) for position in range(len(images.samples))]
        parts = [places[i : i + batch_size] for i in range(0, len(places), batch_size)]
        loader = make_loader(images.samples, parts, workers)
        moved = fabric.setup_dataloaders(loader, use_distributed_sampler=False)
        self._loader = cast(Iterable[Sample], moved)

    def run(self, progress: Progress) -> dict[str, float]:
        """Measure after a step; log metrics and pictures, and warn of signs of failure once.

        Returns:
            The metrics by their names.

        Raises:
            UserError: an image cannot be read, or an earlier loss is not finite.
        """
        with self._undisturbed():
            found = self._images.measure(map(network_input, self._batches()))
            pictures = [*map(self._images.draw, self._first())] if self._images.draw else []
        for name, value in found.metrics.items():
            self._losses.add_metric(progress, f"{self._images.name}/{name}", value)
        if pictures:
            self._show(pictures, progress)
        self._warn(found, progress)
        return found.metrics

    @contextmanager
    def _undisturbed(self) -> Iterator[None]:
        """Switch the task to evaluation, then back, every module to its own mode, and the RNG."""
        modes = [(module, module.training) for module in self._task.modules()]
        device = self._fabric.device
        devices = [device] if device.type == "cuda" else []
        with torch.random.fork_rng(devices), torch.no_grad(), self._fabric.autocast():
            self._task.eval()
            try:
                yield
            finally:
                for module, training in modes:
                    module.training = training

    def _batches(self) -> Iterator[Sample]:
        """Yield the batches, from memory unless they are too many or not read yet."""
        if self._kept:
            yield from self._kept
            return
        for batch in self._loader:
            if len(self._images.samples) <= KEPT:
                self._kept.append(batch)
            yield batch

    def _first(self) -> Iterator[Sample]:
        """Yield the first samples, each as a batch of its own."""
        for position in range(min(PICTURES, len(self._images.samples))):
            sample = self._images.samples[0, position]
            yield {name: value[None].to(self._fabric.device) for name, value in sample.items()}

    def _show(self, pictures: Sequence[np.ndarray], progress: Progress) -> None:
        """Log pictures of equal size below each other."""
        for logger in training_logs(self._fabric):
            logger.picture(self._images.name, np.concatenate(pictures), progress.step)

    def _warn(self, found: Measurement, progress: Progress) -> None:
        if progress.step + 1 < JUDGED_FROM * progress.total:
            return
        for sign, text in found.signs.items():
            if sign not in self._said:
                self._said.add(sign)
                log.warning("early sign after step %d: %s", progress.step + 1, text)
