"""The documentation as a site."""

import json
import os
import re
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

from wsss.cli import commands

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def hooks():
    spec = spec_from_file_location("site_hooks", ROOT / "docs/mkdocs_hooks.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_key_has_a_line_with_its_meaning(hooks):
    text = "\n".join(hooks.keys())
    schema = json.loads((ROOT / "src/wsss/config/schema.json").read_text())
    sections = [schema, *schema["$defs"].values()]
    for name in {name for section in sections for name in section.get("properties", {})}:
        assert re.search(rf"^\| `{name}` \|.*\| \S.* \|$", text, re.MULTILINE), name
    assert "| `alphas` |" in text and "\n## `segment.train.early_stopping`\n" in text


def test_every_command_has_its_options(hooks):
    text = "\n".join(hooks.commands())
    for command in commands():
        assert f"\n### {command.replace('_', '-')}\n\n```text\nusage: wsss" in text


@pytest.mark.slow
def test_the_site_is_built_without_a_warning(tmp_path):
    command = ["build", "--strict", "--site-dir", str(tmp_path)]
    job = subprocess.run(
        [Path(sys.executable).with_name("mkdocs"), *command],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        check=False,
    )
    assert job.returncode == 0, job.stderr
    assert "WARNING" not in job.stderr
    home = (tmp_path / "index.html").read_text()
    assert 'href="how-to.html"' in home and 'href="methods/psa.html"' in home
