"""Logging and progress: a bar with remaining time in a terminal, plain lines in a log file."""

import logging
import sys
import time
from collections.abc import Iterable, Iterator, Sized
from pathlib import Path
from typing import TypeVar

from rich.console import Console
from rich.logging import RichHandler
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from wsss.io.atomic import unwritable
from wsss.io.times import timed
from wsss.system.ranks import is_rank_zero

T = TypeVar("T")

log = logging.getLogger("wsss")

WARNING = "warning: "
"""Mark of a warning in a log file, behind the time."""

_LINE_EVERY = 10.0
"""Seconds between two progress lines in a log file."""

_console = Console(stderr=True)


def start_logging(file: Path | None) -> None:
    """Log to the terminal and, with time stamps, to `file` if one is given.

    In a distributed training, all ranks but 0 log errors only.

    Raises:
        UserError: `file` cannot be written.
    """
    log.setLevel(logging.INFO if is_rank_zero() else logging.ERROR)
    log.propagate = False
    log.handlers[:] = [logging.NullHandler()]
    # a log line lost on a full disk must neither stop the run nor print a traceback
    logging.raiseExceptions = False
    if _console.is_terminal:
        log.addHandler(RichHandler(console=_console, show_path=False, show_level=False))
    elif file is None:
        log.addHandler(logging.StreamHandler(sys.stderr))
    if file is not None:
        handler = _file_handler(file)
        handler.setFormatter(logging.Formatter("%(asctime)s %(mark)s%(message)s", "%H:%M:%S"))
        handler.addFilter(_mark)
        log.addHandler(handler)


def _mark(record: logging.LogRecord) -> bool:
    """Mark warnings, which whoever watches the file shows; every record is kept."""
    record.mark = WARNING if record.levelno == logging.WARNING else ""
    return True


def _file_handler(file: Path) -> logging.Handler:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        if is_rank_zero():
            file.write_bytes(b"")
        return logging.FileHandler(file, encoding="utf-8")
    except OSError as error:
        raise unwritable(file, error) from error


def track(items: Iterable[T], what: str, total: int | None = None) -> Iterator[T]:
    """Yield `items` and show how many of `total` are done and the remaining time."""
    total = len(items) if total is None and isinstance(items, Sized) else total
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    remaining = TimeRemainingColumn()
    hidden = not (_console.is_terminal and is_rank_zero())
    with (
        timed() as note,
        Progress(*columns, remaining, console=_console, transient=True, disable=hidden) as bar,
    ):
        task = bar.add_task(what, total=total)
        start = last = time.monotonic()
        for done, item in enumerate(items, 1):
            yield item
            bar.advance(task)
            note()
            if time.monotonic() - last >= _LINE_EVERY:
                last = time.monotonic()
                _log_to_files(_line(what, done, total, last - start))


def _line(what: str, done: int, total: int | None, elapsed: float) -> str:
    if not total:
        return f"{what}: {done} done in {elapsed:.0f} s"
    left = elapsed / done * (total - done)
    return f"{what}: {done} of {total}, {elapsed:.0f} s elapsed, {left:.0f} s to go"


def _log_to_files(line: str) -> None:
    """Log `line` with all handlers but the terminal's, which shows the progress bar."""
    if not log.isEnabledFor(logging.INFO):
        return
    record = log.makeRecord(log.name, logging.INFO, __file__, 0, line, (), None)
    for handler in log.handlers:
        if not isinstance(handler, RichHandler):
            handler.emit(record)
