"""Checksums of the page, in its last line, and of the table beside it."""

import re

from wsss.io.provenance import text_digest

_LINE = re.compile(r"<!-- sha256 ([0-9a-f]+) ([0-9a-f]+) -->\n\Z")


def with_checksums(page: str, summary: str) -> str:
    """Return the page with the checksums of itself and of the text of summary.tsv."""
    page = page.rstrip("\n") + "\n"
    return f"{page}<!-- sha256 {text_digest(page)} {text_digest(summary)} -->\n"


def damaged_file(page: str, summary: str) -> str:
    """Return `page` or `summary` if one does not match its checksum; empty if both do."""
    line = _LINE.search(page)
    if line is None or text_digest(page[: line.start()]) != line[1]:
        return "page"
    return "" if text_digest(summary) == line[2] else "summary"
