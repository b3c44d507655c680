"""The real ImageNet MobileNetV2, where it is at hand, and a writer of MXNet files."""

import os
import struct
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


HEADERS = {
    "legacy": lambda shape: struct.pack(f"<{1 + len(shape)}I", len(shape), *shape),
    "v1": lambda shape: struct.pack(f"<2I{len(shape)}q", 0xF993FAC8, len(shape), *shape),
    "v2": lambda shape: struct.pack(f"<IiI{len(shape)}q", 0xF993FAC9, 0, len(shape), *shape),
}


@pytest.fixture(scope="session")
def params_file():
    """`params_file(arrays, layout) -> bytes` of an MXNet file of float32 arrays."""

    def write(arrays, layout="legacy"):
        parts = [struct.pack("<3Q", 0x112, 0, len(arrays))]
        for array in arrays.values():
            parts += [HEADERS[layout](array.shape), struct.pack("<3i", 1, 0, 0), array.tobytes()]
        parts.append(struct.pack("<Q", len(arrays)))
        parts += [struct.pack("<Q", len(name)) + name.encode() for name in arrays]
        return b"".join(parts)

    return write
