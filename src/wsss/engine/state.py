"""State of a training and its periodic checkpoints.

On a CPU a resumed training ends bit-identically, with the same number of threads.
"""

import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import torch
from lightning_fabric import Fabric
from torch.optim import Optimizer

from wsss.engine.checkpoint import Resume
from wsss.engine.early_stopping import Stopping
from wsss.engine.loggers import training_logs
from wsss.engine.losses import StepLosses
from wsss.errors import Terminated
from wsss.io.progress import log
from wsss.nn.task import Batch, Task
from wsss.system.sigchld import KILLED_LOADERS
from wsss.system.sigterm import deferred

CHECKPOINT_EVERY = 60.0
"""Seconds between two checkpoints to resume from, if writing them is fast."""

CHECKPOINT_SHARE = 0.02
"""Largest share of the time that is spent on writing checkpoints."""


@dataclass
class State:
    """State to resume a training from: task, optimisers, precision, RNG, losses, best weights."""

    fabric: Fabric
    task: Task
    optimizers: dict[str, Optimizer]
    losses: StepLosses
    stopping: Stopping

    @property
    def _on_gpu(self) -> bool:
        return self.fabric.device.type == "cuda"

    def content(self, step: int) -> dict[str, Any]:
        """Return the content of a checkpoint after `step` steps.

        Raises:
            UserError: a loss is not finite, hence the weights are of no use.
        """
        self.losses.read()
        return {
            "step": step,
            "task": self.task.state_dict(),
            "optimizers": {name: o.state_dict() for name, o in self.optimizers.items()},
            "precision": self.fabric.strategy.precision.state_dict(),
            "rng": torch.get_rng_state(),
            "cuda_rng": torch.cuda.get_rng_state(self.fabric.device) if self._on_gpu else None,
            "rows": self.losses.table.rows,
            "sums": self.losses.table.sums,
            "stopping": self.stopping.content(),
        }

    def restore(self, saved: dict[str, Any] | None) -> int:
        """Restore a checkpoint, if there is one; return the number of steps done."""
        done = 0 if saved is None else self._restore(saved)
        for logger in training_logs(self.fabric):
            logger.start(done)
        return done

    def _restore(self, saved: dict[str, Any]) -> int:
        self.task.load_state_dict(saved["task"])
        for name, optimizer in self.optimizers.items():
            optimizer.load_state_dict(saved["optimizers"][name])
        self.fabric.strategy.precision.load_state_dict(saved["precision"])
        torch.set_rng_state(saved["rng"])
        if saved["cuda_rng"] is not None and self._on_gpu:
            torch.cuda.set_rng_state(saved["cuda_rng"], self.fabric.device)
        self.losses.table.rows, self.losses.table.sums = saved["rows"], saved["sums"]
        self.stopping.restore(saved["stopping"])
        log.info("resuming after step %d", saved["step"])
        return saved["step"]


class Checkpoints:
    """Saves a training regularly, at its end and on SIGTERM.

    Every `CHECKPOINT_EVERY` seconds, and so rarely that this takes `CHECKPOINT_SHARE` of the time.

    Args:
        state: what is saved.
        resume: checkpoint file, written by rank 0 only.
        done: steps of a resumed training.
        total: steps of the training.
    """

    def __init__(self, state: State, resume: Resume, done: int, total: int) -> None:
        self._state, self._resume, self._done, self._total = state, resume, done, total
        self._every = CHECKPOINT_EVERY

    def __enter__(self) -> Self:
        self._stack = ExitStack()
        # signals wait for the end of a step: the state within a step is inconsistent
        self._asked = self._stack.enter_context(deferred())
        self._stack.enter_context(KILLED_LOADERS.deferred())
        self._saved_at = time.monotonic()
        return self

    def loaded(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """Yield batches; SIGTERM that ends the processes which load them saves the state, too.

        Raises:
            Terminated: SIGTERM came.
        """
        try:
            yield from batches
        except RuntimeError:
            if self._asked():
                self.after(self._done)
            raise

    def after(self, steps: int) -> None:
        """Save a checkpoint after `steps` steps if one is due.

        Raises:
            Terminated: SIGTERM came.
            UserError: as `State.content`.
        """
        self._done, asked = steps, self._asked()
        if not self._state.fabric.is_global_zero:
            # the other ranks go on until rank 0, which needs them in every step, has saved
            return
        now = time.monotonic()
        due = now - self._saved_at > self._every
        # saved at the end, too: a kill before the results are written must not cost the training
        if asked or due or steps == self._total or self._state.stopping.ended:
            self._resume.save(**self._state.content(steps))
            self._saved_at = time.monotonic()
            self._every = max(CHECKPOINT_EVERY, (self._saved_at - now) / CHECKPOINT_SHARE)
        if asked:
            raise Terminated

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()
        if isinstance(error, RuntimeError) and self._asked():
            # another rank has ended first
            raise Terminated from error
