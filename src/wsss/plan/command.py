"""Check of the command that started the workflow, where Snakemake would guess."""

import re
from collections.abc import Sequence
from pathlib import Path

from wsss.errors import UserError

_CONFIG_FILES = re.compile(r"--configf[a-z]*(=.*)?")
"""The option and its abbreviations, which some versions of Python accept."""


def check_command(words: Sequence[str], folder: Path) -> None:
    """Check the arguments of Snakemake and the folder that it runs in.

    Args:
        words: the arguments.
        folder: the working directory.

    Raises:
        UserError: an option that would silently count once is given twice, or Snakemake cannot
            handle the name of the folder.
    """
    if sum(bool(_CONFIG_FILES.fullmatch(word)) for word in words) > 1:
        raise UserError(
            "--configfile is given more than once, of which Snakemake reads the last one alone; "
            "name all files behind one: --configfile a.yaml b.yaml"
        )
    if wrong := sorted(set(str(folder)) & set("{}")):
        raise UserError(
            f"{folder}: Snakemake cannot work in a folder with {' and '.join(wrong)} in its path; "
            "rename it"
        )
