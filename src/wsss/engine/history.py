"""History of a training: a table of mean losses and of metrics."""

import csv
from io import StringIO

from wsss.nn.task import Progress


class LossTable:
    """Means of the losses over about a hundred equal parts of the training.

    A loss that some steps lack, such as an adversary's, is averaged over the steps that have it.

    Args:
        total: steps of the training.

    Attributes:
        rows: one per finished part: step, epoch, mean losses, lr, metrics after that step.
        sums: sum and count of each loss in the current part.
    """

    def __init__(self, total: int) -> None:
        self._length, self._total = max(1, total // 100), total
        self.rows: list[dict[str, float]] = []
        self.sums: dict[str, tuple[float, int]] = {}
        self._now = (0, 0, 0.0)

    def add(self, progress: Progress, losses: dict[str, float], lr: float) -> None:
        """Add the losses of a step, by name, and the learning rate of the first player."""
        for name, value in losses.items():
            before, count = self.sums.get(name, (0.0, 0))
            self.sums[name] = (before + value, count + 1)
        step = progress.step + 1
        self._now = (step, progress.epoch + 1, lr)
        if step % self._length == 0 or step == self._total:
            self._end_part()

    def add_metric(self, name: str, value: float) -> None:
        """Add a metric, measured after the last step, whose row ends a part of the training."""
        if self.sums:
            self._end_part()
        self.rows[-1][name] = value

    def _end_part(self) -> None:
        means = {name: value / count for name, (value, count) in self.sums.items()}
        step, epoch, lr = self._now
        self.rows.append({"step": step, "epoch": epoch, **means, "lr": lr})
        self.sums = {}

    def to_csv(self) -> str:
        """Return the rows as CSV; the cell of a loss or metric that a part lacks is empty."""
        columns = dict.fromkeys(name for row in self.rows for name in row)
        text = StringIO()
        writer = csv.DictWriter(text, list(columns), lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        return text.getvalue()
