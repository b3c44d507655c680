"""Cells of CSV tables that spreadsheets would take for formulas.

Source: OWASP, "CSV Injection". An apostrophe before such a cell makes it a text; readers take it
off again.
"""

import re

_FORMULA = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")  # noqa: RUF001 some spreadsheets take wide signs, too


def escaped(cell: object) -> object:
    """Return the cell of a table to write; only texts are changed."""
    return f"'{cell}" if isinstance(cell, str) and _FORMULA.match(cell) else cell


def unescaped(cell: str) -> str:
    """Return the cell of a table that was read, as it was before `escaped`."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell
