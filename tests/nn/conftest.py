"""The real ImageNet MobileNetV2, where it is at hand."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def imagenet_mobilenet():
    folder = ROOT / os.environ.get("WSSS_SHARED", "../shared")
    path = folder / "weights" / "mobilenet_v2-imagenet.pth"
    if not path.exists():
        pytest.skip("no mobilenet_v2-imagenet.pth under $WSSS_SHARED/weights")
    return path
