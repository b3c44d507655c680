"""Command line `wsss <stage>`: one subcommand per stage, in the module of the same name.

All other modules are imported in `_run`, so that Ctrl-C, SIGTERM and invalid method files end with
one line at any time, also while PyTorch is imported.
"""

import argparse
import gc
import logging
import os
import sys
import traceback
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType

from wsss import __version__
from wsss.errors import Terminated, UserError
from wsss.io.atomic import is_unwritable, unwritable
from wsss.names import closest
from wsss.pipeline import STAGES
from wsss.system import allocator, locks, parent, ranks, sigterm

GROUPS = {
    "Run": ("init", "check", "plan", "forecast", "run", "sweep", "status", "best", "table"),
    "Use the results": ("review", "export", "predict", "refine"),
    "Look after the results": ("verify", "clean", "schema"),
}
"""Commands that are no stage of the workflow, by their purpose."""

TOOLS = tuple(name for names in GROUPS.values() for name in names)
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
    if "_ARGCOMPLETE" in os.environ:
        _complete()
    # those of an earlier call in this process
    logging.getLogger("wsss").handlers.clear()
    _share_cores()
    allocator.keep_freed()
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


def _word(name: str) -> str:
    """Return the word of a command on the command line."""
    return name.replace("_", "-")


def _run(arguments: list[str]) -> None:
    """Parse the arguments of a subcommand and run it."""
    name = arguments[0].replace("-", "_") if arguments else ""
    if name not in commands():
        _overview().parse_args(arguments or ["--help"])
        return
    stage = _imported(f"wsss.stages.{name}")
    # options
    parser = argparse.ArgumentParser(f"wsss {arguments[0]}", description=stage.__doc__)
    parser.add_argument("--log", type=Path, help="write plain log lines to this file, too")
    for_jobs = (
        argparse.SUPPRESS if name in TOOLS else "runs that need the result, for error messages"
    )
    parser.add_argument("--users", help=for_jobs)
    stage.add_arguments(parser)
    options = parser.parse_args(arguments[1:])

    parent.watch()
    try:
        _make(stage, options)
    except UserError as error:
        raise UserError(
            f"{name} of {options.users}: {error}" if options.users else error
        ) from error


def _imported(name: str) -> ModuleType:
    """Import a module without looking for garbage, which takes a tenth of PyTorch's import."""
    gc.disable()
    try:
        return import_module(name)
    finally:
        gc.enable()


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


def _complete() -> None:
    """Complete the command line for the shell, and exit; it imports the stage of one command."""
    import argcomplete

    parser = argparse.ArgumentParser("wsss")
    known = parser.add_subparsers()
    words = os.environ.get("COMP_LINE", "").split()
    for name in commands():
        command = known.add_parser(_word(name))
        if words[1:2] == [_word(name)]:
            import_module(f"wsss.stages.{name}").add_arguments(command)
    argcomplete.autocomplete(parser)


def _overview() -> argparse.ArgumentParser:
    """Parser of `wsss --help`; it imports no stage, hence not PyTorch."""
    parser = argparse.ArgumentParser(
        "wsss",
        usage="wsss <command> [options]",
        description="Image-level labels in, segmentation masks and a trained segmenter out.",
        epilog="\n".join(_described()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"wsss {__version__}")
    parser.add_argument("command", type=_command, metavar="command", help=argparse.SUPPRESS)
    return parser


def _described() -> Iterator[str]:
    """Yield the commands by their purpose with the first sentence of their module."""
    folder = Path(__file__).with_name("stages")
    for title, names in (GROUPS | {"Stages, which the workflow runs": tuple(STAGES)}).items():
        yield f"{title}:"
        for name in names:
            with (folder / f"{name}.py").open(encoding="utf-8") as file:
                first = file.readline().strip().strip('"').rstrip(".")
            yield f"  {_word(name):<22}{first}"
        yield ""
    yield "`wsss <command> --help` explains the options of a command."


def _command(word: str) -> str:
    """Refuse a word that is no command, and name the one that it resembles."""
    hint = closest(word, map(_word, commands())) or "wsss --help lists all commands"
    raise argparse.ArgumentTypeError(f"no command {word!r}; {hint}")
