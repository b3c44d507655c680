"""Forecast of the disk space and time of a run: an estimate.

Disk follows from the formats: maps hold the present classes at a quarter of the image's sides in 16
bits, CRF posteriors these and the background at full size in 8 bits, label maps are PNGs, all of
them compressed. Time is linear in the pixels that a stage processes:

    training     megapixels of all crops x 2.9 x (backbone x method, or backbone + head)
    prediction   megapixels x sum of squared scales x 2 with mirrored views x (backbone + head)
    dense CRF    megapixels x (lattice + iterations x exponents x (const + slope x labels))

with the factors in `wsss.planning.costs`. The stages of a run and their order are those of
`wsss.pipeline`; a stage without an entry in `COSTS` is unknown.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil
from typing import NamedTuple

from wsss.config.backbones import BACKBONES, BackboneOptions
from wsss.config.crf import CrfKernel
from wsss.config.model import Run
from wsss.config.segmenter import DeepLabV2
from wsss.config.training import Train
from wsss.pipeline import EVALUATE, reached
from wsss.plan.artifacts import IMAGES_PER_JOB, MOST_JOBS
from wsss.planning import costs
from wsss.products import Case

MEGA = 1e6
UNKNOWN = float("nan")


@dataclass(frozen=True)
class Volume:
    """Size of a set of images.

    Attributes:
        images: number of images.
        area: megapixels.
        shown: megapixels times present classes, summed over the images.
    """

    images: int
    area: float
    shown: float

    def __add__(self, other: "Volume") -> "Volume":
        return Volume(self.images + other.images, self.area + other.area, self.shown + other.shown)

    @property
    def labelled(self) -> float:
        """As `shown`, with the background as one more class."""
        return self.shown + self.area

    @property
    def jobs(self) -> int:
        """Number of jobs of a stage that works image by image."""
        return min(MOST_JOBS, ceil(self.images / IMAGES_PER_JOB))


@dataclass(frozen=True)
class Volumes:
    """Sizes of both splits, of images or their tiles.

    Attributes:
        train: the training split.
        val: the held-out split.
        num_classes: number of foreground classes.
    """

    train: Volume
    val: Volume
    num_classes: int

    @property
    def both(self) -> Volume:
        """All images."""
        return self.train + self.val

    @property
    def starts(self) -> float:
        """Seconds that the jobs of an image-wise stage take to start, over both splits."""
        return costs.START * (self.train.jobs + self.val.jobs)


class Cost(NamedTuple):
    """Cost of a stage; nan = never measured.

    Attributes:
        disk: bytes.
        network: seconds of one core for networks.
        rest: seconds of one core for everything else.
    """

    disk: float
    network: float
    rest: float


def volume(images: Sequence[tuple[tuple[int, int], int]]) -> Volume:
    """Sum up images, each given by its (H, W) in pixels and its number of present classes."""
    areas = [height * width / MEGA for (height, width), _ in images]
    shown = sum(area * classes for area, (_, classes) in zip(areas, images, strict=True))
    return Volume(len(images), sum(areas), shown)


def forward(backbone: BackboneOptions) -> float:
    """Return the seconds per megapixel of a backbone; nan if it was never measured."""
    entry = BACKBONES.get(backbone.name)
    if entry is None:
        return UNKNOWN
    return entry.seconds.get(backbone.output_stride or entry.strides[0], UNKNOWN)


def of_data(volumes: Volumes, drawn: bool, tiled: bool) -> dict[str, Cost]:
    """Return the costs of the stages that all runs share, by stage.

    Args:
        volumes: sizes of the splits, of tiles if images are cut.
        drawn: masks have to be drawn as PNGs.
        tiled: images have to be cut into tiles.
    """
    images, area = volumes.both.images, volumes.both.area
    found: dict[str, Cost] = {}
    if drawn:
        disk = area * MEGA * costs.PACKED["labels"]
        found["convert_masks"] = Cost(disk, 0, costs.CONVERT * area)
    if tiled:
        found["make_tiles"] = Cost(area * MEGA * costs.PACKED["tiles"], 0, costs.CUT * area)
    # each of the two indices checks both splits
    found["prepare_data"] = Cost(150.0 * images, 0, 2 * costs.CHECK * area)
    return found


def of_run(case: Case, volumes: Volumes) -> dict[str, Cost]:
    """Return the costs of the stages of a run, by stage, in the order of the chain.

    Args:
        case: the run and its data set.
        volumes: sizes of the splits.
    """
    makers = [row.maker(case) for row in reached(case.run.until)]
    names = dict.fromkeys(stage.name for stage in [*makers, EVALUATE] if stage)
    return {name: COSTS.get(name, _unknown)(case.run, volumes) for name in names}


def _unknown(_run: Run, _volumes: Volumes) -> Cost:
    return Cost(UNKNOWN, UNKNOWN, UNKNOWN)


def _make_boundaries(_run: Run, volumes: Volumes) -> Cost:
    train = volumes.train
    disk = train.labelled * MEGA * costs.PACKED["boundaries"]
    return Cost(disk, 0, costs.OUTLINE * train.area + costs.START * train.jobs)


def _train_cam(run: Run, volumes: Volumes) -> Cost:
    factors = [params.cost for params in run.options().values()]
    times, more = 1 + sum(factor - 1 for factor, _ in factors), sum(extra for _, extra in factors)
    seen = 0 if run.cam.checkpoint else _seen(run.cam.train, volumes.train)
    step = costs.TRAINING * forward(run.backbone) * times + more
    return Cost(_weights(run.backbone), seen * step, costs.START)


def _infer_cam(run: Run, volumes: Volumes) -> Cost:
    both = volumes.both
    views = _views(run.cam.infer.scales, run.cam.infer.flip)
    disk = both.shown * MEGA / 16 * 2 * costs.PACKED["cam"]
    return Cost(disk, both.area * views * forward(run.backbone), volumes.starts)


def _refine_crf(run: Run, volumes: Volumes) -> Cost:
    alphas, both = len(run.crf.alphas), volumes.both
    disk = alphas * both.labelled * MEGA * costs.PACKED["crf"]
    return Cost(disk, 0, _crf(run.crf, both, alphas) + volumes.starts)


def _train_affinity(run: Run, volumes: Volumes) -> Cost:
    seconds = costs.AFFINITY * forward(run.backbone)
    learning = _seen(run.affinity.train, volumes.train) * costs.TRAINING * seconds
    return Cost(_weights(run.backbone), learning, costs.START)


def _random_walk(run: Run, volumes: Volumes) -> Cost:
    both = volumes.both
    rest = (costs.WALK + costs.WALK_STEP * 2**run.walk.logt) * both.area
    rest += _crf(run.walk.crf, both, 1) + volumes.starts
    network = both.area * costs.AFFINITY * forward(run.backbone)
    return Cost(both.area * MEGA * costs.PACKED["labels"], network, rest)


def _stitch_masks(_run: Run, volumes: Volumes) -> Cost:
    area = volumes.train.area
    return Cost(area * MEGA * costs.PACKED["labels"], 0, costs.CONVERT * area)


def _train_segmenter(run: Run, volumes: Volumes) -> Cost:
    segment = run.segment
    disk = (
        _weights(segment.backbone or run.backbone)
        + 4 * MEGA * _head_size(run) * _head(run).parameters
    )
    learning = 0 if segment.checkpoint else _seen(segment.train, volumes.train)
    return Cost(disk, learning * costs.TRAINING * _segmenter(run), costs.START)


def _infer_segmenter(run: Run, volumes: Volumes) -> Cost:
    infer, val = run.segment.infer, volumes.val
    network = val.area * _views(infer.scales, infer.flip) * _segmenter(run)
    # its CRF has all classes as labels
    all_classes = Volume(val.images, val.area, val.area * volumes.num_classes)
    rest = _crf(infer.crf, all_classes, 1) + costs.START * val.jobs
    return Cost(val.area * MEGA * costs.PACKED["labels"], network, rest)


def _evaluate(run: Run, volumes: Volumes) -> Cost:
    products = [row for row in reached(run.until) if row.evaluated]
    alphas = len(run.crf.alphas) if any(row.name == "crf" for row in products) else 0
    seconds = costs.EVALUATE + costs.EVALUATE_ALPHA * alphas
    jobs = sum(len(row.evaluated) for row in products)
    return Cost(0, 0, seconds * volumes.both.area + jobs * costs.START)


COSTS: dict[str, Callable[[Run, Volumes], Cost]] = {
    "make_boundaries": _make_boundaries,
    "train_cam": _train_cam,
    "infer_cam": _infer_cam,
    "refine_crf": _refine_crf,
    "train_affinity": _train_affinity,
    "random_walk": _random_walk,
    "stitch_masks": _stitch_masks,
    "train_segmenter": _train_segmenter,
    "infer_segmenter": _infer_segmenter,
    "segment_whole": _infer_segmenter,
    "evaluate": _evaluate,
}
"""Stage -> its cost in a run."""


def _head(run: Run) -> costs.Head:
    return costs.HEADS.get(run.segment.segmenter, costs.Head(UNKNOWN, UNKNOWN, None))


def _head_size(run: Run) -> float:
    """Seconds and weights of the segmenter's head relative to one of the usual width."""
    usual, options = _head(run).width, run.segment.options()
    if usual is None or isinstance(options, DeepLabV2):
        return 1.0
    return float((options.width / usual) ** 1.5)


