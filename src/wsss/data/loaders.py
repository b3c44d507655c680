"""Batch sampler and loading processes of a training."""

import random
import signal
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler, default_collate

from wsss.config.training import pass_steps
from wsss.errors import UserError
from wsss.system.sigchld import KILLED_LOADERS

Sample = dict[str, Tensor]
"""One sample, or a batch of stacked ones."""


class EpochSampler(Sampler[list[tuple[int, int]]]):
    """Batch sampler of (epoch, position) indices with a new seeded order in every epoch.

    An epoch has floor(n / batch) steps of `batch` samples; the remainder is dropped (`drop_last`
    of the official code). With fewer images than `batch` the order repeats until the one step of
    the epoch is full.

    Args:
        n: number of samples in the data set.
        batches: samples per step, over all processes, for every epoch of the training.
        seed: seed of the orders.
        start_step: finished steps of a resumed training; they are skipped without loading.
        rank: rank of this process.
        world: number of processes; each takes an equal part of every step.
        end: length of the training in steps, within these epochs; None = all of them.

    Raises:
        UserError: there are no samples, or a batch cannot be divided equally.
    """

    def __init__(
        self,
        n: int,
        batches: Sequence[int],
        seed: int,
        start_step: int = 0,
        rank: int = 0,
        world: int = 1,
        end: int | None = None,
    ) -> None:
        if n < 1:
            raise UserError("no image to train on")
        for batch in batches:
            if batch % world:
                raise UserError(f"batch_size {batch} cannot be shared by {world} processes equally")
        self._n, self._batches, self._seed = n, batches, seed
        self.start_step, self._rank, self._world, self._end = start_step, rank, world, end
        # first step of every epoch, and the total
        self._starts = [0, *accumulate(pass_steps(n, batch) for batch in batches)]

    @property
    def steps(self) -> int:
        """Number of steps of the whole training, finished ones included."""
        return self._starts[-1] if self._end is None else min(self._end, self._starts[-1])

    def epoch_of(self, step: int) -> int:
        """Epoch of a step, both counted from 0."""
        return bisect_right(self._starts, step) - 1

    def __len__(self) -> int:
        return max(0, self.steps - self.start_step)

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        epoch = -1
        order: list[int] = []
        for step in range(self.start_step, self.steps):
            # new order at the start of an epoch
            if self.epoch_of(step) != epoch:
                epoch = self.epoch_of(step)
                order = self._order(epoch)
            # this process's part of the batch
            batch = self._batches[epoch]
            size = batch // self._world
            start = (step - self._starts[epoch]) * batch + self._rank * size
            yield [(epoch, position) for position in order[start : start + size]]

    def _order(self, epoch: int) -> list[int]:
        order = list(range(self._n))
        random.Random(f"{self._seed}/{epoch}").shuffle(order)
        rounds = -(-self._batches[epoch] // self._n)
        return order * max(1, rounds)


class Loader(DataLoader[Sample | UserError]):
    """Loader that raises a `UserError` found in place of a batch.

    A killed worker is a RuntimeError where a batch is awaited. torch raises it anywhere, or a
    ConnectionError if the worker is killed while its batch is fetched.
    """

    # torch names a private class here
    def __iter__(self) -> Iterator[Sample]:  # type: ignore[override]
        batches = super().__iter__()
        KILLED_LOADERS.install()
        try:
            while True:
                with KILLED_LOADERS.raised():
                    batch = next(batches, None)
                if batch is None:
                    return
                if isinstance(batch, UserError):
                    raise batch
                yield batch
        except (ConnectionError, EOFError) as error:
            raise RuntimeError(f"DataLoader worker was killed: {error}") from error
        finally:
            # ends the workers, which an error that holds this frame would keep
            del batches


def make_loader(
    dataset: Dataset[Sample], sampler: Iterable[list[tuple[int, int]]], workers: int
) -> Loader:
    """Make the loader of a whole training, or of an evaluation.

    Args:
        dataset: indexed by (epoch, position).
        sampler: yields the indices of every batch.
        workers: loading processes; 0 loads in the training process.

    Returns:
        A loader of batches, which does not use torch's global generator. A `UserError` of the data
        set is raised unchanged, also from a worker, whose traceback torch would put around it.
    """
    return Loader(
        _ErrorsAsSamples(dataset),
        batch_sampler=sampler,
        collate_fn=_collate,
        num_workers=workers,
        worker_init_fn=_ignore_sigterm,
        pin_memory=torch.cuda.is_available(),
        generator=torch.Generator(),
    )


def _ignore_sigterm(_: int) -> None:
    """Ignore SIGTERM in a worker: the training process ends it after its checkpoint."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


class _ErrorsAsSamples(Dataset[Sample | UserError]):
    """Data set that returns a `UserError` in place of the sample."""

    def __init__(self, dataset: Dataset[Sample]) -> None:
        self._dataset = dataset

    def __getitem__(self, place: tuple[int, int]) -> Sample | UserError:
        try:
            return self._dataset[place]
        except UserError as error:
            return UserError(str(error))


def _collate(samples: list[Sample | UserError]) -> Sample | UserError:
    """Stack samples to a batch; a `UserError` among them takes its place."""
    for sample in samples:
        if isinstance(sample, UserError):
            return sample
    batch: Sample = default_collate(samples)
    return batch
