"""How much disk and time a run will take, before it is started: an estimate.

Disk follows from the formats: maps hold the classes present at a quarter of the image's sides in
16 bits, CRF posteriors these and the background at full size in 8 bits, label maps are PNGs, all
of them compressed. Time is linear in the pixels that a stage looks at:

    training     megapixels of all crops x 2.9 x (backbone x method, or backbone + head)
    prediction   megapixels x sum of squared scales x 2 with mirrored views x (backbone + head)
    dense CRF    megapixels x (lattice + iterations x exponents x (const + slope x labels))

with the factors in `wsss.planning.costs`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from wsss.config.backbones import BACKBONES, BackboneOptions
from wsss.config.crf import CrfKernel
from wsss.config.model import Run
from wsss.config.segmenter import DeepLabV2, SegmenterTrain
from wsss.config.training import Train
from wsss.planning import costs

MEGA = 1e6
UNKNOWN = float("nan")


@dataclass(frozen=True)
class Volume:
    """What the stages of a split, or of both, look at.

    Attributes:
        images: their number.
        area: megapixels.
        shown: megapixels times classes present, summed over the images.
    """

    images: int
    area: float
    shown: float

    @property
    def labelled(self) -> float:
        """As `shown`, with the background as one more class."""
        return self.shown + self.area


class Cost(NamedTuple):
    """What a stage takes.

    Attributes:
        stage: its name.
        disk: bytes.
        network: seconds of one core for networks; nan = never measured.
        rest: seconds of one core for everything else.
    """

    stage: str
    disk: float
    network: float
    rest: float


def volume(images: Sequence[tuple[tuple[int, int], int]]) -> Volume:
    """Sum up images, each given as its (H, W) in pixels and its number of classes present."""
    areas = [height * width / MEGA for (height, width), _ in images]
    shown = sum(area * classes for area, (_, classes) in zip(areas, images, strict=True))
    return Volume(len(images), sum(areas), shown)


def forward(backbone: BackboneOptions) -> float:
    """Return the seconds per megapixel of a backbone; nan if it was never measured."""
    entry = BACKBONES.get(backbone.name)
    if entry is None:
        return UNKNOWN
    return entry.seconds.get(backbone.output_stride or entry.strides[0], UNKNOWN)


def of_data(train: Volume, val: Volume, drawn: bool, tiled: bool) -> Iterator[Cost]:
    """Yield the costs of the stages that all runs share.

    Args:
        train: the training images, or their tiles.
        val: the held-out ones.
        drawn: whether masks have to be drawn as PNGs.
        tiled: whether the images have to be cut into tiles.
    """
    area = train.area + val.area
    if drawn:
        yield Cost("convert_masks", area * MEGA * costs.PACKED["labels"], 0, costs.CONVERT * area)
    if tiled:
        yield Cost("make_tiles", area * MEGA * costs.PACKED["tiles"], 0, costs.CUT * area)
    # the index of a split rests on the check of both
    yield Cost("prepare_data", 150.0 * (train.images + val.images), 0, 2 * costs.CHECK * area)


def of_run(
    run: Run, num_classes: int, train: Volume, val: Volume, tiled: bool = False
) -> Iterator[Cost]:
    """Yield the costs of the stages of a run, in their order."""
    both = Volume(train.images + val.images, train.area + val.area, train.shown + val.shown)
    yield from _cam(run, train, both)
    alphas = len(run.crf.alphas) if run.until != "cam" else 0
    if alphas:
        disk = alphas * both.labelled * MEGA * costs.PACKED["crf"]
        yield Cost("refine_crf", disk, 0, _crf(run.crf, both, alphas) + _starts(2))
    if run.until in ("walk", "segment"):
        yield from _walk(run, train, both)
    if run.until == "segment":
        *training, inference = _segment(run, num_classes, train, val)
        yield from (*training, inference)
        if tiled:
            yield inference._replace(stage="segment_whole")
    judging = costs.EVALUATE + costs.EVALUATE_ALPHA * alphas
    yield Cost("evaluate", 0, 0, judging * both.area + 7 * costs.START)


def _cam(run: Run, train: Volume, both: Volume) -> Iterator[Cost]:
    seconds = forward(run.backbone)
    if run.needs_boundaries():
        disk = train.labelled * MEGA * costs.PACKED["boundaries"]
        yield Cost("make_boundaries", disk, 0, costs.OUTLINE * train.area + _starts(1))
    factors = [params.cost for params in run.options().values()]
    times, more = 1 + sum(factor - 1 for factor, _ in factors), sum(extra for _, extra in factors)
    seen = 0 if run.cam.checkpoint else _seen(run.cam.train, train)
    step = costs.TRAINING * seconds * times + more
    yield Cost("train_cam", _weights(run.backbone), seen * step, costs.START)
    views = _views(run.cam.infer.scales, run.cam.infer.flip)
    disk = both.shown * MEGA / 16 * 2 * costs.PACKED["cam"]
    yield Cost("infer_cam", disk, both.area * views * seconds, _starts(2))


def _walk(run: Run, train: Volume, both: Volume) -> Iterator[Cost]:
    seconds = costs.AFFINITY * forward(run.backbone)
    learning = _seen(run.affinity.train, train) * costs.TRAINING * seconds
    yield Cost("train_affinity", _weights(run.backbone), learning, costs.START)
    rest = (costs.WALK + costs.WALK_STEP * 2**run.walk.logt) * both.area
    rest += _crf(run.walk.crf, both, 1) + _starts(2)
    disk = both.area * MEGA * costs.PACKED["labels"]
    yield Cost("random_walk", disk, both.area * seconds, rest)


def _segment(run: Run, num_classes: int, train: Volume, val: Volume) -> Iterator[Cost]:
    segment = run.segment
    head = costs.HEADS.get(segment.segmenter, costs.Head(UNKNOWN, UNKNOWN, None))
    options = segment.options()
    backbone = segment.backbone or run.backbone
    share = 1.0
    if head.width and not isinstance(options, DeepLabV2):
        share = (options.width / head.width) ** 1.5
    scales = options.scales if isinstance(options, DeepLabV2) else ()
    passes = 1 + sum(scale**2 for scale in scales)
    seconds = passes * (forward(backbone) + share * head.seconds)
    disk = _weights(backbone) + 4 * MEGA * share * head.parameters
    learning = _seen(segment.train, train) * costs.TRAINING * seconds
    yield Cost("train_segmenter", disk, learning, costs.START)
    views = _views(segment.infer.scales, segment.infer.flip)
    judged = Volume(val.images, val.area, val.area * num_classes)
    rest = _crf(segment.infer.crf, judged, 1) + _starts(1)
    disk = val.area * MEGA * costs.PACKED["labels"]
    yield Cost("infer_segmenter", disk, val.area * views * seconds, rest)


def _seen(train: Train, images: Volume) -> float:
    """Return the megapixels that a training sees: crops times their area."""
    steps = train.steps if isinstance(train, SegmenterTrain) else None
    crops = steps * train.batch_size if steps else train.epochs * images.images
    return crops * train.crop**2 / MEGA


def _views(scales: Sequence[float], flip: bool) -> float:
    return sum(scale**2 for scale in scales) * (1 + flip)


def _crf(crf: CrfKernel, images: Volume, alphas: int) -> float:
    """Return the seconds of dense CRFs: lattices once, then steps that grow with the labels."""
    if not crf.iterations:
        return 0
    const, slope = costs.CRF_STEP
    steps = alphas * crf.iterations * (const * images.area + slope * images.labelled)
    return costs.CRF_LATTICE * images.area + steps


def _starts(splits: int) -> float:
    return costs.START * costs.SHARDS * splits


def _weights(backbone: BackboneOptions) -> float:
    entry = BACKBONES.get(backbone.name)
    return 4 * MEGA * (entry.parameters if entry else UNKNOWN)
