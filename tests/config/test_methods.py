import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.methods.cases import NEWCOMER
from wsss.config.methods import read_methods

ROOT = Path(__file__).parents[2]

SOUND = """
from __future__ import annotations
import torch
from wsss.config.crf import PostCrf
from wsss.config.section import MethodParams

RATES = (1, 2)
LONGEST = max(RATES)


class Names(MethodParams):
    depth: int = LONGEST


class FooParams(MethodParams):
    crf: PostCrf = PostCrf(iterations=LONGEST)
    names: Names = Names()


class Foo(torch.nn.Module):
    pass
"""


@pytest.fixture
def read(tmp_path):
    def read(text, name="foo"):
        (tmp_path / f"{name}.py").write_text(text)
        return read_methods(tmp_path)

    return read


def test_options_may_use_constants_classes_and_the_configuration(read):
    found = read(SOUND)
    assert not found.faults
    assert (found.params["foo"]().crf.iterations, found.params["foo"]().names.depth) == (2, 2)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("class FooParams(:", "line 1: SyntaxError: "),
        ("X = 1", "needs one class ...Params(MethodParams), has 0"),
        ("class FooParams: pass", "FooParams has to be a subclass of MethodParams"),
        (SOUND.replace("LONGEST = max", "LONGEST = torch.max"), "'torch' is not defined"),
        (SOUND.replace("depth: int = LONGEST", "depth: int"), "depth Field required"),
        (NEWCOMER.replace("def forward", "def forwrd"), "ValueError: Peak has no forward; mend"),
    ],
)
def test_a_mistake_is_one_line_with_file_and_remedy(read, text, fault, tmp_path):
    found = read(text)
    line = found.faults["foo"]
    assert line.startswith(f"{tmp_path}/foo.py: ") and fault in line and "\n" not in line
    assert line.endswith("mend it as wsss/methods/base.py describes, or remove the file")
    with pytest.raises(ValueError, match=r"foo\.py"):
        found.check("foo")


@pytest.mark.parametrize("name", ["train", "model_copy", "two-words"])
def test_a_name_that_means_something_else_is_refused(read, name):
    assert f"a method cannot be called {name}" in read(SOUND, name).faults[name]


def test_a_file_with_an_underscore_is_no_method(read):
    found = read(SOUND, "_shared")
    assert not found.params and not found.faults


@pytest.fixture
def copied(tmp_path):
    """Run Python in a copy of the project, with a file of a method in it."""

    def run(content):
        for name in ("src", "tests", "configs", "docs"):
            shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("*.pyc"))
        for name in ("config.yaml", "pyproject.toml", "README.md"):
            shutil.copy(ROOT / name, tmp_path)
        (tmp_path / "src/wsss/methods/peak.py").write_text(content)
        return lambda *arguments: subprocess.run(
            [sys.executable, *arguments],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(tmp_path / "src")},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_a_broken_file_stops_only_those_who_use_it(copied, tmp_path):
    python = copied("class PeakParams(:")
    (tmp_path / "mine.yaml").write_text("method: peak")
    (tmp_path / "cam.yaml").write_text("cam: {peak: {dropout: 0}}")
    assert python("-m", "wsss", "--help").returncode == 0
    load = "from wsss.config.resolve import load, runs; assert runs(load({}))"
    assert python("-c", load).returncode == 0
    for file in ("mine.yaml", "cam.yaml"):
        done = python("-m", "wsss", "check", file)
        (line,) = done.stderr.strip().splitlines()
        assert done.returncode == 2 and "methods/peak.py: line 1: SyntaxError" in line


@pytest.mark.long
@pytest.mark.slow
def test_with_a_correct_file_the_suite_passes(copied):
    python = copied(NEWCOMER)
    of_config = ["tests/config", "--deselect", "tests/config/test_methods.py"]
    for tests in (of_config, ["tests/methods", "-k", "peak"]):
        done = python("-m", "pytest", "-q", "-p", "no:cacheprovider", *tests)
        assert done.returncode == 0, done.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("from wsss.nn.camnet", "from wsss.nn.cam_net", "line 6: ModuleNotFoundError"),
        ("    Params = PeakParams\n", "", "needs one class ...(Method) with its Params"),
    ],
)
def test_a_mistake_in_the_network_is_one_line(copied, old, new, fault):
    assert old in NEWCOMER
    python = copied(NEWCOMER.replace(old, new))
    get = """
from wsss import methods
from wsss.errors import UserError
try:
    methods.get("peak")
except UserError as error:
    print(error)
"""
    (line,) = python("-c", get).stdout.splitlines()
    assert "methods/peak.py: " in line and fault in line
