"""Configuration files, as snakemake --configfile reads them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from wsss.config.resolve import merge
from wsss.errors import UserError

BASE = Path("config.yaml")
"""The file in the current folder that all others are laid over."""

MOST = 100_000
"""Keys and values of the largest file, with all that its aliases repeat."""

_BITS = 64
_NO_SCALAR = (AttributeError, LookupError, OverflowError, ValueError)
"""What PyYAML lets through for texts such as `2024-99-01` and `!!bool maybe`."""


def merged(paths: Sequence[Path]) -> dict[str, Any]:
    """Return the content of configuration files, laid over `BASE` if there is one.

    Raises:
        UserError: a file is missing or no YAML mapping, or a key stands twice in a mapping.
    """
    found: dict[str, Any] = {}
    for path in [*([BASE] if BASE.is_file() else []), *paths]:
        found = merge(found, _mapping(path))
    return found


def _mapping(path: Path) -> Mapping[str, Any]:
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 ({error}); save it as UTF-8") from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1
        raise UserError(f"{path}: not valid YAML (line {line}: {_told(error)})") from error
    except yaml.YAMLError as error:
        raise UserError(f"{path}: not valid YAML ({' '.join(str(error).split())})") from error
    except RecursionError as error:
        raise UserError(f"{path}: brackets or blocks are nested too deeply") from error
    if not isinstance(content or {}, Mapping):
        raise UserError(f"{path}: holds no keys; a configuration is a mapping of keys to values")
    return content or {}


class _Loader(yaml.SafeLoader):
    """YAML without what nobody means: double keys, endless aliases, scalars that are none."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._count = 0
        self._sizes: dict[yaml.Node, int] = {}

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node:  # noqa: ANN401
        """Count what an alias stands for as if it were written out."""
        mark = self.peek_event().start_mark
        alias, before = self.check_event(yaml.AliasEvent), self._count
        node = super().compose_node(parent, index)
        if alias and node not in self._sizes:
            raise _error("an alias that contains itself", mark)
        self._count += self._sizes[node] if alias else 1
        self._sizes.setdefault(node, self._count - before)
        if self._count > MOST:
            raise _error(f"more than {MOST} keys and values, aliases written out", mark)
        return node

    def compose_mapping_node(self, anchor: str | None) -> yaml.MappingNode:
        """Refuse a key that stands twice, while keys that are merged in are not there yet."""
        node = super().compose_mapping_node(anchor)
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and not key.tag.endswith(":merge"):
                if key.value in seen:
                    raise _error(
                        f"the key {key.value!r} stands there twice; keep one", key.start_mark
                    )
                seen.add(key.value)
        return node

    def construct_object(self, node: yaml.Node, deep: bool = False) -> object:
        """Refuse scalars that are none of their kind, and integers that cannot be printed."""
        try:
            value = super().construct_object(node, deep)
        except _NO_SCALAR as error:
            kind = node.tag.rpartition(":")[2]
            raise _error(f"{node.value!r:.40} is no {kind} ({error})", node.start_mark) from error
        if isinstance(value, int) and value.bit_length() > _BITS:
            raise _error(f"an integer of more than {_BITS} bits", node.start_mark)
        return value


def _told(error: yaml.MarkedYAMLError) -> str:
    return " ".join(filter(None, (error.context, error.problem)))


def _error(problem: str, mark: yaml.Mark) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=mark)
