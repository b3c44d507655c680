"""Device, precision and threads."""

import warnings
from pathlib import Path

import torch
from lightning_fabric import Fabric
from lightning_fabric.loggers import TensorBoardLogger


def make_fabric(precision: str, threads: int, tensorboard: Path | None = None) -> Fabric:
    """Return a Fabric on the best device there is.

    Args:
        precision: `32-true`, `bf16-mixed` or `16-mixed`.
        threads: CPU threads of tensor operations.
        tensorboard: folder for TensorBoard events, if wanted.
    """
    torch.set_num_threads(max(1, threads))
    # 32-true means 32 bits, also for convolutions on recent GPUs
    torch.backends.cudnn.allow_tf32 = False
    loggers = TensorBoardLogger(tensorboard, name=None, version="") if tensorboard else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Fabric(accelerator="auto", devices=1, precision=precision, loggers=loggers)
