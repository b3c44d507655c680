"""Label Studio tasks with brush predictions, and their labelling configuration.

Source: Label Studio's documentation of pre-annotations and of the tag BrushLabels,
https://labelstud.io.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

import numpy as np

from wsss import __version__
from wsss.errors import UserError
from wsss.export.archive import refuse_folder
from wsss.export.label_maps import REMEDY, ImageFile, LabelMaps
from wsss.io import brush
from wsss.io.atomic import write_text
from wsss.io.labels import IGNORE, palette
from wsss.io.progress import log

URL = "/data/local-files/?d="
"""URL prefix of files below Label Studio's root of local files."""

MODEL_VERSION = f"wsss {__version__}"

_HEAD = "<View>"


def write(
    label_maps: LabelMaps,
    out: Path,
    url: str = URL,
    from_name: str = "label",
    to_name: str = "image",
    model_version: str = MODEL_VERSION,
    score: float | None = None,
) -> None:
    """Write the tasks to `out` and the labelling configuration beside it, with suffix `.xml`.

    Ignored pixels belong to no brush mask.

    Args:
        label_maps: the label maps.
        out: JSON file.
        url: prefix of the percent-encoded file names of images.
        from_name: name of the tag BrushLabels.
        to_name: name of the tag Image, and the key of its URL in a task.
        model_version: name of the predictions in Label Studio.
        score: confidence 0..1 that Label Studio sorts by, the same for all; None = omitted.

    Raises:
        UserError: a label map is damaged, `out` has the suffix `.xml` or cannot be written, or
            the names of the tags are invalid.
    """
    # options
    refuse_folder(out)
    if out.suffix == ".xml":
        raise UserError(
            f"{out}: the tasks are JSON; the configuration is written to .xml beside them"
        )
    beside = out.with_suffix(".xml")
    if beside.exists() and not beside.read_bytes().startswith(_HEAD.encode()):
        raise UserError(
            f"{beside}: exists and is not a labelling configuration; name another --out"
        )
    if from_name == to_name or not to_name.isidentifier():
        raise UserError(
            f"tags {from_name!r}, {to_name!r}: must be two names, the second an identifier"
        )
    if label_maps.items[0].path is None:
        log.warning("URLs hold the image ids, without suffix; %s", REMEDY)
    # one task per image, one brush mask per class
    tags = {"type": "brushlabels", "from_name": from_name, "to_name": to_name}
    about: dict[str, str | float] = {"model_version": model_version}
    about |= {} if score is None else {"score": score}
    tasks = [
        {
            "data": {to_name: url + quote(item.file)},
            "predictions": [{**about, "result": _results(item, labels, tags, label_maps)}],
        }
        for item, labels in label_maps
    ]
    write_text(out, json.dumps(tasks, ensure_ascii=False, allow_nan=False) + "\n")
    write_text(beside, _configuration(label_maps.class_names, from_name, to_name))


def _results(
    item: ImageFile, labels: np.ndarray, tags: dict[str, str], label_maps: LabelMaps
) -> list[dict[str, Any]]:
    height, width = labels.shape
    present = np.flatnonzero(np.bincount(labels.ravel(), minlength=IGNORE)[:IGNORE])
    return [
        {
            "id": f"{item.image_id}-{label}",
            **tags,
            "original_width": width,
            "original_height": height,
            "image_rotation": 0,
            "value": {
                "format": "rle",
                "rle": brush.encode(labels == label),
                "brushlabels": [label_maps.class_names[label - 1]],
            },
        }
        for label in present[present > 0].tolist()
    ]


def _configuration(class_names: Sequence[str], from_name: str, to_name: str) -> str:
    image, brushes = quoteattr(to_name), quoteattr(from_name)
    rows = [
        f'    <Label value={quoteattr(name)} background="#{bytes(colour).hex()}"/>'
        for name, colour in zip(class_names, palette()[1:].tolist(), strict=False)
    ]
    return "\n".join(
        [
            _HEAD,
            f'  <Image name={image} value={quoteattr("$" + to_name)} zoom="true"/>',
            f"  <BrushLabels name={brushes} toName={image}>",
            *rows,
            "  </BrushLabels>",
            "</View>",
            "",
        ]
    )
