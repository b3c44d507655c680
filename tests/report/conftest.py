from statistics import fmean

import pytest

from wsss.metrics.classifier import ClassifierScores, ClassScore
from wsss.metrics.ranking import chance_precision
from wsss.metrics.result import Evaluation, Metrics, Point, ThresholdCurve
from wsss.report.content import RunResults, StageCost

SUPPORT = {"split": "val", "ground_truth": "by hand", "images": 6, "images_predicted": 8}


def result(miou: float | None, **other: object) -> Metrics:
    names = ("miou", "miou_present", "precision", "recall")
    values = dict.fromkeys(names, miou) | {"label_agreement": 0.9, "coverage": 1.0}
    values["miou_background"] = None if miou is None else 0.3
    if miou is not None:
        values |= {"iou": {"background": miou, "cat": miou}, "absent_classes": ()}
    return Metrics(**SUPPORT | values | other)


def evaluation(product: str, curve: ThresholdCurve | None = None, **results: Metrics) -> Evaluation:
    named = {name.replace("_", " "): found for name, found in results.items()}
    return Evaluation(**SUPPORT, product=product, results=named, threshold_curve=curve)


def scores_of(split: str = "val", **scores: tuple[int, float]) -> ClassifierScores:
    """Scores of 10 images, from images and AP of every class; F1 is half as large."""
    classes = {
        name: ClassScore(
            positives=positives,
            ap=ap if positives else None,
            f1=ap / 2 if positives else None,
            chance=chance_precision(10, positives) if positives else None,
        )
        for name, (positives, ap) in scores.items()
    }
    ap = fmean(one.ap for one in classes.values() if one.ap is not None)
    return ClassifierScores(split=split, images=10, classes=classes, map=ap, f1=ap / 2)


@pytest.fixture
def curve() -> ThresholdCurve:
    return ThresholdCurve(
        thresholds=(0.0, 0.1, 0.2),
        miou=(0.2, 0.5, 0.4),
        label_agreement=(0.5, 0.9, 0.9),
        oracle=Point(threshold=0.1),
        mask_free=Point(threshold=0.2),
    )


@pytest.fixture
def make_run(curve):
    def make(
        name: str = "psa",
        shift: float = 0.0,
        masks: bool = True,
        absent: tuple[str, ...] = (),
        free: float = 0.2,
        variant: str = "net",
        scores: ClassifierScores | None = None,
    ) -> RunResults:
        def at(miou: float, **other: object) -> Metrics:
            if absent:
                other |= {"absent_classes": absent, "miou_present": miou + 0.25}
            return result(miou + shift if masks else None, **other)

        seeds = {"cam": at(0.5, threshold=0.3), "cam mask-free": at(0.4, threshold=free)}
        if not masks:
            del seeds["cam"]
        shown = curve if masks else curve.model_copy(update={"miou": None, "oracle": None})
        alphas = {4: 0.45, 32: 0.35, 16: 0.4}
        posteriors = {f"refined alpha {a}": at(miou, alpha=a) for a, miou in alphas.items()}
        return RunResults(
            name=name,
            evaluations={
                "cam": evaluation("cam", shown, **seeds),
                "refined": evaluation("refined", **posteriors),
                "walk": evaluation("walk", walk=at(0.6)),
                "segment": evaluation("segment", segment=at(0.55)),
            },
            histories={"classifier": {"step": [0, 1], "net/cls": [0.7, 0.5], "lr": [1, 0.5]}},
            makers={"walk": "random_walk"},
            bases={
                **{"refined": ["cam"], "walk": ["cam"], "relabelled": ["walk", "cam"]},
                "segment": ["relabelled", "walk", "cam"],
            },
            variants={"segmenter": variant, "segment": variant},
            costs=(
                StageCost("train_cam", 1, 59.94, 812.0),
                StageCost("infer_cam", 4, 3700.0, None),
            ),
            scores=scores,
        )

    return make
