"""Configuration files, as snakemake --configfile reads them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from wsss.config.resolve import merge
from wsss.errors import UserError

BASE = Path("config.yaml")
"""The file in the current folder that all others are laid over."""


def merged(paths: Sequence[Path]) -> dict[str, Any]:
    """Return the content of configuration files, laid over `BASE` if there is one.

    Raises:
        UserError: a file is missing or no YAML mapping.
    """
    found: dict[str, Any] = {}
    for path in [*([BASE] if BASE.is_file() else []), *paths]:
        found = merge(found, _mapping(path))
    return found


def _mapping(path: Path) -> Mapping[str, Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read ({error})") from error
    except yaml.YAMLError as error:
        raise UserError(f"{path}: not valid YAML ({' '.join(str(error).split())})") from error
    if not isinstance(content or {}, Mapping):
        raise UserError(f"{path}: holds no keys; a configuration is a mapping of keys to values")
    return content or {}
