"""The training loop of every task: classifiers, AffinityNet and the segmenters."""

from collections.abc import Iterable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import cast

import torch
from lightning_fabric import Fabric
from lightning_fabric.wrappers import _FabricModule
from torch import Tensor
from torch.optim import Optimizer

from wsss.config.training import Train, pass_steps
from wsss.data.held_out import HeldOut
from wsss.data.loaders import EpochSampler, Sample, make_loader
from wsss.data.pixels import network_input
from wsss.data.sets.samples import Samples
from wsss.data.validation import NONE, Validations
from wsss.engine.checkpoint import Resume
from wsss.engine.early_stopping import Stopping
from wsss.engine.errors import loop_errors
from wsss.engine.evaluation import Evaluation
from wsss.engine.fabric import share_statistics, share_user_errors
from wsss.engine.history import LossTable
from wsss.engine.loggers import ended
from wsss.engine.losses import StepLosses
from wsss.engine.optim import Poly, make_optimizer, param_groups
from wsss.engine.state import Checkpoints, State
from wsss.engine.validation import Validation
from wsss.errors import UserError
from wsss.io.progress import track
from wsss.nn.task import Progress, Task, check_losses


def fit(
    fabric: Fabric,
    task: Task,
    dataset: Samples,
    train: Train,
    seed: int,
    resume: Resume,
    history: Path,
    workers: int = 0,
    held_out: HeldOut | None = None,
    validations: Validations = NONE,
) -> None:
    """Train `task` in place and write the mean of every named loss to `history`.

    Args:
        fabric: device and precision.
        task: the network and its losses; its forward returns named losses per player.
        dataset: samples indexed by (epoch, position).
        train: length, batch size, optimiser, learning rates and their schedule.
        seed: of the order of the samples and of dropout.
        resume: checkpoint of an interrupted call with the same inputs, if there is one.
        history: CSV file with a row for about every hundredth of the training, and its checksum.
        workers: loader processes.
        held_out: further images, whose metric ends the training early and chooses the weights.
        validations: evaluations on images that change nothing.

    Raises:
        UserError: a loss is not finite; names it and its step, at most `READ_EVERY` steps later.
        Terminated: after SIGTERM, once the state is saved.
    """
    # same seed on every rank: the dropout masks coincide, and a checkpoint needs one RNG state
    torch.manual_seed(seed)
    share_statistics(fabric, task)

    sampler, scheduled = _sampler(fabric, task, train, len(dataset), seed)
    optimizers, schedules = _optimizers(task, train, scheduled, fabric.device.type == "cuda")
    module, *wrapped = fabric.setup(task, *optimizers.values())
    losses = StepLosses(fabric, LossTable(sampler.steps))
    evaluated = partial(Evaluation, fabric, task, losses, train.batch_size, workers)
    stopping = Stopping(fabric, task, held_out, evaluated)
    validation = Validation(validations, losses, evaluated)

    # resume on the device of the training, where the optimisers' moments belong
    state = State(fabric, task, dict(zip(optimizers, wrapped, strict=True)), losses, stopping)
    sampler.start_step = start = state.restore(resume.load())
    remaining = stopping.until_ended(_batches(fabric, dataset, sampler, workers))
    task.train()
    saved = Checkpoints(state, resume, start, sampler.steps)
    with loop_errors(fabric), ended(fabric), saved as checkpoints, closing(remaining):
        shown = track(checkpoints.loaded(remaining), "training", len(sampler))
        for step, batch in enumerate(shown, start):
            progress = Progress(step, sampler.steps, sampler.epoch_of(step))
            _set(schedules, step)
            parts = _step(fabric, module, state.optimizers, batch, progress, train.accumulate)
            losses.add(progress, parts, wrapped[0].param_groups[0]["lr"])
            stopping.after(progress)
            validation.after(progress)
            checkpoints.after(step + 1)
    stopping.take_best()
    losses.write(history)


