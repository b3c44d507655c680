"""A job imports what its stage uses, since imports cost up to seconds of CPU time."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from wsss.cli import commands

ROOT = Path(__file__).parents[1]
HEAVY = {
    "torch",
    "torch._dynamo",
    "torchvision",
    "lightning_fabric",
    "timm",
    "scipy",
    "pandas",
    "matplotlib",
    "numba",
}
"""Packages and modules that take a tenth of a second or more."""

NETWORKS = (
    "train_cam",
    "train_affinity",
    "train_irn",
    "train_segmenter",
    "embed_text",
    "prepare_cam",
    "evaluate_classifier",
    "infer_cam",
    "pack_classifier",
    "pack_segmenter",
    "infer_segmenter",
    "relabel",
    "segment_whole",
    "random_walk",
    "walk_irn",
    "sam_labels",
    "predict",
    "refine",
    "convert_weights",
    "verify",
)
OTHERS = tuple(name for name in commands() if name not in (*NETWORKS, "report"))


def imported(code):
    """The heavy modules that a Python process has after `code`."""
    run = subprocess.run(
        [sys.executable, "-c", f"import sys; {code}; print(*sys.modules)"],
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
    )
    return HEAVY & set(run.stdout.split())


@pytest.mark.parametrize(
    ("stages", "used"), [(OTHERS, set()), (NETWORKS, {"torch"}), (("report",), {"matplotlib"})]
)
def test_stages_import_nothing_they_do_not_use_before_they_have_read_their_files(stages, used):
    assert imported("import " + ", ".join(f"wsss.stages.{stage}" for stage in stages)) == used


def test_a_workflow_is_planned_without_the_packages_of_its_jobs():
    rules = (ROOT / "rules/common.smk").read_text()
    lines = re.findall("^ *(from wsss.* import .*)", rules.partition("configfile:")[0], re.M)
    assert "from wsss.plan.artifacts import Plan" in lines
    assert not imported("; ".join(lines))


def test_the_package_is_imported_at_once():
    before = "import sys, time; start = time.process_time(); import wsss; dir(wsss)"
    run = subprocess.run(
        [sys.executable, "-c", f"{before}; print(time.process_time() - start, *sys.modules)"],
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
    )
    seconds, *modules = run.stdout.split()
    assert float(seconds) < 0.05
    assert not (HEAVY | {"numpy", "pydantic", "PIL", "yaml"}) & set(modules)


@pytest.mark.parametrize(
    ("name", "used"), [("tiny", {"torch"}), ("mobilenet_v2", {"torch", "torchvision"})]
)
def test_torchvision_is_imported_for_its_backbones_alone(name, used):
    found = imported(f"from wsss.nn.backbones import build; build({name!r})")
    assert found - {"torch._dynamo"} == used


@pytest.mark.parametrize(("leaks", "looks"), [("", False), ("sys.modules['triton'] = sys; ", True)])
def test_a_job_looks_for_garbage_at_its_end_only_if_it_is_reported(leaks, looks):
    # registered first, hence called last
    end = "import atexit, gc, sys; atexit.register(lambda: print(len(gc.get_objects()) > 1000))"
    command = "from wsss.__main__ import main; sys.argv = ['wsss', 'verify', '--help']; main()"
    run = [sys.executable, "-c", f"{end}; {leaks}{command}"]
    out = subprocess.run(run, check=True, capture_output=True, text=True, timeout=120).stdout
    assert out.split()[-1] == str(looks)
