"""Whether a file of weights is what was saved, which PyTorch does not check."""

from collections.abc import Mapping
from pathlib import Path
from zipfile import BadZipFile, ZipFile

from torch import Tensor, hub

from wsss.errors import UserError
from wsss.io.names import is_file
from wsss.io.provenance import file_digest


def check_sums(path: Path) -> None:
    """Compare the content of a file of `torch.save` with its checksums.

    Raises:
        BadZipFile: it does not match them, or is no such archive.
        OSError: it cannot be read.
    """
    with ZipFile(path) as archive:
        if damaged := archive.testzip():
            raise BadZipFile(f"{damaged} does not match its checksum")


def check_download(url: str) -> None:
    """Compare an earlier download with the hash in its name, as the hub does with a new one only.

    Raises:
        UserError: It does not match.
    """
    file = Path(hub.get_dir(), "checkpoints", url.rpartition("/")[2])
    known = hub.HASH_REGEX.search(file.name)
    if known and is_file(file) and not file_digest(file).startswith(known[1]):
        raise UserError(f"{file}: does not match the hash in its name; delete it and run again")


def not_finite(state: Mapping[str, Tensor]) -> str:
    """Return the name of the first tensor with a number that is not finite; empty = there is none.

    Floating point alone is looked at, as the single precision in which networks hold it.
    """
    floating = ((name, t.float()) for name, t in state.items() if t.is_floating_point())
    return next((name for name, t in floating if not t.isfinite().all()), "")
