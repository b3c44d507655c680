"""A job imports what its stage uses, since imports cost up to seconds of CPU time."""

import subprocess
import sys

import pytest

NETWORKS = ("torch", "torchvision", "lightning_fabric", "timm", "scipy")
UNUSED = {
    **dict.fromkeys(
        (
            "prepare_data",
            "prepare_masks",
            "evaluate",
            "refine_crf",
            "stitch_masks",
            "report",
            "gather_parts",
        ),
        NETWORKS,
    ),
    **dict.fromkeys(
        ("infer_cam", "infer_segmenter", "random_walk", "predict"),
        ("torchvision", "lightning_fabric", "timm", "scipy", "pandas", "torch._dynamo"),
    ),
    **dict.fromkeys(
        ("train_cam", "train_affinity", "train_segmenter", "convert_weights"),
        ("torchvision", "timm", "scipy"),
    ),
}
"""Stage -> packages that it must not import before it has read its files."""


@pytest.mark.parametrize("stage", UNUSED)
def test_a_stage_imports_nothing_it_does_not_use(stage):
    code = f"import sys, wsss.stages.{stage}; print(*sys.modules)"
    run = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=120
    )
    assert not set(run.stdout.split()) & set(UNUSED[stage])


@pytest.mark.parametrize(("name", "imported"), [("tiny", False), ("mobilenet_v2", True)])
def test_torchvision_is_imported_for_its_backbones_alone(name, imported):
    code = f"import sys; from wsss.nn.backbones import build; build({name!r}); print(*sys.modules)"
    run = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=120
    )
    assert ("torchvision" in run.stdout.split()) == imported
