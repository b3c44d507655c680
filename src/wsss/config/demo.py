"""Recipe for the generated demo data: a tiny network with random weights, minutes on a CPU."""

from collections.abc import Collection, Mapping
from typing import Any

from wsss.config.merging import merge

_KERNEL = {"gaussian_sxy": 3, "bilateral_sxy": 80, "bilateral_srgb": 13, "bilateral_weight": 10}

DEMO: dict[str, Any] = {
    "jobs": 1,
    "backbone": {"name": "tiny", "weights": None},
    "cam": {
        "train": {
            "epochs": 18,
            "min_steps": 0,
            "batch_size": 16,
            "lr": 0.003,
            "head_lr_factor": 1,
            "crop": 128,
            "resize": [112, 160],
        },
        "infer": {"scales": [0.5, 1, 1.5]},
        "psa": {"dropout": 0.2},
        "eader": {"localizer_steps": 200, "adversary_steps": 200},
        "aeft": {"start": 14, "batch_size": 32},
    },
    "crf": {"alphas": [0.5, 4]},
    "affinity": {
        "train": {
            "epochs": 4,
            "min_steps": 0,
            "lr": 0.001,
            "head_lr_factor": 1,
            "crop": 128,
            "init": "cam",
        },
        "irn": {"train": {"epochs": 5, "min_steps": 0, "crop": 128, "init": "cam"}},
    },
    "walk": {"alpha": 1},
    "segment": {
        "deeplab_v3plus": {"width": 64, "rates": [6, 12, 18]},
        "train": {
            "epochs": 7,
            "min_steps": 0,
            "batch_size": 10,
            "lr": 0.001,
            "head_lr_factor": 1,
            "crop": 128,
        },
        "infer": {"crf": _KERNEL},
    },
    "evaluate": {"thresholds": [i / 50 for i in range(30)]},
}
"""Values that differ from the defaults, which are for photographs."""


def with_demo(raw: Mapping[str, Any], left_out: Collection[str]) -> Mapping[str, Any]:
    """Return a configuration laid over `DEMO` if its data set is the demo's, else itself.

    Args:
        raw: the user's keys.
        left_out: keys of `DEMO["cam"]` that are not used.
    """
    dataset = raw.get("dataset", {})
    source = dataset.get("source", "demo") if isinstance(dataset, Mapping) else "demo"
    if source != "demo":
        return raw
    cam = {key: value for key, value in DEMO["cam"].items() if key not in left_out}
    return merge(DEMO | {"cam": cam}, raw)
