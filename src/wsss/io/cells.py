"""Cells of CSV tables that spreadsheets would take for formulas.

Source: OWASP, "CSV Injection". An apostrophe before such a cell makes it a text; readers take it
off again. Where `;` separates cells, as in many countries, each item of a list is a cell.
"""

import re

_SIGNS = r"[=+\-@\t\r\n＝＋－＠]"  # noqa: RUF001 some spreadsheets take wide signs, too
_FORMULA = re.compile(rf"(^|;)(?='*{_SIGNS})")
_ESCAPED = re.compile(rf"(^|;)'(?='*{_SIGNS})")


def escaped(cell: object) -> object:
    """Return the cell of a table to write; only texts are changed."""
    return _FORMULA.sub(r"\1'", cell) if isinstance(cell, str) else cell


def unescaped(cell: str) -> str:
    """Return the cell of a table that was read, as it was before `escaped`."""
    return _ESCAPED.sub(r"\1", cell) if "'" in cell else cell
