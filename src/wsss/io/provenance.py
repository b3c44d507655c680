"""Fingerprints by which Snakemake re-runs exactly the stale stages.

Snakemake sees neither edits to the package behind a command line nor new content under an old
modification time; both reach it as parameters of the rules.
"""

import ast
import hashlib
import importlib.util
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cache, lru_cache
from pathlib import Path

from wsss.errors import UserError
from wsss.io.atomic import write_text

_PACKAGE = __name__.partition(".")[0]
_BLOCK = 1 << 16


def code_digest(*modules: str) -> str:
    """Return a digest of the syntax trees of `modules` and all they import from this package.

    Comments, formatting and docstrings do not count, nor do the version of the package and the
    model of its configuration, whose values reach a stage as parameters of their own. Imports
    inside functions count; modules that are imported by a name computed at run time must be
    listed by the caller.

    Raises:
        ModuleNotFoundError: a module in the list does not exist.
    """
    todo, seen = list(modules), {}
    while todo:
        module = todo.pop()
        if module not in seen and module.split(".")[1:2] not in ([], ["config"]):
            seen[module], imported = _module(module)
            todo += imported
    return text_digest("\n".join(f"{module} {digest}" for module, digest in sorted(seen.items())))


def package_files_digest(*names: str) -> str:
    """Return a digest of files of the package that are no code, such as a template."""
    return " ".join(file_digest(_root() / name) for name in names)


def files_digest(paths: Iterable[Path], cache_file: Path) -> str:
    """Return a digest of the names and contents of `paths`; a missing file counts as absent.

    Contents are hashed again only when size, times or inode of a file changed since the digest
    kept in `cache_file`, which counts as empty if it is none, and may not be writable.

    Raises:
        UserError: a file is there, but cannot be read.
    """
    known = _read_cache(cache_file)
    fresh = {name: _entry(name, known.get(name)) for name in map(str, paths)}
    if any(known.get(path) != entry for path, entry in fresh.items()):
        # without it the next call takes longer, and says the same
        with suppress(UserError):
            write_text(cache_file, json.dumps({**known, **fresh}))
    return text_digest("\n".join(f"{path} {entry[-1]}" for path, entry in sorted(fresh.items())))


def file_digest(path: Path) -> str:
    """Return the first 16 hex digits of the SHA-256 of a file's content."""
    digest = hashlib.sha256()
    # large blocks of memory would cost more than the digest of a small file
    with path.open("rb", buffering=0) as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()[:16]


def bytes_digest(data: bytes) -> str:
    """Return the first 16 hexadecimal digits of the SHA-256 of `data`, as of a file's content."""
    return hashlib.sha256(data).hexdigest()[:16]


def text_digest(text: str) -> str:
    """Return the first 16 hex digits of the SHA-256 of a text."""
    return bytes_digest(text.encode())


def file_state(name: str) -> list[int]:
    """Return what changes with the content of a file, whatever the clock says.

    Raises:
        OSError: there is no such file.
    """
    stat = os.stat(name)  # noqa: PTH116 as a Path it would take twice as long
    return [stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino]


def _entry(name: str, known: list | None) -> list:
    try:
        state = file_state(name)
    except OSError:
        return ["absent"]
    if known is not None and known[:-1] == state:
        return known
    try:
        return [*state, file_digest(Path(name))]
    except OSError as error:
        raise UserError(
            f"{name}: cannot be read ({error.strerror}); put a readable file in its place"
        ) from error


def _read_cache(path: Path) -> dict[str, list]:
    try:
        stat = path.stat()
        return _parsed(path, stat.st_mtime_ns, stat.st_ino) if path.is_file() else {}
    except (OSError, ValueError, AttributeError, RecursionError):
        return {}


@lru_cache(1)
def _parsed(path: Path, *_state: int) -> dict[str, list]:
    """Parse a file once in each of its states."""
    found = json.loads(path.read_text(encoding="utf-8"))
    return {name: entry for name, entry in found.items() if _is_entry(entry)}


def _is_entry(entry: object) -> bool:
    """Tell whether a value is numbers and a digest behind them."""
    if not isinstance(entry, list) or not entry:
        return False
    *numbers, digest = entry
    return isinstance(digest, str) and all(isinstance(number, int) for number in numbers)


@cache
def _module(name: str) -> tuple[str, tuple[str, ...]]:
    """Return the digest of a module's syntax tree and the modules of this package it imports."""
    file = _file(name)
    if file is None:
        raise ModuleNotFoundError(name)
    tree = ast.parse(file.read_bytes())
    imported = {m for node in ast.walk(tree) for m in _imported(node) if _file(m) is not None}
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            node.body = [statement for statement in node.body if not _is_text(statement)]
    parents = [name.rsplit(".", i)[0] for i in range(1, name.count("."))]
    return text_digest(ast.dump(tree)), (*sorted(imported), *parents)


def _imported(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module:
        yield node.module
        yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _is_text(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


@cache
def _file(module: str) -> Path | None:
    package, *parts = module.split(".")
    if package != _PACKAGE:
        return None
    base = _root().joinpath(*parts)
    candidates = (base.with_suffix(".py"), base / "__init__.py")
    return next((file for file in candidates if file.is_file()), None)


@cache
def _root() -> Path:
    spec = importlib.util.find_spec(_PACKAGE)
    return Path(spec.submodule_search_locations[0])
