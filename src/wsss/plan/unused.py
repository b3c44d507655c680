"""Artifacts in the store that no run of a configuration uses."""

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from wsss.errors import UserError
from wsss.plan.artifacts import Plan

_KEY = re.compile("[0-9a-f]{12}")


@dataclass(frozen=True)
class Unused:
    """The folder of an artifact that is not in the plan.

    Attributes:
        folder: its folder.
        stage: the stage that made it.
        size: bytes of its files.
        busy: whether a job is writing it now.
    """

    folder: Path
    stage: str
    size: int
    busy: bool


def unused(plan: Plan) -> list[Unused]:
    """List the artifacts of the store that are not in the plan, by stage."""
    used = {Path(artifact.folder) for artifact in plan.artifacts.values()}
    return [
        Unused(folder, folder.parent.name, size_of(folder), is_busy(folder))
        for folder in _folders(Path(plan.store))
        if folder not in used
    ]


def remove(found: list[Unused]) -> None:
    """Remove artifacts that no job is writing.

    Raises:
        UserError: a folder cannot be removed.
    """
    for one in found:
        if one.busy or is_busy(one.folder):
            continue
        try:
            shutil.rmtree(one.folder)
        except OSError as error:
            raise UserError(f"{one.folder}: cannot be removed ({error.strerror})") from error


def _folders(store: Path) -> Iterator[Path]:
    for stage in sorted(store.iterdir() if store.is_dir() else ()):
        if stage.is_dir() and not stage.is_symlink():
            yield from sorted(path for path in stage.iterdir() if _is_artifact(path))


def _is_artifact(path: Path) -> bool:
    return bool(_KEY.fullmatch(path.name)) and path.is_dir() and not path.is_symlink()


def size_of(folder: Path) -> int:
    """Return the bytes of the files of an artifact."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file())


def is_busy(folder: Path) -> bool:
    """Return True if a job holds the lock of one of the files of an artifact."""
    for path in folder.rglob(".*.lock"):
        try:
            FileLock(path).acquire(timeout=0).lock.release()
        except Timeout:
            return True
        except (NotImplementedError, OSError):
            # a file system without locks
            continue
    return False
