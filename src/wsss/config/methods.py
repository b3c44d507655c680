"""Options of the methods, read from their files without importing torch.

A method is one file in `wsss/methods`; its options are the class `<Name>Params` in it. The
workflow's driver and `--help` need them within milliseconds, hence only that class and the
statements that it needs are executed here; `wsss.methods.base` says which they may be.
"""

import ast
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from wsss.config.section import MethodParams, Section

FOLDER = Path(__file__).parents[1] / "methods"
_NO_METHODS = ("__init__", "base", "combo")
_TAKEN = ("train", "infer", "checkpoint", "options", *dir(Section))
_LIGHT = ("pydantic", "wsss.config", "wsss.errors")


@dataclass(frozen=True)
class Registry:
    """The methods in the folder.

    Attributes:
        params: options class of every sound method, by its name.
        faults: mistake in the file of every other method, one line each.
    """

    params: Mapping[str, type[MethodParams]]
    faults: Mapping[str, str]

    def check(self, method: str) -> str:
        """Return the name of a method or of a combination that can be trained.

        Raises:
            ValueError: a part is unknown, has a mistake in its file, occurs twice, or cannot be
                added to another method.
        """
        base, *addons = names = parts(method)
        for name in names:
            if name in self.faults:
                raise ValueError(self.faults[name])
            if name not in self.params:
                raise ValueError(f"unknown method {name!r}; known: {', '.join(self.params)}")
        if len(set(names)) < len(names):
            raise ValueError("a method cannot be combined with itself")
        if addons and not self.params[base].trained:
            raise ValueError(f"{base} is not trained, hence nothing can be added to it")
        able = ", ".join(name for name, params in self.params.items() if params.addon)
        for name in addons:
            if not self.params[name].addon:
                raise ValueError(f"{name} cannot be added to {base}; what can: {able or 'none'}")
        return method


def method_names(folder: Path = FOLDER) -> tuple[str, ...]:
    """Return the names of the methods: the files in the folder but those with a leading _."""
    names = (path.stem for path in folder.glob("*.py") if not path.stem.startswith("_"))
    return tuple(sorted(name for name in names if name not in _NO_METHODS))


def read_methods(folder: Path = FOLDER) -> Registry:
    """Read the options of every method; a mistake in a file is kept for those who use it."""
    params, faults = {}, {}
    for name in method_names(folder):
        path = folder / f"{name}.py"
        try:
            params[name] = _params_class(path)
        except Exception as error:  # the file may do anything
            faults[name] = f"{path}: {mistake(path, error)}"
    return Registry(params, faults)


def parts(method: str) -> list[str]:
    """Return the methods that a combination such as ``psa+eader`` is made of."""
    return method.split("+")


def mistake(path: Path, error: BaseException) -> str:
    """Return an error in a method's file as one line, with its place and the remedy."""
    if isinstance(error, SyntaxError):
        line = error.lineno
    else:
        trace, line = error.__traceback__, None
        while trace is not None:
            line = trace.tb_lineno if trace.tb_frame.f_code.co_filename == str(path) else line
            trace = trace.tb_next
    place = f"line {line}: " if line else ""
    text = error.msg if isinstance(error, SyntaxError) else " ".join(str(error).split())
    remedy = "mend it as wsss/methods/base.py describes, or remove the file"
    return f"{place}{type(error).__name__}: {text:.300}; {remedy}"


def _params_class(path: Path) -> type[MethodParams]:
    """Execute the options class of a method's file; return it.

    Raises:
        ValueError: the file has no such class, an option without a default, or a method that
            lacks a function.
        Exception: what executing the class raises.
    """
    if not path.stem.isidentifier() or path.stem in _TAKEN:
        raise ValueError(f"a method cannot be called {path.stem}")
    body = ast.parse(path.read_text(encoding="utf-8"), path).body
    classes = [n for n in body if isinstance(n, ast.ClassDef) and n.name.endswith("Params")]
    if len(classes) != 1:
        raise ValueError(f"needs one class ...Params(MethodParams), has {len(classes)}")
    code = compile(ast.Module(_needed(body, classes[0]), []), path, "exec")
    with _module(f"wsss.methods.{path.stem}", path) as namespace:
        exec(code, namespace)
    params: object = namespace[classes[0].name]
    if not (isinstance(params, type) and issubclass(params, MethodParams)):
        raise ValueError(f"{classes[0].name} has to be a subclass of MethodParams")
    params.model_rebuild(_types_namespace=namespace)
    params()  # every option has a default
    _check_written(body, params.trained)
    return params


def _check_written(body: list[ast.stmt], trained: bool) -> None:
    """Raise a ValueError if the method lacks a function that its base class has no default for."""
    needed = {"build", "cam", "forward" if trained else "published"}
    for node in body:
        if isinstance(node, ast.ClassDef) and _names(ast.Tuple(node.bases)) == {"Method"}:
            missing = needed - {name for inner in node.body for name in _bound(inner)}
            if missing:
                raise ValueError(f"{node.name} has no {', '.join(sorted(missing))}")


@contextmanager
def _module(name: str, path: Path) -> Iterator[dict[str, Any]]:
    """Yield the namespace of an empty module of a file, in which pydantic finds its types."""
    module = ModuleType(name)
    module.__file__ = str(path)
    imported = sys.modules.get(name)
    sys.modules[name] = imported or module
    try:
        yield vars(module)
    finally:
        if not imported:
            del sys.modules[name]


def _needed(body: list[ast.stmt], params: ast.ClassDef) -> list[ast.stmt]:
    """Return the light imports and the definitions that the options class uses, directly or not."""
    kept: list[ast.stmt] = [params, *(node for node in body if _is_light(node))]
    names = _names(params)
    found = True
    while found:
        found = False
        for node in body:
            if node not in kept and names & set(_bound(node)):
                kept.append(node)
                names |= _names(node)
                found = True
    return [node for node in body if node in kept]


def _names(node: ast.AST) -> set[str]:
    """Return the names that a statement uses."""
    return {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}


def _bound(node: ast.stmt) -> Iterator[str]:
    """Yield the names that a statement of the module defines; none for imports."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        yield from (name for target in targets for name in _names(target))


def _is_light(node: ast.stmt) -> bool:
    """Return True for an import from the standard library, pydantic or the configuration."""
    if isinstance(node, ast.Import):
        modules = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        modules = [node.module or ""]
    else:
        return False
    return all(
        module.partition(".")[0] in sys.stdlib_module_names
        or any(module == light or module.startswith(f"{light}.") for light in _LIGHT)
        for module in modules
    )
