"""Split of a sequence into shards, one per job."""

import re
from collections.abc import Sequence
from typing import TypeVar

from wsss.errors import UserError

T = TypeVar("T")


def shard(items: Sequence[T], scatteritem: str) -> Sequence[T]:
    """Return the contiguous part of `items` for a shard such as "3-of-8".

    The shards of one sequence partition it in order; their lengths differ by at most one.

    Raises:
        UserError: `scatteritem` is not of the form "i-of-n" with 1 <= i <= n.
    """
    match = re.fullmatch(r"([0-9]+)-of-([0-9]+)", scatteritem)
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        raise UserError(f"shard {scatteritem!r}: expected i-of-n with 1 <= i <= n, such as 3-of-8")
    index, count = int(match[1]), int(match[2])
    return items[len(items) * (index - 1) // count : len(items) * index // count]