def _segmenter(run: Run) -> float:
    """Seconds per megapixel of a prediction with the segmenter."""
    options = run.segment.options()
    scales = options.scales if isinstance(options, DeepLabV2) else ()
    passes = 1 + sum(scale**2 for scale in scales)
    backbone = forward(run.segment.backbone or run.backbone)
    return passes * (backbone + _head_size(run) * _head(run).seconds)


def _seen(train: Train, images: Volume) -> float:
    """Return the megapixels of a training: number of crops times their area."""
    crops = train.steps * train.batch_size if train.steps else train.epochs * images.images
    return crops * train.crop**2 / MEGA


def _views(scales: Sequence[float], flip: bool) -> float:
    """Area of all views relative to the image."""
    return sum(scale**2 for scale in scales) * (1 + flip)


def _crf(crf: CrfKernel, images: Volume, alphas: int) -> float:
    """Return the seconds of dense CRFs: lattices once, then steps that grow with the labels."""
    if not crf.iterations:
        return 0
    const, slope = costs.CRF_STEP
    steps = alphas * crf.iterations * (const * images.area + slope * images.labelled)
    return costs.CRF_LATTICE * images.area + steps


def _weights(backbone: BackboneOptions) -> float:
    """Bytes of a backbone's weights."""
    entry = BACKBONES.get(backbone.name)
    return 4 * MEGA * (entry.parameters if entry else UNKNOWN)
