"""Tables on the terminal."""

from rich import box
from rich.table import Table


def plain_table(*columns: str, left: int = 1) -> Table:
    """Return an empty table whose first columns are aligned left, the others right."""
    table = Table(box=box.SIMPLE_HEAD)
    for number, name in enumerate(columns):
        table.add_column(name, justify="left" if number < left else "right", no_wrap=True)
    return table
