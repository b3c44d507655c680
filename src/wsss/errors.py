"""Exceptions that end a command: user errors and SIGTERM."""

from collections.abc import Sequence
from pathlib import Path

SHOWN = 100
"""Problems that one error lists."""


class UserError(Exception):
    """An error in the input, the configuration or the environment that the user can fix.

    The message is one clear line (or one line per problem) that names the file or key and the
    remedy. The command line prints it without a traceback and exits with code 2.
    """


class Terminated(BaseException):
    """SIGTERM arrived; the same command resumes the work."""


def raise_problems(place: Path | str, problems: Sequence[str]) -> None:
    """Raise one `UserError` that counts and lists the problems of a place; none = no error."""
    if problems:
        count = f"{len(problems)} problem{'s' * (len(problems) > 1)}"
        rest = len(problems) - SHOWN
        more = [f"... {rest} more"] if rest > 0 else []
        raise UserError("\n".join([f"{count} in {place}:", *problems[:SHOWN], *more]))


def first_of(names: Sequence[str]) -> str:
    """Comma-separated names; of more than five the first five."""
    return ", ".join(names[:5]) + ", ..." * (len(names) > 5)
