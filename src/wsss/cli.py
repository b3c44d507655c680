"""Command line `wsss <stage>`: one subcommand per stage, in the module of the same name.

All other modules are imported in `_run`, so that Ctrl-C, SIGTERM and invalid method files end with
one line at any time, also while PyTorch is imported.
"""

import argparse
import logging
import os
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType

from wsss import __version__
from wsss.errors import Terminated, UserError
from wsss.io.atomic import is_unwritable, unwritable
from wsss.pipeline import STAGES
from wsss.system import locks, parent, ranks, sigterm

TOOLS = (
    *("best", "check", "clean", "export", "forecast", "init", "plan", "predict"),
    *("refine", "run", "schema", "status", "verify"),
)
"""Commands that are no stage of the workflow."""

_SLEEPING = {"OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": "1000"}
"""Environment in which threads of OpenMP spin at barriers for microseconds alone: longer, they take
the core from the thread that they wait for; those that sleep at once wake up late."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run `wsss <stage> ...`.

    Returns:
        Exit code: 0; 2 after one line per user error; 1 after an unexpected error; 130 after
        Ctrl-C; 143 after SIGTERM.
    """
    _share_cores()
    ranks.exit_with_rank_zero()
    with sigterm.as_exception():
        try:
            _run(list(sys.argv[1:] if argv is None else argv))
        except UserError as error:
            return _fail(2, f"error: {error}")
        except KeyboardInterrupt:
            return _fail(130, "interrupted; re-run the same command to resume")
        except Terminated:
            return _fail(143, "terminated; re-run the same command to resume")
        except Exception as error:
            if is_unwritable(error):
                return _fail(2, f"error: {unwritable(Path(error.filename or '.'), error)}")
            return _fail(1, f"unexpected error, please report it:\n{traceback.format_exc()}")
    return 0


def _share_cores() -> None:
    """Let jobs side by side share the cores, unless the user has chosen how threads wait."""
    # no threads of OpenCV beside those of a job
    os.environ.setdefault("OPENCV_FOR_THREADS_NUM", "1")
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.update(_SLEEPING | dict(os.environ))


def commands() -> tuple[str, ...]:
    """Names of the modules in `wsss.stages` that are subcommands."""
    return (*STAGES, *TOOLS)


def _run(arguments: list[str]) -> None:
    """Parse the arguments of a subcommand and run it."""
    name = arguments[0].replace("-", "_") if arguments else ""
    if name not in commands():
        _overview().parse_args(arguments or ["--help"])
        return
    stage = import_module(f"wsss.stages.{name}")
    # options
    parser = argparse.ArgumentParser(f"wsss {arguments[0]}", description=stage.__doc__)
    parser.add_argument("--log", type=Path, help="write plain log lines to this file, too")
    parser.add_argument("--users", help="runs that need the result, for error messages")
    stage.add_arguments(parser)
    options = parser.parse_args(arguments[1:])

    parent.watch()
    try:
        _make(stage, options)
    except UserError as error:
        raise UserError(
            f"{name} of {options.users}: {error}" if options.users else error
        ) from error


def _make(stage: ModuleType, options: argparse.Namespace) -> None:
    """Run a stage, unless another workflow has made the same since this one was planned."""
    from wsss.io.progress import start_logging

    out: Path | None = getattr(options, "out", None)
    if out is None or not locks.is_planned() or not ranks.is_rank_zero():
        start_logging(options.log)
        stage.run(options)
        return
    # the log file is that of the job which holds the lock
    start_logging(None)
    with locks.exclusive(out) as finished:
        # ranks that a launcher has started wait for this one, which cannot call them off
        if finished and not ranks.launched():
            logging.getLogger("wsss").info("another run has made %s meanwhile", out)
        else:
            start_logging(options.log)
            stage.run(options)


def _fail(code: int, message: str) -> int:
    """Write `message` to the log file and to the terminal, and return the exit code."""
    log = logging.getLogger("wsss")
    if log.handlers:
        log.error(message)
    if all(isinstance(h, logging.NullHandler | logging.FileHandler) for h in log.handlers):
        sys.stderr.write(f"{message}\n")
    return code


def _overview() -> argparse.ArgumentParser:
    """Parser of `wsss --help`; it imports no stage, hence not PyTorch."""
    parser = argparse.ArgumentParser(
        "wsss", description="Weakly supervised semantic segmentation, stage by stage."
    )
    parser.add_argument("--version", action="version", version=f"wsss {__version__}")
    names = [name.replace("_", "-") for name in commands()]
    parser.add_argument("stage", choices=names, help="`wsss <stage> --help` explains its options")
    return parser
