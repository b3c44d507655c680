"""The training loop, written once: every method, AffinityNet and the segmenters run in it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from lightning_fabric import Fabric
from torch import Tensor
from torch.optim import Optimizer
from torch.utils.data import Dataset

from wsss.data.loaders import EpochSampler, make_loader
from wsss.engine.checkpoint import Resume
from wsss.engine.history import LossTable
from wsss.engine.optim import Poly, make_optimizer, param_groups
from wsss.errors import UserError
from wsss.io.atomic import write_text
from wsss.io.progress import log, track
from wsss.nn.task import Clock, Task

CHECKPOINT_EVERY = 60.0
"""Seconds between two checkpoints to resume from."""


@dataclass(frozen=True)
class Recipe:
    """How long and with which steps a task is trained; the meaning stands in the configuration."""

    epochs: int
    batch_size: int
    optimizer: str
    lr: float
    head_lr: float
    bias_lr: float
    decay_biases: bool
    momentum: float
    weight_decay: float
    poly_power: float
    seed: int
    steps: int | None = None
    accumulate: int = 1
    lr_every: int = 1

    def batches(self, task: Task, samples: int) -> list[int]:
        """Return the number of samples per step in every epoch, for a set of `samples`."""
        epochs = self.epochs
        if self.steps is not None:
            epochs = -(-self.steps // max(1, samples // self.batch_size))
        return [task.batch_size(self.batch_size, epoch) for epoch in range(epochs)]


def fit(
    fabric: Fabric,
    task: Task,
    dataset: Dataset,
    recipe: Recipe,
    resume: Resume,
    history: Path,
    workers: int = 0,
) -> None:
    """Train `task` in place and write the mean of every named loss to `history`.

    Args:
        fabric: device and precision.
        task: what is trained; its forward returns named losses per player.
        dataset: samples indexed by (epoch, position).
        recipe: length, optimiser, schedule.
        resume: unfinished work of an earlier call with the same inputs; continued from.
        history: csv with a row for about every hundredth of the training.
        workers: loader processes.

    Raises:
        UserError: a loss is not finite; names it.
    """
    torch.manual_seed(recipe.seed)
    players = {name: replace(recipe, **task.recipes().get(name, {})) for name in task.players()}
    optimizers = {name: _optimizer(task, name, own) for name, own in players.items()}
    # the schedule runs over the steps of the configured batch size (aeft.md 7)
    batches, end = recipe.batches(task, len(dataset)), recipe.steps
    constant = [recipe.batch_size] * len(batches)
    nominal = EpochSampler(len(dataset), constant, recipe.seed, end=end).steps
    schedules = [
        Poly(optimizers[name], nominal, own.poly_power, own.lr_every)
        for name, own in players.items()
    ]
    module, *ready = fabric.setup(task, *optimizers.values())
    total = EpochSampler(len(dataset), batches, recipe.seed, end=end).steps
    task.check(total)
    state = _State(fabric, task, dict(zip(optimizers, ready, strict=True)), LossTable(total))
    # restored on the device of the training, where the optimisers' moments belong
    start = state.restore(resume.load())
    rank, world = fabric.global_rank, fabric.world_size
    _check_parts(batches, world, recipe.accumulate)
    sampler = EpochSampler(len(dataset), batches, recipe.seed, start, rank, world, end)
    loader = make_loader(dataset, sampler, workers)
    loader = fabric.setup_dataloaders(loader, use_distributed_sampler=False)
    task.train()
    saved_at = time.monotonic()
    for step, batch in enumerate(track(loader, "training", total - start), start):
        for schedule in schedules:
            schedule.set(step)
        clock = Clock(step, total, sampler.epoch_of(step))
        with _memory_errors_explained():
            named = _step(fabric, module, state.optimizers, batch, clock, recipe.accumulate)
        state.table.add(clock, named, ready[0].param_groups[0]["lr"])
        fabric.log_dict(named, step)
        if fabric.is_global_zero and time.monotonic() - saved_at > CHECKPOINT_EVERY:
            resume.save(**state.content(step + 1))
            saved_at = time.monotonic()
    if fabric.is_global_zero:
        write_text(history, pd.DataFrame(state.table.rows).to_csv(index=False))


def _check_parts(batches: list[int], world: int, parts: int) -> None:
    """Make sure that every part of a batch has the same weight in every process."""
    for batch in batches:
        if parts > 1 and batch % (world * parts):
            raise UserError(
                f"batch_size {batch} cannot be computed in {parts} equal parts by each of {world} "
                "processes: change train.accumulate"
            )


@contextmanager
def _memory_errors_explained() -> Iterator[None]:
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise UserError(
            "the GPU's memory is exhausted: lower train.batch_size or train.crop of this stage, or "
            "set train.precision to bf16-mixed"
        ) from error


def _optimizer(task: Task, player: str, recipe: Recipe) -> Optimizer:
    """Return the optimiser of a player."""
    groups = param_groups(
        task.players()[player],
        task.scratch(),
        recipe.lr,
        recipe.head_lr,
        recipe.weight_decay,
        recipe.bias_lr,
        recipe.decay_biases,
    )
    return make_optimizer(recipe.optimizer, groups, recipe.momentum)


def _step(
    fabric: Fabric,
    module: torch.nn.Module,
    optimizers: dict[str, Optimizer],
    batch: dict[str, Tensor],
    clock: Clock,
    parts: int,
) -> dict[str, float]:
    """Take one step with the players that return a loss; return the losses by name.

    The gradients are the mean over `parts` of the batch, computed one after the other.
    """
    for optimizer in optimizers.values():
        optimizer.zero_grad()
    split = [dict(zip(batch, part, strict=True)) for part in _chunks(batch, parts)]
    means: dict[str, float] = {}
    for number, part in enumerate(split, start=1):
        with fabric.no_backward_sync(module, enabled=number < len(split)):
            losses = module(part, clock)
            named = {f"{p}/{name}": v for p, own in losses.items() for name, v in own.items()}
            _check_finite(named, clock)
            # one backward for all players: a second one on the same forward breaks DDP
            fabric.backward(torch.stack(list(named.values())).sum() / len(split))
        for name, value in named.items():
            means[name] = means.get(name, 0.0) + float(value.detach()) / len(split)
    for player in losses:
        optimizers[player].step()
    return means


def _chunks(batch: dict[str, Tensor], parts: int) -> Iterator[tuple[Tensor, ...]]:
    return zip(*(tensor.chunk(parts) for tensor in batch.values()), strict=True)


def _check_finite(losses: dict[str, Tensor], clock: Clock) -> None:
    wrong = [name for name, value in losses.items() if not torch.isfinite(value)]
    if wrong:
        raise UserError(
            f"loss {', '.join(wrong)} is not finite at step {clock.step} of {clock.total}; "
            "lower the learning rate of this player (train.lr, or the adversary's)"
        )


@dataclass
class _State:
    """Everything that an interrupted training needs to go on as if nothing had happened."""

    fabric: Fabric
    task: Task
    optimizers: dict[str, Optimizer]
    table: LossTable

    def content(self, step: int) -> dict[str, Any]:
        """Return what is saved after `step` steps."""
        return {
            "step": step,
            "task": self.task.state_dict(),
            "optimizers": {name: o.state_dict() for name, o in self.optimizers.items()},
            "precision": self.fabric.strategy.precision.state_dict(),
            "rng": torch.get_rng_state(),
            "cuda_rng": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
            "rows": self.table.rows,
            "sums": self.table.sums,
        }

    def restore(self, saved: dict[str, Any] | None) -> int:
        """Take over what was saved, if anything was; return the steps done."""
        if saved is None:
            return 0
        self.task.load_state_dict(saved["task"])
        for name, optimizer in self.optimizers.items():
            optimizer.load_state_dict(saved["optimizers"][name])
        self.fabric.strategy.precision.load_state_dict(saved["precision"])
        torch.set_rng_state(saved["rng"])
        if saved["cuda_rng"] and torch.cuda.is_available():
            torch.cuda.set_rng_state_all(saved["cuda_rng"])
        self.table.rows, self.table.sums = saved["rows"], saved["sums"]
        log.info("continuing after step %d", saved["step"])
        return saved["step"]
