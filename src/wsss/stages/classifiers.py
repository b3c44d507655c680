"""Rebuilding of trained classifiers from checkpoints."""

from pathlib import Path

import numpy as np
import torch

from wsss import methods
from wsss.config.section import InferPrecision
from wsss.data.views import Scaled, views
from wsss.engine.checkpoint import Model, load_model
from wsss.engine.tta import in_memory
from wsss.methods.base import Method
from wsss.methods.combo import Combo
from wsss.nn.weights import load_state
from wsss.ops.finite import finite
from wsss.stages.inference import arithmetic, checkpoint_errors, make_backbone

CLASSIFIED = ((1.0,), "pillow")
"""Scales and resampling of the image that `classify` looks at."""


def load_method(path: Path) -> Method | Combo:
    """Return the trained classifier in `path`."""
    return make_method(load_model(path, "classifier"), path)


def make_method(model: Model, path: Path) -> Method | Combo:
    """Return the trained classifier that was read from `path`."""
    meta = model.meta
    with checkpoint_errors(path):
        params = {n: methods.get(n).Params(**given) for n, given in meta["params"].items()}
        task = methods.make(meta["method"], make_backbone(model), len(meta["classes"]), params)
    load_state(task.net, model.state, str(path))
    return task


@torch.no_grad()
def classify(method: Method | Combo, given: Scaled, precision: InferPrecision) -> np.ndarray:
    """Return the logits (C,) float32 of an image, seen once and not mirrored.

    Args:
        method: the classifier, in evaluation mode on its device.
        given: the image, scaled as `CLASSIFIED` says.
        precision: arithmetic on GPUs.

    Raises:
        NotFiniteError: they are not finite.
    """
    where = next(method.parameters()).device
    (view,) = views(given.copies, where)
    with arithmetic(where, precision):
        logits = in_memory(view, method.logits)[0].float().cpu().numpy()
    return finite(logits, "logits")
