"""Early end of a training by the metric of a held-out part of its images."""

from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from lightning_fabric import Fabric

from wsss.data.held_out import HeldOut
from wsss.data.validation import Validated
from wsss.engine.evaluation import Evaluation
from wsss.io.progress import log
from wsss.nn.task import Batch, Progress, Task


@dataclass
class _Best:
    """The best evaluation so far: step, value of the metric, and weights of the task."""

    step: int
    value: float
    weights: dict[str, torch.Tensor]


class Stopping:
    """Evaluation of a training on its held-out part, with the best weights and the patience.

    Args:
        fabric: its processes end alike.
        task: what is trained.
        held_out: the held-out part; None = the training has its full length.
        evaluated: returns the evaluation of images.

    Attributes:
        ended: True if the training ends before its full length.
    """

    def __init__(
        self,
        fabric: Fabric,
        task: Task,
        held_out: HeldOut | None,
        evaluated: Callable[[Validated], Evaluation],
    ) -> None:
        self._fabric, self._task, self._held_out = fabric, task, held_out
        self._best: _Best | None = None
        self._waited = 0
        self.ended = False
        if held_out:
            self._evaluation = evaluated(held_out.images)

    def content(self) -> dict[str, Any]:
        """Return what a checkpoint keeps."""
        return {
            "best": vars(self._best) if self._best else None,
            "waited": self._waited,
            "ended": self.ended,
        }

    def restore(self, saved: dict[str, Any]) -> None:
        """Restore what a checkpoint has kept."""
        self._best = _Best(**saved["best"]) if saved["best"] else None
        self._waited, self.ended = saved["waited"], saved["ended"]

    def until_ended(self, batches: Iterable[Batch]) -> Generator[Batch]:
        """Yield the batches of a training until it ends.

        Who closes it ends the processes that load them; the death of one that lives on would be an
        error of whatever runs then.
        """
        if self.ended:
            return
        for batch in batches:
            yield batch
            if self.ended:
                return

    def after(self, progress: Progress) -> None:
        """Evaluate after a step if it is time to, and decide whether the training ends.

        Raises:
            UserError: an image cannot be read, or an earlier loss is not finite.
        """
        held_out, steps = self._held_out, progress.step + 1
        if held_out and (steps % held_out.settings.every == 0 or steps == progress.total):
            value = self._evaluation.run(progress)[held_out.metric]
            # that of one process, lest rounding let another one go on
            self._compare(steps, progress.total, self._fabric.broadcast(value), held_out)

    def take_best(self) -> None:
        """Load the weights of the best evaluation into the task."""
        if self._best is not None:
            self._task.load_state_dict(self._best.weights)
            log.info("the weights after step %d are kept", self._best.step)

    def _compare(self, steps: int, total: int, value: float, held_out: HeldOut) -> None:
        """Keep the weights if the metric is the best so far, else wait, at last no longer."""
        patience = held_out.settings.patience
        if self._best is None or value > self._best.value:
            weights = {name: each.clone() for name, each in self._task.state_dict().items()}
            self._best, self._waited = _Best(steps, value, weights), 0
        else:
            self._waited += 1
        self.ended = self._waited >= patience and steps < total
        rank = f"not the best, {self._waited} of {patience}" if self._waited else "the best so far"
        log.info("held-out %s %.1f %% after step %d: %s", held_out.metric, 100 * value, steps, rank)
        if self.ended:
            reason = f"no new best in {self._waited} evaluations"
            log.info("the training ends after step %d of %d: %s", steps, total, reason)
