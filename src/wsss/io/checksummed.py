"""Text whose last line is the checksum of the others, which reveals what became of it."""

from wsss.io.provenance import text_digest

MARK = "#sha256\t"
"""How the last line starts; readers of tables take it for a comment."""


def seal(text: str) -> str:
    """Return lines of text and, after them, their checksum."""
    return f"{text}{_line(text)}"


def unseal(text: str) -> str:
    """Return the lines that `seal` was given.

    Raises:
        ValueError: they do not match their checksum, or have none.
    """
    body, _, _ = text.rpartition(MARK)
    if text != body + _line(body):
        raise ValueError("it does not match its checksum")
    return body


def _line(text: str) -> str:
    return f"{MARK}{text_digest(text)}\n"
