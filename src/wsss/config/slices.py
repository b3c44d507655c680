"""Which keys of the configuration each stage may see.

The slice of a stage travels to it as canonical JSON and is the only configuration it gets, so
nothing that Snakemake does not compare can influence a result.
"""

import json
from types import SimpleNamespace
from typing import Any

from wsss.config.methods import parts
from wsss.config.model import Run
from wsss.config.resolve import load
from wsss.config.section import Section
from wsss.errors import UserError

_FETCHED = tuple(f"dataset.{key}" for key in ("source", "root", "splits", "download", "augment"))
_SOURCE = (*_FETCHED, "dataset.labels", "dataset.classes", "dataset.coco")
_DATASET = (*_SOURCE, "dataset.labels_from", "dataset.tiles")
_NETWORK = ("backbone.name", "backbone.output_stride", "seed")

STAGES: dict[str, tuple[str, ...]] = {
    "make_demo": ("dataset.demo",),
    "fetch_data": _FETCHED,
    "convert_masks": _SOURCE,
    "make_tiles": _DATASET,
    "prepare_data": _DATASET,
    "prepare_masks": _DATASET,
    "convert_weights": (),
    "train_cam": (*_NETWORK, "backbone.freeze", "method", "cam.train", "cam.{method}"),
    "make_boundaries": (),
    "infer_cam": ("cam.infer",),
    "refine_crf": ("crf",),
    "train_affinity": (*_NETWORK, "affinity", "crf.alphas"),
    "random_walk": ("walk",),
    "train_segmenter": (
        *_NETWORK,
        "segment.segmenter",
        "segment.backbone",
        "segment.{segmenter}",
        "segment.train",
    ),
    "infer_segmenter": ("segment.infer",),
    "segment_whole": ("segment.infer",),
    "stitch_masks": (),
    "evaluate": ("evaluate",),
    "report": (),
}
"""Stage -> dotted keys; `{method}` stands for each part of the run's method, `{segmenter}` for the
run's segmenter."""


def canonical(value: object) -> str:
    """Return JSON with sorted keys; equal values give equal text.

    Raises:
        ValueError, TypeError: JSON cannot hold the value, hence it could not be compared.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def slice_json(stage: str, config: Run) -> str:
    """Return the slice of `config` that `stage` may see, as canonical JSON; unread keys at rest."""
    whole = config.effective().model_dump(mode="json")
    chosen: dict[str, Any] = {}
    head = config.segment.segmenter
    keys = [
        key.format(method=m, segmenter=head) for key in STAGES[stage] for m in parts(config.method)
    ]
    for key in dict.fromkeys(keys):
        *parents, last = key.split(".")
        source, target = whole, chosen
        for part in parents:
            source, target = source[part], target.setdefault(part, {})
        target[last] = source[last]
    return canonical(chosen)


def read_slice(text: str) -> SimpleNamespace:
    """Return the validated slice in `text`; a key outside the slice is an AttributeError.

    Raises:
        UserError: the text is not a valid part of the configuration.
    """
    try:
        raw = json.loads(text)
    except json.JSONDecodeError as error:
        raise UserError(f"--config: not JSON ({error})") from error
    return _only(load(raw), raw)


def _only(section: object, raw: object) -> object:
    """Return the part of `section` that `raw` names; complete sections as they are."""
    if not isinstance(section, Section) or set(raw) == set(type(section).model_fields):
        return section
    return SimpleNamespace(**{key: _only(getattr(section, key), raw[key]) for key in raw})
