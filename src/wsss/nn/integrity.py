"""Integrity checks of weight files: checksums and non-finite values."""

from collections.abc import Mapping
from pathlib import Path
from zipfile import BadZipFile, ZipFile

from torch import Tensor, hub

from wsss.errors import UserError
from wsss.io.names import is_file
from wsss.io.provenance import file_digest


def check_sums(path: Path) -> None:
    """Verify the CRC checksums of a file of `torch.save`, which PyTorch ignores.

    Raises:
        BadZipFile: a checksum differs, or it is no such archive.
        OSError: it cannot be read.
    """
    with ZipFile(path) as archive:
        if damaged := archive.testzip():
            raise BadZipFile(f"{damaged} does not match its checksum")


def check_download(url: str) -> None:
    """Verify the hash in the name of a cached download, which the hub does for new ones only.

    Raises:
        UserError: The hash differs.
    """
    file = Path(hub.get_dir(), "checkpoints", url.rpartition("/")[2])
    known = hub.HASH_REGEX.search(file.name)
    if known and is_file(file) and not file_digest(file).startswith(known[1]):
        raise UserError(f"{file}: does not match the hash in its name; delete it and run again")


def not_finite(state: Mapping[str, Tensor]) -> str:
    """Return the name of the first tensor with a number that is not finite; empty = there is none.

    Only floating point tensors are checked, converted to float32.
    """
    floating = ((name, t.float()) for name, t in state.items() if t.is_floating_point())
    return next((name for name, t in floating if not t.isfinite().all()), "")
