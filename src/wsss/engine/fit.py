"""The training loop, written once: every method, AffinityNet and the segmenters run in it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
import torch
from lightning_fabric import Fabric
from torch import Tensor
from torch.optim import Optimizer
from torch.utils.data import Dataset

from wsss.data.loaders import EpochSampler, make_loader
from wsss.engine.checkpoint import Resume
from wsss.engine.fabric import share_statistics, together
from wsss.engine.history import LossTable
from wsss.engine.optim import Poly, make_optimizer, param_groups
from wsss.engine.state import Checkpoints, State
from wsss.errors import UserError
from wsss.io.atomic import is_unwritable, unwritable, write_text
from wsss.io.checksummed import seal
from wsss.io.progress import track
from wsss.nn.task import Clock, Task, check_losses


@dataclass(frozen=True)
class Recipe:
    """How long and with which steps a task is trained; the meaning stands in the configuration."""

    epochs: int
    batch_size: int
    optimizer: str
    lr: float
    head_lr_factor: float
    bias_lr_factor: float
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

    def schedule(self, optimizer: Optimizer, total: int) -> Poly:
        """Return the schedule of the learning rates of an optimiser over `total` steps."""
        return Poly(optimizer, total, self.poly_power, self.lr_every)


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
        resume: what an earlier call with the same inputs has done; continued from.
        history: csv with a row for about every hundredth of the training, and its checksum.
        workers: loader processes.

    Raises:
        UserError: a loss is not finite; names it.
        Terminated: SIGTERM came; what is done was saved.
    """
    # of every process: dropout takes the same places in each, of other samples, and the state
    # of one generator restores all
    torch.manual_seed(recipe.seed)
    share_statistics(fabric, task)
    players = {name: replace(recipe, **task.recipes().get(name, {})) for name in task.players()}
    optimizers = {name: _optimizer(task, name, own) for name, own in players.items()}
    batches, end = recipe.batches(task, len(dataset)), recipe.steps
    # the schedule runs over the steps of the configured batch size (aeft.md 7)
    constant = [recipe.batch_size] * len(batches)
    nominal = EpochSampler(len(dataset), constant, recipe.seed, end=end).steps
    schedules = [own.schedule(optimizers[name], nominal) for name, own in players.items()]
    module, *ready = fabric.setup(task, *optimizers.values())
    total = EpochSampler(len(dataset), batches, recipe.seed, end=end).steps
    task.check(total)
    state = State(fabric, task, dict(zip(optimizers, ready, strict=True)), LossTable(total))
    # restored on the device of the training, where the optimisers' moments belong
    start = state.restore(resume.load())
    rank, world = fabric.global_rank, fabric.world_size
    _check_parts(batches, world, recipe.accumulate)
    sampler = EpochSampler(len(dataset), batches, recipe.seed, start, rank, world, end)
    loader = make_loader(dataset, sampler, workers)
    loader = together(fabric, fabric.setup_dataloaders(loader, use_distributed_sampler=False))
    task.train()
    with _errors_explained(fabric), Checkpoints(state, resume, total) as checkpoints:
        for step, batch in enumerate(track(loader, "training", total - start), start):
            for schedule in schedules:
                schedule.set(step)
            clock = Clock(step, total, sampler.epoch_of(step))
            named = _step(fabric, module, state.optimizers, batch, clock, recipe.accumulate)
            state.table.add(clock, named, ready[0].param_groups[0]["lr"])
            fabric.log_dict(named, step)
            checkpoints.after(step + 1)
    if fabric.is_global_zero:
        write_text(history, seal(pd.DataFrame(state.table.rows).to_csv(index=False)))


def _check_parts(batches: list[int], world: int, parts: int) -> None:
    """Make sure that every part of a batch has the same weight in every process."""
    for batch in batches:
        if parts > 1 and batch % (world * parts):
            raise UserError(
                f"batch_size {batch} cannot be computed in {parts} equal parts by each of {world} "
                "processes: change train.accumulate"
            )


@contextmanager
def _errors_explained(fabric: Fabric) -> Iterator[None]:
    before, threading.excepthook = threading.excepthook, _thread_failed
    try:
        yield
    except ValueError as error:
        # how the logger tells that its thread has failed
        if is_unwritable(error.__cause__):
            raise unwritable(Path(fabric.logger.log_dir), error.__cause__) from error
        raise
    except torch.OutOfMemoryError as error:
        raise UserError(
            "the GPU's memory is exhausted: lower train.batch_size or train.crop of this stage, or "
            "set train.precision to bf16-mixed"
        ) from error
    except RuntimeError as error:
        if not str(error).startswith("DataLoader worker"):
            raise
        raise UserError(
            "a process that loads images was killed, probably because the memory is exhausted: "
            "give the job more, or lower train.batch_size; the same command continues"
        ) from error
    finally:
        threading.excepthook = before


def _thread_failed(failed: threading.ExceptHookArgs) -> None:
    """Say nothing of a full disk that TensorBoard's thread meets: the next line for it does."""
    if not is_unwritable(failed.exc_value):
        threading.__excepthook__(failed)


def _optimizer(task: Task, player: str, recipe: Recipe) -> Optimizer:
    """Return the optimiser of a player."""
    groups = param_groups(
        task.players()[player],
        task.scratch(),
        recipe.lr,
        recipe.head_lr_factor,
        recipe.weight_decay,
        recipe.bias_lr_factor,
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
            losses = check_losses(module.module, module(part, clock), optimizers)
            named = {f"{p}/{name}": v for p, own in losses.items() for name, v in own.items()}
            shown = _over_processes(fabric, named)
            _check_finite(shown, clock)
            # one backward for all players: a second one on the same forward breaks DDP
            fabric.backward(torch.stack(list(named.values())).sum() / len(split))
        for name, value in shown.items():
            means[name] = means.get(name, 0.0) + float(value) / len(split)
    for player in losses:
        optimizers[player].step()
    return means


def _chunks(batch: dict[str, Tensor], parts: int) -> Iterator[tuple[Tensor, ...]]:
    return zip(*(tensor.chunk(parts) for tensor in batch.values()), strict=True)


def _over_processes(fabric: Fabric, losses: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the means of the losses over all processes, so that all see the same."""
    own = torch.stack([value.detach() for value in losses.values()])
    return dict(zip(losses, fabric.all_reduce(own, reduce_op="mean"), strict=True))


def _check_finite(losses: dict[str, Tensor], clock: Clock) -> None:
    wrong = [name for name, value in losses.items() if not torch.isfinite(value)]
    if wrong:
        raise UserError(
            f"loss {', '.join(wrong)} is not finite at step {clock.step} of {clock.total}; "
            "lower the learning rate of this player (train.lr, or the adversary's)"
        )
