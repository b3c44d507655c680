"""Rebuilding of trained classifiers from checkpoints."""

from pathlib import Path

from wsss import methods
from wsss.engine.checkpoint import load_model
from wsss.methods.base import Method
from wsss.methods.combo import Combo
from wsss.nn.weights import load_state
from wsss.stages.inference import checkpoint_errors, make_backbone


def load_method(path: Path) -> Method | Combo:
    """Return the trained classifier in `path`."""
    model = load_model(path, "classifier")
    meta = model.meta
    with checkpoint_errors(path):
        params = {n: methods.get(n).Params(**given) for n, given in meta["params"].items()}
        task = methods.make(meta["method"], make_backbone(model), len(meta["classes"]), params)
    load_state(task.net, model.state, str(path))
    return task
