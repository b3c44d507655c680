"""The command line: one subcommand per stage, each in the module of its name."""

import argparse
import sys
import traceback
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path

from wsss import __version__
from wsss.config.slices import STAGES
from wsss.errors import Terminated, UserError
from wsss.io.atomic import is_unwritable, unwritable
from wsss.io.progress import log, start_logging
from wsss.system import parent, ranks, sigterm

TOOLS = ("check", "clean", "export", "predict", "schema")
"""Commands that no rule calls."""

COMMANDS = (*STAGES, *TOOLS)


def main(argv: Sequence[str] | None = None) -> int:
    """Run `wsss <stage> ...`.

    Returns:
        0; 2 after clear lines about a mistake of the user; 1 after an unexpected error; 130 when
        interrupted, 143 when terminated.
    """
    ranks.follow()
    arguments = list(sys.argv[1:] if argv is None else argv)
    name = arguments[0].replace("-", "_") if arguments else ""
    if name not in COMMANDS:
        _overview().parse_args(arguments or ["--help"])
        return 0
    module = import_module(f"wsss.stages.{name}")
    parser = argparse.ArgumentParser(f"wsss {arguments[0]}", description=module.__doc__)
    parser.add_argument("--log", type=Path, help="write plain log lines to this file, too")
    module.add_arguments(parser)
    options = parser.parse_args(arguments[1:])
    with sigterm.raised():
        return _guarded(module.run, options)


def _guarded(run: Callable[[argparse.Namespace], None], options: argparse.Namespace) -> int:
    try:
        parent.follow()
        start_logging(options.log)
        run(options)
    except UserError as error:
        _fail(f"error: {error}", options.log)
        return 2
    except KeyboardInterrupt:
        _fail("interrupted; the same command continues", options.log)
        return 130
    except Terminated:
        _fail("terminated; the same command continues", options.log)
        return 143
    except Exception as error:
        if is_unwritable(error):
            _fail(f"error: {unwritable(Path(error.filename or '.'), error)}", options.log)
            return 2
        _fail(f"unexpected error, please report it:\n{traceback.format_exc()}", options.log)
        return 1
    return 0


def _fail(message: str, file: Path | None) -> None:
    """Write `message` to the log file, and to the terminal in any case."""
    log.error(message)
    if file is not None and not sys.stderr.isatty():
        sys.stderr.write(f"{message}\n")


def _overview() -> argparse.ArgumentParser:
    """Return the parser behind `wsss --help`; it imports no stage, hence no torch."""
    parser = argparse.ArgumentParser(
        "wsss", description="Weakly supervised semantic segmentation, stage by stage."
    )
    parser.add_argument("--version", action="version", version=f"wsss {__version__}")
    names = [name.replace("_", "-") for name in COMMANDS]
    parser.add_argument("stage", choices=names, help="`wsss <stage> --help` explains its options")
    return parser


if __name__ == "__main__":
    sys.exit(main())
