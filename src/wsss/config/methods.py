"""The options of each method, read from its file without importing torch.

A method is one file in `wsss/methods`; its options are the class `<Name>Params` in it. The
workflow's driver and `--help` need them within milliseconds, hence only that class and the
imports it can need are executed here.
"""

import ast
from pathlib import Path

from wsss.config.section import Section

FOLDER = Path(__file__).parents[1] / "methods"
_LIGHT = ("typing", "pydantic", "wsss.config.section")


def method_names() -> tuple[str, ...]:
    """Return the names of the methods: the files in the folder."""
    return tuple(sorted(p.stem for p in FOLDER.glob("*.py") if p.stem not in ("__init__", "base")))


def method_params() -> dict[str, type[Section]]:
    """Return the options class of every method."""
    return {name: _params_class(FOLDER / f"{name}.py") for name in method_names()}


def _params_class(path: Path) -> type[Section]:
    kept = [node for node in ast.parse(path.read_text(encoding="utf-8")).body if _kept(node)]
    # the real file name lets pydantic find the attribute docstrings
    code = compile(ast.Module(kept, []), path, "exec")
    namespace: dict = {"__name__": f"wsss.methods.{path.stem}"}
    exec(code, namespace)
    return namespace[kept[-1].name]


def _kept(node: ast.stmt) -> bool:
    if isinstance(node, ast.ImportFrom):
        return node.module in _LIGHT
    return isinstance(node, ast.ClassDef) and node.name.endswith("Params")
