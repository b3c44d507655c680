"""The typed result of a classifier on the image labels of a split, and its file."""

from collections.abc import Iterable, Sequence
from statistics import fmean
from typing import Literal, Self

import numpy as np

from wsss.metrics.document import Document, EvalFile
from wsss.metrics.ranking import average_precision, chance_precision, f1_score

LEARNT = 0.1
"""Least part of the way from chance to a perfect order of a class that counts as learnt."""

JUDGED = 3
"""Least number of images with a class, and without it, that say whether it is learnt."""

EPS = 1e-9
"""Rounding of metrics."""


class ClassScore(Document):
    """Metrics of one class; None where no image of the split has its label."""

    positives: int
    """Number of images with the label."""
    ap: float | None
    """Average precision (`average_precision`)."""
    f1: float | None
    """F1 at a score of 0.5, a logit of 0."""
    chance: float | None
    """Average precision of a random order of the images (`chance_precision`)."""

    @property
    def learnt(self) -> bool:
        """False where the order of the images is hardly better than chance (`LEARNT`)."""
        if self.ap is None or self.chance is None:
            return True
        return self.ap >= self.chance + LEARNT * (1 - self.chance) - EPS


class ClassifierScores(EvalFile):
    """Evaluation of a classifier on one split: the content of its eval file."""

    version: Literal[1] = 1
    """Version of the file format; raise it when a field changes its meaning."""
    split: str
    """Split whose image labels were compared; the network was not trained on those of val."""
    images: int
    """Number of images."""
    classes: dict[str, ClassScore]
    """Metrics by class."""
    map: float | None
    """Mean of `ap` over the classes with images; None without any."""
    f1: float | None
    """Mean of `f1` over the same classes."""

    @classmethod
    def of(
        cls, logits: np.ndarray, labels: np.ndarray, class_names: Sequence[str], split: str
    ) -> Self:
        """Return the metrics of these logits.

        Args:
            logits: (N, C) of every image and class.
            labels: (N, C) bool, True where the image has the label.
            class_names: names of the C classes.
            split: the split of the images.
        """
        found = {
            name: _score(logits[:, place], labels[:, place])
            for place, name in enumerate(class_names)
        }
        return cls(
            split=split,
            images=len(labels),
            classes=found,
            map=mean_of_known([one.ap for one in found.values()]),
            f1=mean_of_known([one.f1 for one in found.values()]),
        )

    @property
    def judged(self) -> dict[str, ClassScore]:
        """The classes that enough images have, and enough have not (`JUDGED`)."""
        return {
            name: one
            for name, one in self.classes.items()
            if JUDGED <= one.positives <= self.images - JUDGED
        }

    @property
    def unjudged(self) -> tuple[str, ...]:
        """The classes that images have, but of which these say too little."""
        judged = self.judged
        return tuple(n for n, one in self.classes.items() if one.positives and n not in judged)

    @property
    def not_learnt(self) -> dict[str, ClassScore]:
        """The judged classes that are not learnt."""
        return {name: one for name, one in self.judged.items() if not one.learnt}

    def check(self) -> None:
        """Compare the means with the values of the classes.

        Raises:
            ValueError: one is not their mean.
        """
        for name, given in (("ap", self.map), ("f1", self.f1)):
            mean = mean_of_known([getattr(one, name) for one in self.classes.values()])
            if (mean is None) != (given is None) or abs((mean or 0) - (given or 0)) > EPS:
                raise ValueError(f"the mean of {name} is not that of its classes")


def _score(logits: np.ndarray, positive: np.ndarray) -> ClassScore:
    positives = int(positive.sum())
    if not positives:
        return ClassScore(positives=0, ap=None, f1=None, chance=None)
    return ClassScore(
        positives=positives,
        ap=average_precision(logits, positive),
        f1=f1_score(logits > 0, positive),
        chance=chance_precision(len(positive), positives),
    )


def mean_of_known(values: Iterable[float | None]) -> float | None:
    """Return the mean without the values that are None; None if all are."""
    known = [value for value in values if value is not None]
    return fmean(known) if known else None
