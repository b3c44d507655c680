"""TensorBoard events of an evaluation, beside those of the training that it belongs to."""

import csv
from collections.abc import Mapping
from pathlib import Path

from wsss.io.checksummed import CHECKSUM_PREFIX


def write_scalars(model: Path, split: str, values: Mapping[str, float | None]) -> None:
    """Write values at the last step of a training, in place of earlier ones of the split.

    Args:
        model: model.pt of the training, whose history.csv lies beside it.
        split: split that they were measured on, the name of the folder of the events.
        values: scalars by tag; None is left out.
    """
    # imported late, since it takes its time
    from torch.utils.tensorboard import SummaryWriter

    folder = model.parent / "work/tensorboard" / split
    for old in folder.glob("events.out.tfevents.*"):
        old.unlink(missing_ok=True)
    step = _last_step(model.with_name("history.csv"))
    with SummaryWriter(str(folder)) as writer:
        for tag, value in values.items():
            if value is not None:
                writer.add_scalar(tag, value, step)


def _last_step(history: Path) -> int:
    """Return the last step of a training; 0 for a published checkpoint, which has none."""
    lines = history.read_text(encoding="utf-8").splitlines() if history.is_file() else []
    rows = list(csv.DictReader(line for line in lines if not line.startswith(CHECKSUM_PREFIX)))
    return int(rows[-1]["step"]) if rows else 0
