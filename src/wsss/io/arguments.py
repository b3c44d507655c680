"""Long texts as arguments of a command: bash takes no more than 128 KiB in all."""

from pathlib import Path

from wsss.errors import UserError
from wsss.io.atomic import write_text

_LONGEST = 16_000
"""Longest text, in characters, that is passed by itself."""


def passed(text: str, file: Path) -> str:
    """Return the argument that passes a text: the text, or `@` and the file that it is written to.

    Args:
        text: the text; it does not start with `@`.
        file: place of a long text.
    """
    if len(text) <= _LONGEST:
        return text
    if not file.is_file() or file.read_text(encoding="utf-8") != text:
        write_text(file, text)
    return f"@{file}"


def received(argument: str) -> str:
    """Return the text that `passed` made an argument of.

    Raises:
        UserError: the file cannot be read.
    """
    if not argument.startswith("@"):
        return argument
    try:
        return Path(argument[1:]).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{argument[1:]}: cannot be read ({error}); run again") from error
