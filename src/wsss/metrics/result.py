"""The typed result of an evaluation and its file.

A metric is one function and one field of `Metrics`: the annotation `Metric` of the field computes
it and places it in the eval file, summary.tsv, the report and the statistics over repeats.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Annotated, Any, Literal, Self, SupportsFloat

import numpy as np
from pydantic import Field

from wsss.metrics.confusion import (
    background_iou,
    iou,
    mean_iou,
    mean_iou_present,
    precision,
    present,
    recall,
)
from wsss.metrics.document import Document, EvalFile


@dataclass(frozen=True)
class Metric:
    """Annotation of a field of `Metrics`: how it is computed and where it appears.

    Attributes:
        title: name in the report.
        compute: function of the confusion matrix (L, L), rows true; "counted" for a metric that
            needs no masks and is counted image by image (`wsss.metrics.tally`).
        heading: name in narrow tables; the title unless given.
        definition: explanation in the report.
        summary: True for a column of summary.tsv.
        terminal: True for a column of the table in the terminal.
        std: True for the standard deviation over repeats, in summary.tsv and the report.
        if_absent: True to show it only where a class never occurs in the masks.
        location: True for a criterion of location, whose values per image are in
            `Counts.criteria`; it is None where it was not measured.
    """

    title: str
    compute: Callable[[np.ndarray], SupportsFloat] | Literal["counted"]
    heading: str = ""
    definition: str = ""
    summary: bool = True
    terminal: bool = False
    std: bool = True
    if_absent: bool = False
    location: bool = False

    def __post_init__(self) -> None:
        # in a class body, a default value hides the function of the same name
        if self.compute != "counted" and not callable(self.compute):
            raise TypeError(f"metric {self.title}: no function; give its field no default value")

    @property
    def needs_masks(self) -> bool:
        """True if the metric is None where there are no masks."""
        return self.compute != "counted"

    @property
    def short(self) -> str:
        """Name in narrow tables."""
        return self.heading or self.title


def _criterion(title: str, heading: str, definition: str) -> Metric:
    """Return the annotation of a criterion of location."""
    return Metric(title, "counted", heading, definition, terminal=True, location=True)


@dataclass(frozen=True)
class Counts:
    """Counts over the images of one set of label maps.

    Attributes:
        confusion: pixels (L, L) int64, rows true, columns predicted.
        per_image: mean IoU by image id, of the images with masks.
        coverage: share of the pixels that are labelled.
        label_agreement: mean Jaccard index of image labels and labels found (`agreement`).
        threshold: background threshold of a seed; None for label maps.
        alpha: background exponent of CRF posteriors; None for others.
        criteria: criteria of location by field of `Metrics`, then by image id.
    """

    confusion: np.ndarray
    per_image: Mapping[str, float]
    coverage: float
    label_agreement: float
    threshold: float | None = None
    alpha: float | None = None
    criteria: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


class Support(Document):
    """The images that metrics rest on."""

    split: str
    """Evaluated split."""
    ground_truth: str
    """Origin of the masks."""
    images: int
    """Number of images with a mask; metrics that need masks rest on these."""
    images_predicted: int
    """Number of all images of the split."""


class Metrics(Support):
    """Metrics of one set of label maps, fractions in [0, 1].

    Those that need masks are None where there are none. A class that never occurs in the masks
    counts as 0 in `miou`, as in the official evaluations.
    """

    miou: Annotated[float | None, Metric("mIoU", mean_iou, terminal=True)]
    """Mean IoU over all labels."""
    miou_present: Annotated[
        float | None,
        Metric(
            "mIoU of the labels present",
            mean_iou_present,
            heading="of present",
            definition="mIoU over the labels that occur in the masks",
            terminal=True,
            std=False,
            if_absent=True,
        ),
    ]
    """Mean IoU over the labels that occur in the masks."""
    miou_background: Annotated[
        float | None,
        Metric(
            "everything background",
            background_iou,
            heading="all background",
            definition="mIoU of masks in which every pixel is background",
            terminal=True,
            std=False,
        ),
    ]
    """Mean IoU over all labels of predicting the background everywhere."""
    precision: Annotated[
        float | None,
        Metric("precision", precision, definition="mean over the foreground classes"),
    ]
    """Mean precision over the foreground classes."""
    recall: Annotated[
        float | None,
        Metric("recall", recall, definition="mean over the foreground classes"),
    ]
    """Mean recall over the foreground classes."""
    label_agreement: Annotated[
        float,
        Metric(
            "label agreement",
            "counted",
            heading="agreement",
            definition="Jaccard index between an image's labels and the labels found in its "
            "prediction, averaged over images",
            terminal=True,
            std=False,
        ),
    ]
    """Mean Jaccard index of image labels and labels found in the prediction."""
    coverage: Annotated[
        float,
        Metric(
            "coverage",
            "counted",
            definition="share of labelled pixels",
            summary=False,
            std=False,
        ),
    ]
    """Share of the pixels that are labelled."""
    edge_contrast: Annotated[
        float | None,
        _criterion(
            *("edge contrast", "edges"),
            "gradient of the image on the boundaries of the masks against that beside them",
        ),
    ] = None
    """Mean of `wsss.metrics.location.edge_contrast`, in [-1, 1]."""
    refiner_agreement: Annotated[
        float | None,
        _criterion(
            *("refiner agreement", "refiners"),
            "Jaccard index of the labels that PAR and the CRF make of the same maps",
        ),
    ] = None
    """Mean of `wsss.metrics.location.refiner_agreement`."""
    stability: Annotated[
        float | None,
        _criterion(
            *("stability", "stability"),
            "likeness of the maps of mirrored and scaled copies of an image",
        ),
    ] = None
    """Mean of `wsss.metrics.location.stability`."""
    segmenter_agreement: Annotated[
        float | None,
        _criterion(
            *("segmenter agreement", "segmenter"),
            "Jaccard index of the masks and of the pseudo labels of the same images",
        ),
    ] = None
    """Mean of `wsss.metrics.overlap.mean_iou` of the segmenter and the pseudo labels."""

    threshold: float | None = None
    """Background threshold of a seed."""
    alpha: float | None = None
    """Background exponent of CRF posteriors."""
    absent_classes: tuple[str, ...] | None = None
    """Labels that never occur in the masks."""
    iou: dict[str, float] | None = None
    """IoU per label."""
    confusion: tuple[tuple[int, ...], ...] | None = None
    """Pixels per pair of true (row) and predicted label."""
    per_image: dict[str, float] = Field(default_factory=dict)
    """Mean IoU by image id, of the images with masks."""
    located: dict[str, dict[str, float]] = Field(default_factory=dict)
    """Criteria of location by name, then by image id, of the images that they were measured on."""

    @classmethod
    def of(cls, counts: Counts, class_names: Sequence[str], support: Support) -> Self:
        """Return the metrics of these counts.

        Args:
            counts: counts over the images.
            class_names: foreground classes; the confusion matrix has L = len(class_names) + 1.
            support: images that were counted.
        """
        conf, names = counts.confusion, ("background", *class_names)
        values: dict[str, object] = {
            "label_agreement": counts.label_agreement,
            "coverage": counts.coverage,
            "threshold": counts.threshold,
            "alpha": counts.alpha,
            "per_image": counts.per_image,
            "located": counts.criteria,
        }
        values |= {name: fmean(of.values()) for name, of in counts.criteria.items() if of}
        # functions of the confusion matrix
        for name, metric in metrics_of(cls).items():
            if callable(metric.compute):
                values[name] = float(metric.compute(conf)) if support.images else None
        # details by label
        if support.images:
            seen = zip(names, present(conf).tolist(), strict=True)
            values["absent_classes"] = [name for name, there in seen if not there]
            values["iou"] = dict(zip(names, iou(conf).tolist(), strict=True))
            values["confusion"] = conf.tolist()
        return cls.model_validate(dict(support) | values)

    def contradiction(self) -> str:
        """Return the name of a metric that the confusion matrix gives another value of, or ""."""
        conf = np.array(self.confusion or ())
        if not conf.size:
            return ""
        pairs: dict[str, tuple[Any, Any]] = {
            name: (self.value(name), metric.compute(conf))
            for name, metric in METRICS.items()
            if callable(metric.compute)
        }
        # a file has them in the order of the names, the matrix in that of the classes
        pairs["iou"] = sorted(self.iou.values()) if self.iou else None, np.sort(iou(conf))
        for name, (given, found) in pairs.items():
            if given is not None and not np.allclose(given, found, rtol=0, atol=1e-9):
                return name
        return ""

    def value(self, name: str) -> float | None:
        """Return a metric by the name of its field; None where it needs masks without any."""
        value: float | None = getattr(self, name)
        return value


def metrics_of(model: type[Metrics]) -> dict[str, Metric]:
    """Return the annotations of the metrics by field name, in the order of the fields."""
    return {
        name: annotation
        for name, field in model.model_fields.items()
        for annotation in field.metadata
        if isinstance(annotation, Metric)
    }


METRICS: Mapping[str, Metric] = metrics_of(Metrics)
"""All metrics by field name."""

CRITERIA: tuple[str, ...] = tuple(name for name, metric in METRICS.items() if metric.location)
"""Fields of the criteria of location."""


class Point(Document):
    """A threshold and the mIoU of the seed there; None without masks."""

    threshold: float
    miou: float | None = None


class ThresholdCurve(Document):
    """The seed at all background thresholds, T of them."""

    thresholds: tuple[float, ...]
    """Thresholds, ascending."""
    miou: tuple[float, ...] | None
    """Mean IoU at each threshold; None without masks."""
    label_agreement: tuple[float, ...]
    """Label agreement at each threshold."""
    oracle: Point | None
    """Threshold of the highest mIoU; None without masks."""
    mask_free: Point
    """Threshold chosen from image labels."""


class Evaluation(Support, EvalFile):
    """Evaluation of one product of a run on one split: the content of an eval file."""

    version: Literal[2] = 2
    """Version of the file format; raise it when a field changes its meaning."""
    product: str
    """Name of the evaluated product in the table of the chain (`wsss.pipeline`)."""
    results: dict[str, Metrics]
    """Metrics by name: one per set of label maps."""
    threshold_curve: ThresholdCurve | None = None
    """Curve over the background thresholds, of seeds."""
    predictions: str = ""
    """Digest of the evaluated label maps (`LabelReader.digest`); empty for score maps."""

    def check(self) -> None:
        """Compare the metrics with their confusion matrices.

        Raises:
            ValueError: one is not that of its matrix.
        """
        for result, metrics in self.results.items():
            if wrong := metrics.contradiction():
                raise ValueError(f"{result}: {wrong} is not that of its confusion matrix")


def absence(names: Sequence[str], split: str) -> str:
    """Return the sentence on the labels that never occur in the masks of a split."""
    what, s = ("class", "s") if len(names) == 1 else ("classes", "")
    head = f"{len(names)} {what} never occur{s} in the {split} masks and count{s} as 0"
    return f"{head}: {', '.join(names)}"
