"""Differences between runs, by image and by class: the rows of differences.tsv, and verdicts.

Every run, or group of repeats, is compared with the first one of the configuration, on the same
images at the same stage.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from statistics import fmean, stdev
from typing import NamedTuple

import numpy as np

from wsss import runnames
from wsss.pipeline import product
from wsss.report.content import RunResults, Step, steps
from wsss.report.tables import NONE, change, percent, row_text, tsv_text
from wsss.report.verdicts import TIE, Verdict

COLLAPSE = 0.5
"""Share of its IoU below which a class has collapsed."""

LEAST_FALL = 0.05
"""Fall of IoU that a collapse needs at the least."""


class Difference(NamedTuple):
    """Difference of a run from another one, at a stage on a split; values are fractions.

    Attributes:
        run: name of the run, or of the group of repeats.
        against: name of the run that it is compared with.
        split: the split.
        stage: row of summary.tsv.
        miou_gain: difference of the mIoU, of means over the seeds.
        images: images with masks.
        image_gain: mean over the images of the difference of their own mean IoU.
        low: lower end of its 95 % interval (`interval`); None for a single image.
        high: upper end of it.
        better: share of the images on which the run is better.
        worse: share of the images on which it is worse.
        collapsed: classes that collapse, in words.
    """

    run: str
    against: str
    split: str
    stage: str
    miou_gain: float
    images: int
    image_gain: float
    low: float | None
    high: float | None
    better: float
    worse: float
    collapsed: str = ""


DIFFERENCES = Difference._fields
"""Columns of differences.tsv."""


def text(found: Iterable[Difference]) -> str:
    """Return differences as the text of differences.tsv."""
    return tsv_text(DIFFERENCES, [row_text(DIFFERENCES, one._asdict()) for one in found])


def read(rows: Iterable[Mapping[str, str]]) -> list[Difference]:
    """Return the differences of the rows of differences.tsv."""
    words = ("run", "against", "split", "stage", "collapsed")
    return [
        Difference(
            **{
                name: value if name in words else float(value) if value else None
                for name, value in row.items()
            }  # type: ignore[arg-type]
        )._replace(images=int(row["images"]))
        for row in rows
    ]


def differences(runs: Sequence[RunResults]) -> list[Difference]:
    """Return the differences of every run from the first one, at every stage that both have.

    Runs that serve another one, such as its upper bound, are left out.

    Args:
        runs: the runs of one split.
    """
    groups: dict[str, list[RunResults]] = {}
    for run in runs:
        if runnames.main(run.name) == run.name:
            groups.setdefault(runnames.group(run.name) or run.name, []).append(run)
    stages = {
        name if len(same) > 1 else same[0].name: _stages(same) for name, same in groups.items()
    }
    first = next(iter(stages), "")
    return [
        found
        for name, of_run in stages.items()
        if name != first
        for place, seeds in of_run.items()
        if place in stages[first]
        and (found := _difference(name, seeds, first, stages[first][place])) is not None
    ]


def _stages(same: Iterable[RunResults]) -> dict[str, list[Step]]:
    """Return the steps of the seeds of a run by stage; segmenters of all kinds are one."""
    found: dict[str, list[Step]] = {}
    for run in same:
        for step in steps(run):
            place = step.product if product(step.product).variant else step.key
            found.setdefault(place, []).append(step)
    return found


def _difference(
    run: str, seeds: Sequence[Step], against: str, others: Sequence[Step]
) -> Difference | None:
    """Return the difference between two runs at a stage; None without masks."""
    ours, theirs = _by_image(seeds), _by_image(others)
    common = [image_id for image_id in ours if image_id in theirs]
    if not common:
        return None
    gains = np.array([ours[image_id] - theirs[image_id] for image_id in common])
    low, high = interval(gains)
    return Difference(
        run=run,
        against=against,
        split=seeds[0].metrics.split,
        stage=seeds[0].key,
        miou_gain=_mean_miou(seeds) - _mean_miou(others),
        images=len(common),
        image_gain=float(gains.mean()),
        low=low,
        high=high,
        better=float((gains > TIE).mean()),
        worse=float((gains < -TIE).mean()),
        collapsed="; ".join(_collapsed(seeds, others)),
    )


def _by_image(seeds: Sequence[Step]) -> dict[str, float]:
    """Return the mean IoU of every image, the mean over the seeds that have it."""
    values: dict[str, list[float]] = {}
    for step in seeds:
        for image_id, value in step.metrics.per_image.items():
            values.setdefault(image_id, []).append(value)
    return {image_id: fmean(found) for image_id, found in values.items()}


def _mean_miou(seeds: Sequence[Step]) -> float:
    return fmean(step.metrics.miou or 0.0 for step in seeds)


def interval(values: np.ndarray) -> tuple[float | None, float | None]:
    """Return the 95 % interval of a mean by Student's t; that of one value is unknown.

    Args:
        values: (N,) differences of pairs.
    """
    if len(values) < 2:
        return None, None
    from scipy.special import stdtrit

    mean, error = float(values.mean()), float(values.std(ddof=1)) / len(values) ** 0.5
    half = float(stdtrit(len(values) - 1, 0.975)) * error
    return mean - half, mean + half


def _collapsed(seeds: Sequence[Step], others: Sequence[Step]) -> Iterator[str]:
    """Yield the classes that lose half of their IoU or more, in words.

    The fall is at least `LEAST_FALL`, and more than the standard deviation over seeds of both.
    """
    ours, theirs = _by_class(seeds), _by_class(others)
    for name, before in theirs.items():
        after = ours.get(name, ())
        if not after:
            continue
        fall = fmean(before) - fmean(after)
        spread = max(stdev(found) if len(found) > 1 else 0.0 for found in (before, after))
        if fmean(after) <= COLLAPSE * fmean(before) and fall >= max(LEAST_FALL, spread):
            yield f"{name} from {percent(fmean(before))} to {percent(fmean(after))}"


def _by_class(seeds: Sequence[Step]) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for step in seeds:
        for name, value in (step.metrics.iou or {}).items():
            found.setdefault(name, []).append(value)
    return found


def texts(one: Difference) -> dict[str, str]:
    """Return a difference as the page shows it: points, and shares in whole per cent."""
    ends = [change(end, 0) for end in (one.low, one.high) if end is not None]
    return {
        **{"run": one.run, "split": one.split, "stage": one.stage, "collapsed": one.collapsed},
        "miou_gain": change(one.miou_gain, 0),
        "image_gain": change(one.image_gain, 0),
        "interval": " to ".join(ends) or NONE,
        "better": f"{100 * one.better:.0f}",
        "worse": f"{100 * one.worse:.0f}",
    }


def verdicts(found: Iterable[Difference]) -> list[Verdict]:
    """Return the verdicts on the last stage that every pair of runs has in common, by split."""
    return [verdict for one in last(found) for verdict in _verdicts(one)]


def last(found: Iterable[Difference]) -> list[Difference]:
    """Return the differences at the last stage that a pair of runs has in common, by split."""
    return list({(one.split, one.run): one for one in found}.values())


def _verdicts(one: Difference) -> Iterator[Verdict]:
    gain = f"{one.stage} {change(one.miou_gain, 0)} mIoU over {one.against}"
    if one.collapsed:
        joined = "but" if one.miou_gain > 0 else "and"
        text = f"{gain}, {joined} classes collapse: {one.collapsed}"
        yield Verdict(one.run, one.split, text, "look at their pictures before you choose it")
    if one.low is not None and one.high is not None and one.low <= 0 <= one.high:
        text = (
            f"{gain}, but {one.images} images show no difference: {change(one.image_gain, 0)} by "
            f"image (95 % interval {change(one.low, 0)} to {change(one.high, 0)})"
        )
        yield Verdict(one.run, one.split, text, "more images with masks, or seeds, would decide it")
