"""Run a configuration with several values of its keys; stages that are equal are shared.

    wsss sweep photos pets.yaml walk.beta=4,8,16 segment.train.loss=mean,oeem

makes a run of every combination. They are written as `runs` into a file of their own, an ordinary
configuration: wsss run photos pets.yaml sweep.yaml continues, and wsss status shows them.
"""

import argparse
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import yaml

from wsss.config import resolve
from wsss.config.files import merged
from wsss.config.merging import merge
from wsss.errors import UserError
from wsss.io.atomic import write_text
from wsss.io.progress import log
from wsss.stages import run as running
from wsss.workflow import configuration

_HEAD = "# Written by wsss sweep: "

Setting = tuple[str, list[Any]]
"""A dotted key and its values."""
Run = dict[str, Any] | None
"""Keys of a run; None switches it off."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument(
        "words", nargs="+", metavar="config | key=values", help="files or recipes, and keys"
    )
    parser.add_argument("--out", type=Path, default=Path("sweep.yaml"), help="file of the runs")
    running.add_options(parser)


def run(args: argparse.Namespace) -> None:
    """Write the runs, and make them or say what would be made.

    Raises:
        UserError: a mistake in a key or value, or in the configuration or the data.
    """
    files = [configuration(word) for word in args.words if "=" not in word]
    settings = [setting(word) for word in args.words if "=" in word]
    if not settings:
        raise UserError("name a key with its values, such as walk.beta=4,8,16")
    if args.out.resolve() in [file.resolve() for file in files]:
        raise UserError(f"{args.out}: is swept itself; name another file with --out")
    raw = merged(files)
    own = raw.get("runs") or {}
    runs = _named_once(combined(own, settings))
    # a mistake leaves the file of the sweep before
    resolve.runs(resolve.load(merge(raw, {"runs": runs})))
    if args.out.exists() and not args.out.read_text(encoding="utf-8").startswith(_HEAD):
        raise UserError(f"{args.out}: exists and is no sweep; name another file with --out")
    text = yaml.safe_dump({"runs": runs}, sort_keys=False, allow_unicode=True)
    write_text(args.out, f"{_HEAD}{' '.join(args.words)}\n{text}")
    log.info("%s: %d runs", args.out, len(runs) - len(own))
    args.configs = [*files, args.out]
    running.run(args)


def setting(word: str) -> Setting:
    """Parse `key=value,value,...`, whose values are YAML.

    Raises:
        UserError: it is not of this form.
    """
    key, _, text = word.partition("=")
    try:
        values = yaml.safe_load(f"[{text}]")
    except yaml.YAMLError:
        values = []
    if not re.fullmatch(r"\w+(\.\w+)*", key) or not values:
        raise UserError(f"{word}: expected key=value,value, such as walk.beta=4,8,16")
    return key, values


def combined(own: Mapping[str, Any], settings: Sequence[Setting]) -> Iterator[tuple[str, Run]]:
    """Yield names and keys of the runs: every combination on top of each run that there is.

    Args:
        own: the runs of the configuration, which are switched off as such.
        settings: keys and their values.
    """
    for name, keys in (own or {"": {}}).items():
        if name:
            yield name, None
            if keys is None:
                continue
        for values in product(*(values for _, values in settings)):
            pairs = [(key, value) for (key, _), value in zip(settings, values, strict=True)]
            made: dict[str, Any] = dict(keys or {})
            for key, value in pairs:
                made = merge(made, _nested(key, value))
            yield "-".join(filter(None, [name, *(_named(*pair) for pair in pairs)])), made


def _named_once(pairs: Iterable[tuple[str, Run]]) -> dict[str, Run]:
    runs: dict[str, Run] = {}
    for name, keys in pairs:
        if name in runs:
            raise UserError(
                f"two runs would be named {name}; leave out a value, or write such runs by hand"
            )
        runs[name] = keys
    return runs


def _nested(key: str, value: object) -> dict[str, Any]:
    for part in reversed(key.split(".")):
        value = {part: value}
    return value  # type: ignore[return-value]


def _named(key: str, value: object) -> str:
    """Return the part of a run's name that tells a value, such as beta4 or method_seam."""
    word, text = key.rpartition(".")[2], str(value)
    joined = f"{word}_{text}" if text[:1].isalpha() else f"{word}{text}"
    return re.sub(r"[^A-Za-z0-9]+", "_", joined).strip("_")
