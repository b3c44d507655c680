"""Options that many stages have."""

import argparse
from collections.abc import Callable, Mapping
from functools import partial
from math import inf, isfinite, nan
from typing import Any

from wsss.config.model import Config
from wsss.config.resolve import load
from wsss.errors import UserError
from wsss.io.arguments import received


def add_config_argument(parser: argparse.ArgumentParser) -> None:
    """Add the option of the stage's slice of the configuration."""
    parser.add_argument(
        "--config", required=True, type=received, help="keys of the stage as JSON, or @file"
    )


def integer(least: int, most: int | None = None) -> Callable[[str], int]:
    """Return the type of an argument that is an integer from `least` to `most`; None = no end."""

    def parsed(text: str) -> int:
        value = int(text) if text.isdecimal() else -1
        if value < least or (most is not None and value > most):
            expected = f"{least} or larger" if most is None else f"from {least} to {most}"
            raise argparse.ArgumentTypeError(f"{text!r}: expected an integer, {expected}")
        return value

    return parsed


def number(least: float, most: float = inf) -> Callable[[str], float]:
    """Return the type of an argument that is a finite number from `least` to `most`."""
    expected = f"{least:g} or larger" if most == inf else f"from {least:g} to {most:g}"
    return partial(_parsed, lambda value: least <= value <= most, expected)


def positive(text: str) -> float:
    """Parse an argument that is a finite number above 0."""
    return _parsed(lambda value: value > 0, "above 0", text)


def _parsed(fits: Callable[[float], bool], expected: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = nan
    if not (isfinite(value) and fits(value)):
        raise argparse.ArgumentTypeError(f"{text!r}: expected a number, {expected}")
    return value


def own_images(raw: Mapping[str, Any]) -> Config:
    """Validate a configuration for images of the user, which are not the demo's without `dataset`.

    Raises:
        UserError: as `load`.
    """
    return load({**raw, "dataset": raw.get("dataset") or {"source": "folders", "root": "."}})


def refuse_of_runs(config: Config, *keys: str) -> None:
    """Raise UserError if a run of the configuration has one of these dotted keys of its own."""
    for name, run in config.runs.items():
        for key in keys:
            *parents, last = key.split(".")
            section: Any = run or {}
            for parent in parents:
                section = section.get(parent) or {}
            if last in section:
                raise UserError(
                    f"--config: runs.{name}.{key} is for that run alone; name files with one "
                    f"{key} for all"
                )
