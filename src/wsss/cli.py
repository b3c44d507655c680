"""The command line: one subcommand per stage, each in the module of its name."""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from wsss import __version__
from wsss.config.slices import STAGES
from wsss.errors import UserError
from wsss.io.progress import log, start_logging

COMMANDS = (*STAGES, "schema")


def main(argv: Sequence[str] | None = None) -> int:
    """Run `wsss <stage> ...`; return 0, or 2 after one clear line about a mistake of the user."""
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
    start_logging(options.log)
    return _guarded(module.run, options)


def _guarded(run: callable, options: argparse.Namespace) -> int:
    try:
        run(options)
    except UserError as error:
        log.error("error: %s", error)
        if options.log is not None and not sys.stderr.isatty():
            sys.stderr.write(f"error: {error}\n")
        return 2
    except Exception:
        log.exception("unexpected error; please report it with this log")
        raise
    return 0


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