def _sampler(
    fabric: Fabric, task: Task, train: Train, samples: int, seed: int
) -> tuple[EpochSampler, int]:
    """Return the sampler of the whole training and the number of steps of the schedule.

    The schedule runs over the steps of the configured batch size, also where a task enlarges its
    batches in later epochs (docs/methods/aeft.md 7).

    Raises:
        UserError: the length does not suit the task, or the batch size the number of processes.
    """
    scheduled, limit = train.length(samples), train.fixed_steps(samples)

    # batch size of every epoch; larger ones leave fewer steps to an epoch
    batches = [task.batch_size(train.batch_size, n) for n in range(train.begun(samples))]
    while sum(pass_steps(samples, batch) for batch in batches) < (limit or 0):
        batches.append(task.batch_size(train.batch_size, len(batches)))
    rank, world = fabric.global_rank, fabric.world_size
    sampler = EpochSampler(samples, batches, seed, rank=rank, world=world, end=limit)
    task.check(sampler.steps, len(batches))
    _check_parts(batches, world, train.accumulate)
    return sampler, scheduled


def _batches(
    fabric: Fabric, dataset: Samples, sampler: EpochSampler, workers: int
) -> Iterator[Sample]:
    """Yield the batches that are left of the training, on its device."""
    batches = make_loader(dataset, sampler, workers)
    loader = fabric.setup_dataloaders(batches, use_distributed_sampler=False)
    yield from share_user_errors(fabric, loader)


def _check_parts(batches: list[int], world: int, parts: int) -> None:
    """Raise a UserError unless all parts of a batch have the same size in every process."""
    for batch in batches:
        if parts > 1 and batch % (world * parts):
            raise UserError(
                f"batch_size {batch} cannot be computed in {parts} equal parts by each of {world} "
                "processes: change train.accumulate"
            )


def _optimizers(
    task: Task, train: Train, scheduled: int, fused: bool
) -> tuple[dict[str, Optimizer], list[Poly]]:
    """Return the optimiser of every player and their learning rate schedules."""
    overrides = task.train_overrides()
    optimizers, schedules = {}, []
    for name, player in task.players().items():
        own = train.model_copy(update=overrides.get(name, {}))
        groups = param_groups(
            player,
            task.from_scratch(),
            own.lr,
            own.head_lr_factor,
            own.weight_decay,
            own.bias_lr_factor,
            own.decay_biases,
        )
        optimizers[name] = make_optimizer(own.optimizer, groups, own.momentum, fused)
        schedules.append(
            Poly(optimizers[name], scheduled, own.poly_power, own.lr_every, own.warmup)
        )
    return optimizers, schedules


def _set(schedules: Iterable[Poly], step: int) -> None:
    """Set the learning rates of a step."""
    for schedule in schedules:
        schedule.set(step)


def _step(
    fabric: Fabric,
    module: _FabricModule,
    optimizers: dict[str, Optimizer],
    batch: dict[str, Tensor],
    progress: Progress,
    parts: int,
) -> list[tuple[tuple[str, ...], Tensor]]:
    """Take an optimiser step with the players that return a loss.

    Gradients are accumulated over `parts` equal parts of the batch and averaged.

    Returns:
        Names (k,) and values (k,) of the losses of each part, on the device.
    """
    # clear the gradients of all players
    for optimizer in optimizers.values():
        optimizer.zero_grad()

    # accumulate gradients over the parts of the batch
    split = [dict(zip(batch, part, strict=True)) for part in _chunks(batch, parts)]
    found = []
    for number, part in enumerate(split, start=1):
        with fabric.no_backward_sync(module, enabled=number < len(split)):
            losses = check_losses(module.module, module(network_input(part), progress), optimizers)
            named = {f"{p}/{name}": v for p, own in losses.items() for name, v in own.items()}
            values = torch.stack(list(named.values()))
            # one backward for all players: a second one on the same forward breaks DDP
            fabric.backward(values.sum() / len(split))
        mean = fabric.all_reduce(values.detach(), reduce_op="mean")
        found.append((tuple(named), cast(Tensor, mean)))

    # step the players that have a loss
    for player in losses:
        optimizers[player].step()
    return found


def _chunks(batch: dict[str, Tensor], parts: int) -> Iterator[tuple[Tensor, ...]]:
    """Split every tensor of the batch along its first dimension."""
    return zip(*(tensor.chunk(parts) for tensor in batch.values()), strict=True)
