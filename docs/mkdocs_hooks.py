"""Pages of the documentation that are generated, and links as they are on the site.

MkDocs calls these functions (`hooks` in `mkdocs.yml`). Generated are the home page from the README,
the page of keys from the schema of the configuration, and that of commands from their parsers.
"""

import argparse
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from wsss.cli import TOOLS
from wsss.config.schema import schema
from wsss.pipeline import STAGES

ROOT = Path(__file__).parents[1]
METHODS = "# Methods\n\nFacts of the official code, and where this project differs.\n\n"
FROM_ROOT = {
    "index.md": "README.md",
    "changelog.md": "CHANGELOG.md",
    "contributing.md": "CONTRIBUTING.md",
}
"""Pages of the site, and the files of the project that they are made from."""
PAGES = {file: page for page, file in FROM_ROOT.items()} | {"docs/methods": "methods/index.md"}
LINK = re.compile(r"\[(?P<text>[^\]\n]+)\]\((?P<target>[^)#\s]*)(?P<anchor>#[^)\s]*)?\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages."""
    pages = {page: (ROOT / name).read_text("utf-8") for page, name in FROM_ROOT.items()}
    pages["keys.md"] = "\n".join(keys())
    pages["commands.md"] = "\n".join(commands())
    pages["methods/index.md"] = METHODS + "\n".join(methods())
    for name, text in pages.items():
        files.append(File.generated(config, name, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001
    """Let links lead to pages of the site, and name files of the project that it has not."""
    folder = Path(page.file.src_uri).parent
    outside = page.file.src_uri in FROM_ROOT

    def link(found: re.Match[str]) -> str:
        text, target, anchor = found["text"], found["target"], found["anchor"] or ""
        if ":" in target or not target:
            return found[0]
        path = (ROOT / target if outside else ROOT / "docs" / folder / target).resolve()
        name = path.relative_to(ROOT).as_posix()
        ours = {file: page for page, file in FROM_ROOT.items()} | {
            "docs/methods": "methods/index.md"
        }
        own = ours.get(name) or (name.removeprefix("docs/") if name.startswith("docs/") else "")
        if not own:
            return text if text.startswith("`") else f"{text} (`{name}`)"
        return f"[{text}]({'../' * len(folder.parts)}{own}{anchor})"

    return LINK.sub(link, markdown)


def keys() -> Iterator[str]:
    """Yield the lines of the page of keys."""
    yield "# Keys of the configuration\n"
    yield "Every key with its default, as `wsss schema` has them for editors.\n"
    whole = schema()
    yield from _section("", whole, whole["$defs"])


def _section(path: str, section: dict[str, Any], known: dict[str, Any]) -> Iterator[str]:
    """Yield the table of the keys of a section, and then its sections."""
    below = []
    if path:
        yield f"\n## `{path}`\n\n{section.get('description', '')}\n"
    yield "| key | values | default | meaning |\n|---|---|---|---|"
    for name, key in section.get("properties", {}).items():
        inner = _inner(key, known)
        if inner is not None:
            below.append((f"{path}.{name}".lstrip("."), inner))
        meaning = key.get("description") or (inner or {}).get("description", "")
        default = "" if inner is not None else _code(key.get("default", ""))
        yield f"| `{name}` | {_values(key, inner)} | {default} | {_cell(meaning)} |"
    for name, inner in below:
        yield from _section(name, inner, known)


def _inner(key: dict[str, Any], known: dict[str, Any]) -> dict[str, Any] | None:
    """Return the section that a key holds, None for a plain value."""
    for one in (key, *key.get("anyOf", ())):
        if "$ref" in one:
            return known[one["$ref"].rpartition("/")[2]]
    return None


def _values(key: dict[str, Any], inner: dict[str, Any] | None) -> str:
    """Describe the values that a key can have."""
    if inner is not None:
        return "a section" if "anyOf" not in key else "a section or `null`"
    if "enum" in key:
        return ", ".join(_code(value) for value in key["enum"])
    if "const" in key:
        return _code(key["const"])
    if "anyOf" in key:
        return " or ".join(_values(one, None) for one in key["anyOf"])
    bounds = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    limits = [f"{sign} {key[name]}" for name, sign in bounds.items() if name in key]
    return ", ".join(
        [_code(None) if key.get("type") == "null" else key.get("type", "any"), *limits]
    )


def _code(value: Any) -> str:  # noqa: ANN401
    """Show a value as YAML has it."""
    if value == "" or value is None:
        return "`null`" if value is None else ""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f"`{text}`"


def _cell(text: str) -> str:
    """Return a text that fits a cell of a table."""
    return " ".join(text.replace("``", "`").replace("|", "\\|").split())


def commands() -> Iterator[str]:
    """Yield the lines of the page of commands."""
    yield "# Commands\n\nAs `wsss <command> --help` prints them."
    for title, names in (("Commands", TOOLS), ("Stages, which the workflow calls", tuple(STAGES))):
        yield f"\n## {title}\n"
        for name in names:
            command = name.replace("_", "-")
            stage = import_module(f"wsss.stages.{name}")
            parser = argparse.ArgumentParser(
                f"wsss {command}",
                description=stage.__doc__,
                formatter_class=lambda prog: argparse.HelpFormatter(prog, width=90),
            )
            stage.add_arguments(parser)
            yield f"\n### {command}\n\n```text\n{parser.format_help().rstrip()}\n```"


def methods() -> Iterator[str]:
    """Yield the list of the pages of methods."""
    for path in sorted((ROOT / "docs/methods").glob("*.md")):
        title = path.read_text("utf-8").partition("\n")[0].lstrip("# ")
        yield f"* [{title}]({path.name})"
