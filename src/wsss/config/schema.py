"""JSON schema of the configuration, for editors: completion, types and descriptions."""

import ast
import json
from collections.abc import Iterator
from importlib.util import find_spec
from inspect import cleandoc
from itertools import pairwise
from pathlib import Path
from typing import Any

from wsss.config.model import Config
from wsss.config.section import Section

PATH = Path(__file__).with_name("schema.json")


def schema() -> dict[str, Any]:
    """Return the JSON schema of the whole configuration file."""
    found = Config.model_json_schema()
    entries = {Config.__name__: found, **found["$defs"]}
    for section in _subclasses(Section):
        if entry := entries.get(section.__name__):
            for key, text in descriptions(section).items():
                entry["properties"][key]["description"] = text
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **found}


def schema_text() -> str:
    """Return the schema as it is kept in `config/schema.json`."""
    return json.dumps(schema(), indent=2) + "\n"


def descriptions(section: type[Section]) -> dict[str, str]:
    """Return the docstrings of the keys of a section, which stand below them in its source.

    Pydantic can collect them itself, but would read the source in every process that imports it.
    """
    found: dict[str, str] = {}
    for base in reversed(section.__mro__):
        if issubclass(base, Section):
            found |= dict(_docstrings(base))
    return {key: text for key, text in found.items() if key in section.model_fields}


def _docstrings(section: type[Section]) -> Iterator[tuple[str, str]]:
    spec = find_spec(section.__module__)
    assert spec and spec.origin
    body = ast.parse(Path(spec.origin).read_text(encoding="utf-8")).body
    classes = {node.name: node.body for node in body if isinstance(node, ast.ClassDef)}
    # a section that is made of others at run time has no source
    for key, text in pairwise(classes.get(section.__name__, [])):
        match key, text:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(docstring))),
            ):
                yield name, cleandoc(docstring)


def _subclasses(section: type[Section]) -> Iterator[type[Section]]:
    for own in section.__subclasses__():
        yield own
        yield from _subclasses(own)
