"""Counts over all processes of a training, which share every batch.

The gradients of the processes are averaged. A loss that is a mean over some of the batch's pixels
or pairs is therefore `world()` times the sum of a process over the `total` count: unlike the mean
over its own part this gives the gradient of the whole batch, however the counts are spread.
"""

import torch.distributed as dist
from torch import Tensor


def world() -> int:
    """Return the number of processes of the training: 1 for a single one."""
    return dist.get_world_size() if _several() else 1


def total(count: Tensor) -> Tensor:
    """Return a count, summed over the processes of the training, all of which must call this."""
    if not _several():
        return count
    count = count.detach().clone()
    dist.all_reduce(count)
    return count


def _several() -> bool:
    return dist.is_available() and dist.is_initialized()
