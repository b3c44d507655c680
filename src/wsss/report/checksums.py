"""Checksums of the page, in its last line, and of the tables beside it."""

import re
from collections.abc import Iterable, Sequence

from wsss.io.provenance import text_digest

_LINE = re.compile(r"<!-- sha256((?: [0-9a-f]+)+) -->\n\Z")


def with_checksums(page: str, tables: Iterable[str]) -> str:
    """Return the page with the checksums of itself and of the texts of the tables."""
    page = page.rstrip("\n") + "\n"
    return f"{page}<!-- sha256 {' '.join(map(text_digest, [page, *tables]))} -->\n"


def damaged_file(page: str, tables: Sequence[str]) -> int | None:
    """Return which file does not match its checksum, 0 for the page; None if all do."""
    line = _LINE.search(page)
    if line is None:
        return 0
    found = [text_digest(text) for text in (page[: line.start()], *tables)]
    pairs = enumerate(zip(found, line[1].split(), strict=True))
    return next((place for place, (ours, written) in pairs if ours != written), None)
