"""Text files with a trailing SHA-256 line, to detect truncation and edits."""

from wsss.io.provenance import text_digest

CHECKSUM_PREFIX = "#sha256\t"
"""Start of the checksum line; readers of tables skip it as a comment."""


def add_checksum(text: str) -> str:
    """Return `text`, which ends in a newline or is empty, with its checksum line appended."""
    return f"{text}{_checksum_line(text)}"


def verify_checksum(text: str) -> str:
    """Return the text without its checksum line, as it was given to `add_checksum`.

    Raises:
        ValueError: the checksum line is missing or does not match the text.
    """
    body, _, _ = text.rpartition(CHECKSUM_PREFIX)
    if text != body + _checksum_line(body):
        raise ValueError("it does not match its checksum")
    return body


def _checksum_line(text: str) -> str:
    return f"{CHECKSUM_PREFIX}{text_digest(text)}\n"
