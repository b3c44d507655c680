"""Grey PNGs whose values are the labels, for tools that do not read palettes."""

import io
from pathlib import Path

import numpy as np
from PIL import Image

from wsss.export.archive import write_files
from wsss.export.label_maps import LabelMaps


def write(label_maps: LabelMaps, out: Path) -> None:
    """Write `<image id>.png` into a folder, or a zip or tar by the suffix of `out`.

    Ignored pixels keep the value 255.

    Raises:
        UserError: a label map is damaged, or `out` cannot be written.
    """
    write_files(out, ((f"{p.image_id}.png", png(labels)) for p, labels in label_maps))


def png(image: np.ndarray) -> bytes:
    """Encode a grey (H, W) or RGB (H, W, 3) uint8 image as a PNG."""
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(image)).save(buffer, "PNG")
    return buffer.getvalue()
