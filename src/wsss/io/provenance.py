"""SHA-256 digests of code and files, from which the keys of artifacts are computed.

They see edits to the package behind a command line, and new content with an old modification time.
"""

import ast
import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cache, lru_cache
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import Any

from wsss.errors import UserError
from wsss.io.atomic import write_text

_PACKAGE = __name__.partition(".")[0]
_BLOCK = 1 << 16

Entry = list[Any]
"""State of a file (integers) and, last, its digest; `["absent"]` for a missing file."""
_ENTRIES = ([int, int, int, int, str], [str])


def code_digest(*modules: str) -> str:
    """Digest of the syntax trees of `modules` and of all they import from this package.

    Comments, formatting and docstrings do not count, nor do `wsss.__version__` and `wsss.config`,
    whose values reach a stage as parameters of their own. Imports inside functions count; the
    caller must list modules whose names are computed at run time.

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


def package_files_digest(*patterns: str) -> str:
    """Return a digest of files of the package that are no code, such as templates."""
    root = _root()
    found = [file for pattern in patterns for file in sorted(root.glob(pattern))]
    return " ".join(f"{file.name} {file_digest(file)}" for file in found)


def files_digest(paths: Iterable[Path | str], cache_file: Path, below: Path | None = None) -> str:
    """Digest of the names and contents of `paths`; a missing file counts as absent.

    Names are those below the folder `below`, if it is given, else whole paths.

    A file is hashed again only if its size, times or inode differ from those in `cache_file`. A
    damaged cache counts as empty; one that cannot be written is left as it is.

    Raises:
        UserError: a file exists but cannot be read.
    """
    names = list(map(str, paths))
    known = _read_cache(cache_file) if names else {}
    fresh = {name: _entry(name, known.get(name)) for name in names}
    if any(known.get(path) != entry for path, entry in fresh.items()):
        # without the cache the next call is slower, with the same result
        with suppress(UserError):
            write_text(cache_file, json.dumps({**known, **fresh}))
    lines = (
        f"{os.path.relpath(path, below) if below else path} {entry[-1]}"
        for path, entry in sorted(fresh.items())
    )
    return text_digest("\n".join(lines))


def file_digest(path: Path | str) -> str:
    """First 16 hex digits of the SHA-256 of a file's content."""
    digest = hashlib.sha256()
    # an object for the file and larger blocks would take longer than hashing a small file
    handle = os.open(path, os.O_RDONLY)
    try:
        while block := os.read(handle, _BLOCK):
            digest.update(block)
    finally:
        os.close(handle)
    return digest.hexdigest()[:16]


def bytes_digest(data: bytes) -> str:
    """First 16 hex digits of the SHA-256 of `data`, equal to `file_digest` of a file of it."""
    return hashlib.sha256(data).hexdigest()[:16]


def text_digest(text: str) -> str:
    """First 16 hex digits of the SHA-256 of a text in UTF-8."""
    return bytes_digest(text.encode())


def file_state(name: str) -> list[int]:
    """Size, times (ns) and inode of a file; one of them changes whenever its content does.

    Raises:
        OSError: the file does not exist.
    """
    return _state(os.stat(name))  # noqa: PTH116 as a Path it would take twice as long


def _state(stat: os.stat_result) -> list[int]:
    return [stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino]


def _entry(name: str, known: Entry | None) -> Entry:
    """Return the cache entry of a file; `known` if its state is still the same."""
    try:
        stat = os.stat(name)  # noqa: PTH116
    except OSError:
        return ["absent"]
    state = _state(stat)
    if known is not None and known[:-1] == state:
        return known
    if not S_ISREG(stat.st_mode) and not S_ISDIR(stat.st_mode):
        raise UserError(
            f"{name}: cannot be read (not a regular file); put a readable file in its place"
        )
    try:
        return [*state, file_digest(name)]
    except OSError as error:
        raise UserError(
            f"{name}: cannot be read ({error.strerror}); put a readable file in its place"
        ) from error


def _read_cache(path: Path) -> dict[str, Entry]:
    try:
        stat = path.stat()
        return _parsed(path, stat.st_mtime_ns, stat.st_ino) if path.is_file() else {}
    except (OSError, ValueError, AttributeError, RecursionError):
        return {}


@lru_cache(1)
def _parsed(path: Path, *_state: int) -> dict[str, Entry]:
    """Parse a cache file, once per state."""
    found = json.loads(path.read_text(encoding="utf-8"))
    return {name: entry for name, entry in found.items() if _is_entry(entry)}


def _is_entry(entry: object) -> bool:
    """True if a value is of the types of an `Entry`."""
    return isinstance(entry, list) and [*map(type, entry)] in _ENTRIES


@cache
def _module(name: str) -> tuple[str, tuple[str, ...]]:
    """Digest of a module's syntax tree, and the modules of this package that it imports."""
    file = _file(name)
    if file is None:
        raise ModuleNotFoundError(name)
    tree = ast.parse(file.read_bytes())
    nodes = list(ast.walk(tree))
    imported = {m for node in nodes for m in _imported(node) if _file(m) is not None}
    for node in nodes:
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


def _root() -> Path:
    return Path(__file__).parents[1]
