"""Warnings about images that are read, but may not look as their owner expects."""

from collections.abc import Mapping
from pathlib import Path

from wsss.errors import first_of
from wsss.io.images import TRAITS
from wsss.io.progress import log


def warn_traits(traits: Mapping[Path, tuple[str, ...]]) -> None:
    """Warn once about each unusual property of images, with their number and the reason."""
    for trait, reason in TRAITS.items():
        found = [str(path) for path, own in traits.items() if trait in own]
        if found:
            log.warning("%s, images: %d: %s; %s", trait, len(found), reason, first_of(found))


def warn_dim(dim: Mapping[Path, int | None], remedy: str) -> None:
    """Warn once about 16-bit images that become nearly black.

    Args:
        dim: `Decoded.dim` by file.
        remedy: how to state the white, without its value.
    """
    found = {str(path): peak for path, peak in dim.items() if peak is not None}
    if found:
        largest = max(found.values())
        likely = max(255, (1 << largest.bit_length()) - 1)
        log.warning(
            "16-bit images that use less than an eighth of their range: %d; they are nearly black; "
            "the largest sample of all is %d: if white is %d, use %s %d: %s",
            *(len(found), largest, likely, remedy, likely, first_of(list(found))),
        )
