"""The chain as one table: every product, what it is made from and the stage that makes it.

The order of the rows is that of the chain. The configuration (`until`), the rules, `wsss evaluate`,
the report and the forecast derive from it. This module imports nothing else of the package, so that
all of them can. See docs/developing.md for how to add a row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from wsss.config.dataset import Dataset
    from wsss.config.model import Run
    from wsss.config.training import Trunk

Kind = Literal["table", "model", "maps", "labels", "document"]
"""Form of a product: a table of images, a network with its history, score maps of images, label
maps of images, or a file for people."""

Split = Literal["train", "val"]

TRAIN: Split = "train"
VAL: Split = "val"
SPLITS: tuple[Split, ...] = (TRAIN, VAL)
WHOLE: tuple[None, ...] = (None,)
"""Splits of a product that is made once for all images."""

PSEUDO_LABELS = "pseudo labels"
"""Stands for the last label maps in the table before the product that is made from them."""


class Case(NamedTuple):
    """What a condition may look at: the data set and a run."""

    dataset: Dataset
    run: Run


Condition = Callable[[Case], bool]


_FILES: dict[Kind, str] = {
    "model": "model.pt",
    "maps": "{split}/maps.tsv",
    "labels": "{split}/labels.tsv",
}


@dataclass(frozen=True)
class Input:
    """Something that a stage reads.

    Attributes:
        role: name in the rule's `input`.
        product: name of the product, or `PSEUDO_LABELS`.
        split: `same` = that of the output; `all` = every one. Products that are made once for all
            images have no split.
        when: condition under which it is read, if the product is made at all; None = always.
        of_run: the run whose product it is, from the name of this run; None = this run.
        backbones: for the product `weights`: the backbones whose weights are read.
    """

    role: str
    product: str
    split: Literal["same", "train", "all"] = "same"
    when: Condition | None = None
    of_run: Callable[[str, Run], str] | None = None
    backbones: Callable[[Run], Sequence[Trunk]] | None = None


@dataclass(frozen=True)
class Stage:
    """A rule, subcommand and module of one name that makes a product.

    Attributes:
        name: the common name.
        keys: dotted keys of the configuration that it is handed; `{method}` stands for each part
            of the run's method, `{segmenter}` for the run's segmenter.
        inputs: what it reads.
        when: condition under which it makes the product; None = always. The first stage of a
            product whose condition holds is taken; without one there is no such product.
        scattered: whether its images can be shared among several jobs.
        imports_method: whether it imports the modules of the run's method by name.
        code: whether another version of its code makes another product.
        files: further files of the package that it reads.
    """

    name: str
    keys: tuple[str, ...] = ()
    inputs: tuple[Input, ...] = ()
    when: Condition | None = None
    scattered: bool = False
    imports_method: bool = False
    code: bool = True
    files: tuple[str, ...] = ()


@dataclass(frozen=True)
class Product:
    """One row of the table.

    Attributes:
        name: its name.
        kind: its form.
        makers: the stages that can make it.
        step: value of `until` that ends a run with it; empty = shared by all runs.
        splits: splits that it is made for.
        title: name in the report.
        evaluated: splits that it is compared with the masks on.
        folder: folder within that of a run; empty = `step`.
        file: file that is complete when the product is; empty = that of its kind.
        background: maps: whether they hold scores of the background, so that the highest score
            decides; otherwise a threshold does.
        uses_labels: whether the stage is told the image labels of the images that it is run on.
        variant: name of the variant that a run makes, for the report; None = it has none.
    """

    name: str
    kind: Kind
    makers: tuple[Stage, ...]
    step: str = ""
    splits: tuple[Split | None, ...] = SPLITS
    title: str = ""
    evaluated: tuple[Split, ...] = ()
    folder: str = ""
    file: str = ""
    background: bool = True
    uses_labels: bool = True
    variant: Callable[[Run], str] | None = None

    @property
    def place(self) -> str:
        """Folder within that of a run."""
        return self.folder or self.step

    @property
    def target(self) -> tuple[Split | None, ...]:
        """Splits that a finished run must have, beside what others need."""
        return self.splits[:1] if self.kind in ("model", "labels") and self.step else ()

    @property
    def record(self) -> str:
        """File that is complete when the product is; `{split}` stands for its split."""
        return self.file or _FILES[self.kind]


# ---- stages of the data set --------------------------------------------------------------------

_FETCHED = tuple(f"dataset.{key}" for key in ("source", "root", "splits", "download", "augment"))
_SOURCE = (*_FETCHED, "dataset.labels", "dataset.classes", "dataset.coco")
_DATASET = (*_SOURCE, "dataset.labels_from", "dataset.tiles")

_MADE = (Input("demo", "demo"), Input("fetched", "fetched"))
_TILES = Input("tiles", "tiles")
_INDEX = Input("index", "index")

_MAKE_DEMO = Stage(
    "make_demo", ("dataset.demo",), when=lambda case: case.dataset.capabilities.generated
)
# what it fetches has checksums of its own
_FETCH = Stage("fetch_data", _FETCHED, when=lambda case: case.dataset.needs_fetching(), code=False)
_CONVERT_MASKS = Stage("convert_masks", _SOURCE, _MADE[1:])
_MAKE_TILES = Stage(
    "make_tiles",
    _DATASET,
    (
        *_MADE,
        Input("converted", "drawn", "all", lambda case: case.dataset.tiles_need_drawn_masks()),
    ),
    when=lambda case: case.dataset.tiles is not None,
)
_PREPARE_DATA = Stage(
    "prepare_data",
    _DATASET,
    (
        *_MADE,
        Input("converted", "drawn", "all", lambda case: case.dataset.labels_need_drawn_masks()),
        _TILES,
    ),
)
_PREPARE_MASKS = Stage(
    "prepare_masks",
    _DATASET,
    (
        _INDEX,
        Input("converted", "drawn", when=lambda case: case.dataset.evaluation_needs_drawn_masks()),
        _TILES,
    ),
)
_CONVERT_WEIGHTS = Stage("convert_weights")

# ---- stages of a run ---------------------------------------------------------------------------

_NETWORK = ("backbone.name", "backbone.output_stride", "seed")
_TRAIN_INDEX = Input("index", "index", "train")
_BACKBONE = Input("weights", "weights", backbones=lambda run: [run.backbone])
_CAMS = Input("cams", "cam")

_MAKE_BOUNDARIES = Stage(
    "make_boundaries",
    inputs=(
        _TRAIN_INDEX,
        Input(
            "crf",
            "crf",
            "train",
            when=lambda case: case.run.boundaries.folder is None,
            of_run=lambda name, run: run.boundaries.run or f"{name}.first",
        ),
    ),
    when=lambda case: case.run.needs_boundaries(),
    scattered=True,
)
_TRAIN_CAM = Stage(
    "train_cam",
    (*_NETWORK, "backbone.freeze", "method", "cam.train", "cam.{method}"),
    (
        _TRAIN_INDEX,
        _BACKBONE,
        Input("further", "weights", backbones=lambda run: list(run.trunks().values())),
        Input("boundaries", "boundaries", "train"),
    ),
    imports_method=True,
)
_INFER_CAM = Stage(
    "infer_cam",
    ("cam.infer",),
    (_INDEX, Input("model", "classifier")),
    scattered=True,
    imports_method=True,
)
_REFINE_CRF = Stage("refine_crf", ("crf",), (_INDEX, _CAMS), scattered=True)
_TRAIN_AFFINITY = Stage(
    "train_affinity",
    (*_NETWORK, "affinity", "crf.alphas"),
    (_TRAIN_INDEX, _BACKBONE, Input("classifier", "classifier"), Input("crf", "crf", "train")),
)
_RANDOM_WALK = Stage(
    "random_walk", ("walk",), (_INDEX, Input("model", "affinity"), _CAMS), scattered=True
)
_STITCH_MASKS = Stage(
    "stitch_masks",
    inputs=(_TILES, Input("labels", PSEUDO_LABELS)),
    when=lambda case: case.dataset.tiles is not None,
)
_TRAIN_SEGMENTER = Stage(
    "train_segmenter",
    (*_NETWORK, *(f"segment.{key}" for key in ("segmenter", "backbone", "{segmenter}", "train"))),
    (
        _TRAIN_INDEX,
        Input(
            "weights",
            "weights",
            when=lambda case: not case.run.segment.checkpoint,
            backbones=lambda run: [run.segment.backbone or run.backbone],
        ),
        Input(
            "classifier",
            "classifier",
            when=lambda case: case.run.segment_starts_from_classifier(),
        ),
        Input("labels", PSEUDO_LABELS, "train", lambda case: not case.run.segment.checkpoint),
    ),
)
_INFER_SEGMENTER = Stage(
    "infer_segmenter", ("segment.infer",), (_INDEX, Input("model", "segmenter")), scattered=True
)
_SEGMENT_WHOLE = Stage(
    "segment_whole",
    ("segment.infer",),
    (_TILES, Input("model", "segmenter")),
    when=lambda case: case.dataset.tiles is not None,
    scattered=True,
)

# ---- the table ---------------------------------------------------------------------------------

PRODUCTS: tuple[Product, ...] = (
    Product("demo", "table", (_MAKE_DEMO,), splits=WHOLE, file="data/labels.csv"),
    Product("fetched", "table", (_FETCH,), splits=WHOLE, file="data/fetched.json"),
    Product("drawn", "labels", (_CONVERT_MASKS,)),
    Product("tiles", "table", (_MAKE_TILES,), splits=WHOLE, file="data/tiles.tsv"),
    Product("index", "table", (_PREPARE_DATA,), file="index.{split}.tsv"),
    Product("masks", "table", (_PREPARE_MASKS,), file="masks.{split}.tsv"),
    Product("weights", "model", (_CONVERT_WEIGHTS,), splits=WHOLE),
    Product("boundaries", "maps", (_MAKE_BOUNDARIES,), "cam", (TRAIN,), folder="boundaries"),
    Product("classifier", "model", (_TRAIN_CAM,), "cam", WHOLE, "Classifier"),
    Product("cam", "maps", (_INFER_CAM,), "cam", SPLITS, "Seed", SPLITS, background=False),
    Product("crf", "maps", (_REFINE_CRF,), "crf", SPLITS, "CRF", SPLITS),
    Product(
        "affinity", "model", (_TRAIN_AFFINITY,), "walk", WHOLE, "AffinityNet", folder="affinity"
    ),
    Product("walk", "labels", (_RANDOM_WALK,), "walk", SPLITS, "Pseudo labels", SPLITS),
    Product("stitched", "labels", (_STITCH_MASKS,), "walk", (TRAIN,), folder="walk/whole"),
    Product(
        "segmenter",
        "model",
        (_TRAIN_SEGMENTER,),
        "segment",
        WHOLE,
        "Segmenter",
        variant=lambda run: run.segment.segmenter,
    ),
    Product(
        "segment",
        "labels",
        (_INFER_SEGMENTER,),
        "segment",
        (VAL,),
        "Segmenter",
        (VAL,),
        uses_labels=False,
        variant=lambda run: run.segment.segmenter,
    ),
    Product(
        "whole",
        "labels",
        (_SEGMENT_WHOLE,),
        "segment",
        (VAL,),
        folder="segment/whole",
        uses_labels=False,
    ),
)
"""Every product of the chain, in its order."""

EVALUATE = Stage("evaluate", ("evaluate",), (_INDEX, Input("masks", "masks")))
REPORT = Stage("report", files=("report/page.html.j2", "report/page.css"))

GATHER = Stage("gather_parts")

STAGES: dict[str, Stage] = {
    stage.name: stage
    for stage in (
        *(stage for product in PRODUCTS for stage in product.makers),
        EVALUATE,
        REPORT,
        GATHER,
    )
}
"""Every stage by its name, in the order of the chain."""

STEPS: tuple[str, ...] = tuple(dict.fromkeys(p.step for p in PRODUCTS if p.step))
"""Values of `until`, in the order of the chain."""

EVALUATED: tuple[Product, ...] = tuple(p for p in PRODUCTS if p.evaluated)
"""Products that are compared with masks, in the order of the chain."""


def product(name: str) -> Product:
    """Return the row of a product.

    Raises:
        KeyError: there is none of this name.
    """
    return _BY_NAME[name]


def reached(until: str) -> tuple[Product, ...]:
    """Return the products of runs up to the step `until`."""
    last = STEPS.index(until)
    return tuple(p for p in PRODUCTS if p.step and STEPS.index(p.step) <= last)


def pseudo_labels(consumer: Product) -> Product:
    """Return the last label maps before `consumer` that are made for the training images."""
    before = PRODUCTS[: PRODUCTS.index(consumer)]
    return [p for p in before if p.kind == "labels" and p.evaluated and TRAIN in p.splits][-1]


_BY_NAME = {row.name: row for row in PRODUCTS}
