"""Which samples make up a step, and the processes that prepare them."""

import random
from collections.abc import Iterator

import torch
from torch.utils.data import DataLoader, Dataset, Sampler, default_collate

from wsss.errors import UserError


class EpochSampler(Sampler[tuple[int, int]]):
    """Draws (epoch, position) places in a new seeded order every epoch, for a whole training.

    Every epoch has floor(n / batch) steps of `batch` samples, what is left over is dropped
    (`drop_last` of the official code). With fewer images than `batch` the order starts again
    until the one step of the epoch is full.

    Args:
        n: number of samples in the data set.
        batch: samples per step, over all processes.
        epochs: passes.
        seed: of the orders.
        start_step: steps already done; they are skipped without loading anything.
        rank: number of this process.
        world: number of processes; each takes an equal part of every step.

    Raises:
        UserError: if there are no samples, or `batch` cannot be shared equally.
    """

    def __init__(
        self,
        n: int,
        batch: int,
        epochs: int,
        seed: int,
        start_step: int = 0,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        if n < 1:
            raise UserError("no image to train on")
        if batch % world:
            raise UserError(f"batch_size {batch} cannot be shared by {world} processes equally")
        self._n, self._batch, self._epochs, self._seed = n, batch, epochs, seed
        self._start_step, self._rank, self.world = start_step, rank, world

    @property
    def steps(self) -> int:
        """Steps of the whole training, those done included."""
        return self._epochs * self._steps_per_epoch

    @property
    def local_batch(self) -> int:
        """Samples per step in this process."""
        return self._batch // self.world

    def __len__(self) -> int:
        return max(0, self.steps - self._start_step) * self.local_batch

    def __iter__(self) -> Iterator[tuple[int, int]]:
        own = slice(self._rank * self.local_batch, (self._rank + 1) * self.local_batch)
        first_epoch, skipped = divmod(self._start_step, self._steps_per_epoch)
        for epoch in range(first_epoch, self._epochs):
            order = self._order(epoch)
            for step in range(skipped if epoch == first_epoch else 0, self._steps_per_epoch):
                places = order[step * self._batch : (step + 1) * self._batch]
                yield from ((epoch, position) for position in places[own])

    @property
    def _steps_per_epoch(self) -> int:
        return max(1, self._n // self._batch)

    def _order(self, epoch: int) -> list[int]:
        order = list(range(self._n))
        random.Random(f"{self._seed}/{epoch}").shuffle(order)
        rounds = -(-self._batch // self._n)
        return order * max(1, rounds)


def make_loader(dataset: Dataset, sampler: EpochSampler, batch: int, workers: int) -> DataLoader:
    """Make the loader of a whole training.

    Args:
        dataset: indexed by (epoch, position).
        sampler: yields those places.
        batch: samples per step over all processes, as given to the sampler.
        workers: loading processes; 0 loads in the training process.

    Returns:
        A loader of batches; it takes no number from torch's global generator. A `UserError` of the
        data set is raised as it is, also from a worker, where torch would bury it in a traceback.
    """
    return _Loader(
        _Guarded(dataset),
        batch_size=batch // sampler.world,
        sampler=sampler,
        collate_fn=_collate,
        num_workers=workers,
        pin_memory=torch.cuda.is_available(),
        generator=torch.Generator(),
    )


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
