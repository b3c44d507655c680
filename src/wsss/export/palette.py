"""Palette PNGs: the values are the labels, the colours those of PASCAL VOC."""

from pathlib import Path

from wsss.export.archive import write_files
from wsss.export.label_maps import LabelMaps
from wsss.io.labels import encode_labels


def write(label_maps: LabelMaps, out: Path) -> None:
    """Write `<image id>.png` into a folder, or a zip or tar by the suffix of `out`.

    Colours are distinct for up to 254 classes; ignored pixels keep the value 255.

    Raises:
        UserError: a label map is damaged, or `out` cannot be written.
    """
    write_files(out, ((f"{p.image_id}.png", encode_labels(labels)) for p, labels in label_maps))
