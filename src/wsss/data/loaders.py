"""Which samples make up a step, and the processes that prepare them."""

import random
import signal
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate

import torch
from torch.utils.data import DataLoader, Dataset, Sampler, default_collate

from wsss.errors import UserError


class EpochSampler(Sampler[list[tuple[int, int]]]):
    """Draws steps of (epoch, position) places in a new seeded order every epoch.

    An epoch has floor(n / batch) steps of `batch` samples, what is left over is dropped
    (`drop_last` of the official code). With fewer images than `batch` the order starts again
    until the one step of the epoch is full.

    Args:
        n: number of samples in the data set.
        batches: samples per step, over all processes, for every epoch of the training.
        seed: of the orders.
        start_step: steps already done; they are skipped without loading anything.
        rank: number of this process.
        world: number of processes; each takes an equal part of every step.
        end: number of steps after which the training ends, within these epochs; None = with them.

    Raises:
        UserError: if there are no samples, or a batch cannot be shared equally.
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
        # first step of every epoch, and the end
        self._starts = [0, *accumulate(max(1, n // batch) for batch in batches)]

    @property
    def steps(self) -> int:
        """Steps of the whole training, those done included."""
        return self._starts[-1] if self._end is None else min(self._end, self._starts[-1])

    def epoch_of(self, step: int) -> int:
        """Return the epoch, counted from 0, that a step belongs to."""
        return bisect_right(self._starts, step) - 1

    def __len__(self) -> int:
        return max(0, self.steps - self.start_step)

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        epoch, order = -1, []
        for step in range(self.start_step, self.steps):
            if self.epoch_of(step) != epoch:
                epoch = self.epoch_of(step)
                order = self._order(epoch)
            batch = self._batches[epoch]
            share = batch // self._world
            first = (step - self._starts[epoch]) * batch + self._rank * share
            yield [(epoch, position) for position in order[first : first + share]]

    def _order(self, epoch: int) -> list[int]:
        order = list(range(self._n))
        random.Random(f"{self._seed}/{epoch}").shuffle(order)
        rounds = -(-self._batches[epoch] // self._n)
        return order * max(1, rounds)


def make_loader(dataset: Dataset, sampler: EpochSampler, workers: int) -> DataLoader:
    """Make the loader of a whole training.

    Args:
        dataset: indexed by (epoch, position).
        sampler: yields those places, step by step.
        workers: loading processes; 0 loads in the training process.

    Returns:
        A loader of batches; it takes no number from torch's global generator. A `UserError` of the
        data set is raised as it is, also from a worker, where torch would bury it in a traceback.
    """
    return _Loader(
        _Guarded(dataset),
        batch_sampler=sampler,
        collate_fn=_collate,
        num_workers=workers,
        worker_init_fn=_outlive_sigterm,
        pin_memory=torch.cuda.is_available(),
        generator=torch.Generator(),
    )


def _outlive_sigterm(_: int) -> None:
    """Leave it to the training process to end its workers, once it has saved its state."""
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])


class _Guarded(Dataset):
    """Hands a mistake of the user over in the place of the sample."""

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset

    def __getitem__(self, place: tuple[int, int]) -> dict[str, torch.Tensor] | UserError:
        try:
            return self._dataset[place]
        except UserError as error:
            return UserError(str(error))


def _collate(samples: list) -> dict[str, torch.Tensor] | UserError:
    mistakes = (sample for sample in samples if isinstance(sample, UserError))
    return next(mistakes, None) or default_collate(samples)


class _Loader(DataLoader):
    def __iter__(self) -> Iterator[dict[str, torch.Tensor]]:
        for batch in super().__iter__():
            if isinstance(batch, UserError):
                raise batch
            yield batch
