"""The options of each method, read from its file without importing torch.

A method is one file in `wsss/methods`; its options are the class `<Name>Params` in it. The
workflow's driver and `--help` need them within milliseconds, hence only that class and the
imports it can need are executed here.
"""

import ast
from pathlib import Path

from wsss.config.section import MethodParams
from wsss.errors import UserError

FOLDER = Path(__file__).parents[1] / "methods"
_LIGHT = ("collections.abc", "typing", "pydantic", "wsss.config.section", "wsss.config.training")
_NO_METHODS = ("__init__", "base", "combo")


def method_names() -> tuple[str, ...]:
    """Return the names of the methods: the files in the folder."""
    return tuple(sorted(p.stem for p in FOLDER.glob("*.py") if p.stem not in _NO_METHODS))


def method_params() -> dict[str, type[MethodParams]]:
    """Return the options class of every method."""
    return {name: _params_class(FOLDER / f"{name}.py") for name in method_names()}


def parts(method: str) -> list[str]:
    """Return the methods that a combination such as ``psa+eader`` is made of."""
    return method.split("+")


def check(method: str, known: dict[str, type[MethodParams]]) -> str:
    """Return the name of a method or of a combination, if it can be trained.

    Raises:
        ValueError: A part is unknown, stands twice, or cannot stand behind a ``+``.
    """
    base, *addons = names = parts(method)
    for name in names:
        if name not in known:
            raise ValueError(f"unknown method {name!r}; known: {', '.join(known)}")
    if len(set(names)) < len(names):
        raise ValueError("a method cannot be combined with itself")
    able = ", ".join(name for name, params in known.items() if params.addon)
    for name in addons:
        if not known[name].addon:
            raise ValueError(f"{name} cannot be added to {base}; what can: {able or 'none'}")
    return method


def _params_class(path: Path) -> type[MethodParams]:
    try:
        kept = [node for node in ast.parse(path.read_text(encoding="utf-8")).body if _kept(node)]
        # the real file name lets pydantic find the attribute docstrings
        code = compile(ast.Module(kept, []), path, "exec")
        namespace: dict = {"__name__": f"wsss.methods.{path.stem}"}
        exec(code, namespace)
        (params,) = (namespace[node.name] for node in kept if isinstance(node, ast.ClassDef))
    except Exception as error:
        raise UserError(
            f"{path}: needs one class ...Params(MethodParams), which may use nothing but typing, "
            f"collections.abc, pydantic, wsss.config.section and wsss.config.training ({error})"
        ) from error
    return params


def _kept(node: ast.stmt) -> bool:
    if isinstance(node, ast.ImportFrom):
        return node.module in _LIGHT
    return isinstance(node, ast.ClassDef) and node.name.endswith("Params")
