"""Parts of a sequence, each worked on by a job of its own."""

import re
from collections.abc import Sequence
from typing import TypeVar

from wsss.errors import UserError

T = TypeVar("T")

WHOLE = "all"
"""Name of the part that is the whole sequence."""


def part_of(items: Sequence[T], name: str) -> Sequence[T]:
    """Return the contiguous part of `items` with a name such as "3-of-8", or "all".

    The parts of one sequence partition it in order; their lengths differ by at most one.

    Raises:
        UserError: the name is not "all" or of the form "i-of-n" with 1 <= i <= n.
    """
    if name == WHOLE:
        return items
    match = re.fullmatch(r"([0-9]+)-of-([0-9]+)", name)
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        raise UserError(f"part {name!r}: expected all, or i-of-n with 1 <= i <= n, such as 3-of-8")
    index, count = int(match[1]), int(match[2])
    return items[len(items) * (index - 1) // count : len(items) * index // count]
