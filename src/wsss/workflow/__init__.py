"""The Snakemake workflow within the package, and the command that starts it."""

import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from wsss.errors import UserError
from wsss.names import closest

FOLDER = Path(__file__).parent

SNAKEFILE = FOLDER / "Snakefile"


def configuration(name: str) -> Path:
    """Return a configuration file by its path, or by its name among those of this project.

    Args:
        name: a path, or the name of a recipe such as `photos` or `voc12/seam`.

    Raises:
        UserError: there is neither.
    """
    path, folder = Path(name), FOLDER / "configs"
    if path.is_file():
        return path
    own = folder / f"{name.removeprefix('configs/').removesuffix('.yaml')}.yaml"
    if own.is_file() and own.resolve().is_relative_to(folder.resolve()):
        return own
    known = [p.relative_to(folder).with_suffix("").as_posix() for p in folder.rglob("*.yaml")]
    beside = [str(file) for ending in ("yaml", "yml") for file in path.parent.glob(f"*.{ending}")]
    hint = closest(name, [*beside, *known]) or "known recipes: photos, voc12/psa, ..."
    raise UserError(f"{name}: no such file, and no recipe of that name; {hint}")


def words(files: Sequence[Path]) -> str:
    """Return configuration files as a user names them: recipes by their name."""
    folder = FOLDER / "configs"
    return shlex.join(
        str(file.relative_to(folder).with_suffix("") if file.is_relative_to(folder) else file)
        for file in files
    )


def snakemake(files: Sequence[Path], cores: int | None, options: Sequence[str]) -> list[str]:
    """Return the command that starts Snakemake with configuration files.

    Args:
        files: the files, the last one has precedence.
        cores: cores that jobs may take; None = all.
        options: further options of Snakemake.
    """
    configured = ["--configfile", *map(str, files)] if files else []
    return [
        *(sys.executable, "-m", "snakemake", "--snakefile", str(SNAKEFILE)),
        *("--cores", str(cores or "all"), *configured, *options),
    ]


def environment() -> dict[str, str]:
    """Return the environment in which jobs find the command `wsss` of this Python."""
    folder = str(Path(sys.executable).parent)
    return os.environ | {"PATH": os.pathsep.join([folder, os.environ.get("PATH", os.defpath)])}
