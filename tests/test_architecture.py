import ast
from pathlib import Path

import pytest

import wsss

ROOT = Path(wsss.__file__).parent
TREE = (
    "errors files names runnames",
    "products",
    "dataset_stages",
    "pipeline",
    "system config",
    "io",
    "plan",
    "ops demo fetch",
    "losses nn",
    "data metrics",
    "tiles",
    "methods tasks engine report export planning",
    "workflow",
    "stages",
    "cli",
    "__main__",
)
"""The packages, floor by floor."""
FLOORS = {name: floor for floor, names in enumerate(TREE) for name in names.split()}
FILES = sorted(ROOT.rglob("*.py"))


def package(path):
    return path.relative_to(ROOT).with_suffix("").parts[0]


class WithoutTypes(ast.NodeTransformer):
    """Leave out imports for the type checker alone; nothing runs them."""

    def visit_If(self, node):
        only_types = isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        return node.orelse if only_types else self.generic_visit(node)


def imported(path):
    for node in ast.walk(WithoutTypes().visit(ast.parse(path.read_text(encoding="utf-8")))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("wsss"):
            base = node.module.split(".")[1:] or [alias.name for alias in node.names]
            yield base[0]


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_nobody_imports_upwards_or_sideways(path):
    own = package(path)
    for other in imported(path):
        allowed = other in (own, "__version__") or FLOORS[other] < FLOORS.get(own, 9)
        assert allowed, f"{own} imports {other}"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_reader_needs_one_screen(path):
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= 350
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            assert node.end_lineno - node.lineno < 60, node.name
