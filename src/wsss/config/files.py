"""Configuration files, read as snakemake --configfile reads them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from wsss.config.merging import merge
from wsss.errors import UserError

BASE = Path("config.yaml")
"""The file in the current folder that all others are laid over."""

_ALIASES = 20
"""Most aliases of a file; each of them can multiply its size."""
_BITS = 64
_NO_SCALAR = (AttributeError, LookupError, OverflowError, ValueError)
"""Errors of PyYAML for texts such as `2024-99-01` and `!!bool maybe`."""


def merged(paths: Sequence[Path]) -> dict[str, Any]:
    """Return the content of configuration files, laid over `BASE` if there is one.

    Raises:
        UserError: a file is missing, empty or no YAML mapping, or a key occurs twice in a mapping.
    """
    found: dict[str, Any] = dict(_content(BASE) or {}) if BASE.is_file() else {}
    for path in paths:
        found = merge(found, mapping(path))
    return found


def mapping(path: Path) -> Mapping[str, Any]:
    """Return the content of a configuration file.

    Raises:
        UserError: it is missing, empty or no YAML mapping, or a key occurs twice in a mapping.
    """
    content = _content(path)
    if content is None:
        raise UserError(f"{path}: is empty; write keys such as dataset into it, or leave it out")
    return content


def _content(path: Path) -> Mapping[str, Any] | None:
    """Return the content of a configuration file; None if it is empty."""
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise UserError(
            f"{path}: not UTF-8 ({error.reason}); save configurations as UTF-8, and name targets "
            "before them"
        ) from error
    except yaml.YAMLError as error:
        raise UserError(f"{path}: not valid YAML ({_described(error)})") from error
    except RecursionError as error:
        raise UserError(f"{path}: brackets or blocks are nested too deeply") from error
    if content is None:
        return None
    if not isinstance(content, Mapping):
        raise UserError(f"{path}: holds no keys; a configuration is a mapping of keys to values")
    return content


class _Loader(yaml.SafeLoader):
    """YAML without double keys, many aliases, and scalars that are not of their type."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._aliases = 0
        self._composed: set[yaml.Node | None] = set()
        self._flattened: set[yaml.Node] = set()

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Refuse aliases that contain themselves, and those that could exhaust the memory."""
        alias = self.check_event(yaml.AliasEvent)
        node = super().compose_node(parent, index)
        self._aliases += alias
        if alias and node is not None and node not in self._composed:
            raise _error("an alias that contains itself", node)
        if self._aliases > _ALIASES and node is not None:
            raise _error(f"more than {_ALIASES} aliases", node)
        self._composed.add(node)
        return node

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Refuse a key that occurs twice; keys that are merged in may occur again."""
        seen: set[str] = set()
        for key, _ in node.value if node not in self._flattened else ():
            if isinstance(key, yaml.ScalarNode) and not key.tag.endswith(":merge"):
                if key.value in seen:
                    raise _error(f"the key {key.value!r} is there twice; keep one", key)
                seen.add(key.value)
        self._flattened.add(node)
        super().flatten_mapping(node)

    def construct_object(self, node: yaml.Node, deep: bool = False) -> object:
        """Refuse scalars that are not of their type, and integers that cannot be printed."""
        try:
            value: object = super().construct_object(node, deep)
        except _NO_SCALAR as error:
            kind = node.tag.rpartition(":")[2]
            raise _error(f"{node.value!r:.40} is no {kind} ({error})", node) from error
        if isinstance(value, int) and value.bit_length() > _BITS:
            raise _error(f"an integer of more than {_BITS} bits", node)
        return value


def _described(error: yaml.YAMLError) -> str:
    """Return an error on one line, with the line of the file that it is on."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        text = " ".join(filter(None, (error.context, error.problem)))
        return f"line {error.problem_mark.line + 1}: {text}"
    return " ".join(str(error).split())


def _error(problem: str, node: yaml.Node) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark)
