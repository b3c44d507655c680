"""The chain as one table: every product, what it is made from and the stage that makes it.

The order of the rows is that of the chain. The configuration (`until`), the rules, `wsss evaluate`,
the report and the forecast derive from it. It imports nothing but the types of its rows and stages
in modules of their own, so that all of them can. See docs/developing.md for how to add a row.
"""

from wsss import runnames
from wsss.dataset_stages import (
    CONVERT_MASKS,
    FETCH,
    INDEX,
    MAKE_DEMO,
    MAKE_TILES,
    PREPARE_DATA,
    PREPARE_MASKS,
    TILES,
    TRAIN_INDEX,
)
from wsss.products import (
    PSEUDO_LABELS,
    SPLITS,
    TRAIN,
    UNSPLIT,
    VAL,
    Input,
    Product,
    Stage,
    UserFile,
    checkpoint,
    pretrained,
)
from wsss.untrained_stages import EMBED_TEXT, FURTHER, LABEL_REFINED, PREPARE_CAM
from wsss.walk_stages import (
    AFFINITY_CLASSIFIER,
    CAMS,
    LABEL_IRN,
    SAM_LABELS,
    TRAIN_IRN,
    WALK_IRN,
)

# ---- stages of a run ---------------------------------------------------------------------------

_CONVERT_WEIGHTS = Stage("convert_weights")
_NETWORK = ("backbone.name", "backbone.output_stride", "seed")

_MAKE_BOUNDARIES = Stage(
    "make_boundaries",
    inputs=(
        TRAIN_INDEX,
        Input(
            "refined",
            "refined",
            "train",
            when=lambda case: case.run.boundaries.folder is None,
            of_run=lambda name, run: run.boundaries.run or runnames.first(name),
        ),
    ),
    given=lambda case: [
        UserFile(path, "--folder", ("*.npy",)) for path in [case.run.boundaries.folder] if path
    ],
    when=lambda case: case.run.needs_boundaries(),
    scattered=True,
)
_TRAIN_CAM = Stage(
    "train_cam",
    (*_NETWORK, "backbone.freeze", "method", "cam.train", "cam.{method}"),
    (
        TRAIN_INDEX,
        pretrained("cam", lambda run: run.backbone),
        FURTHER,
        Input("boundaries", "boundaries", "train"),
    ),
    given=lambda case: checkpoint(case.run.cam.checkpoint),
    imports_method=True,
    watched=(Input("val_index", "index"),),
)
_INFER_CAM = Stage(
    "infer_cam",
    ("cam.infer",),
    (INDEX, Input("model", "classifier")),
    scattered=True,
    imports_method=True,
)
_PACK_CLASSIFIER = Stage(
    "pack_classifier", ("cam.infer",), (TRAIN_INDEX, Input("model", "classifier"))
)
_EVALUATE_CLASSIFIER = Stage(
    "evaluate_classifier",
    ("cam.infer.precision",),
    (INDEX, Input("model", "classifier")),
    imports_method=True,
)
_REFINE_MAPS = Stage(
    "refine_maps",
    ("refine", "{refiner}"),
    (INDEX, CAMS),
    when=lambda case: case.run.refine != "none",
    scattered=True,
)
_TRAIN_AFFINITY = Stage(
    "train_affinity",
    (*_NETWORK, "affinity.train", "affinity.radius", "refine", "{alphas}"),
    (
        TRAIN_INDEX,
        pretrained("walk", lambda run: run.backbone),
        AFFINITY_CLASSIFIER,
        Input("refined", "refined", "train"),
    ),
    when=lambda case: case.run.affinity.source == "learned",
    watched=(),
)
_RANDOM_WALK = Stage(
    "random_walk",
    (
        *("backbone.name", "backbone.output_stride", "walk"),
        *(f"affinity.{key}" for key in ("source", "features", "radius")),
    ),
    (
        INDEX,
        Input("affinity", "affinity"),
        Input("classifier", "classifier", when=lambda case: case.run.compares("classifier")),
        Input(
            "weights",
            "weights",
            when=lambda case: case.run.compares("backbone"),
            backbones=lambda run: {"": run.backbone},
        ),
        Input("refined", "refined", when=lambda case: case.run.walk.maps == "refined"),
        Input("cams", "cam", when=lambda case: case.run.walk.maps == "cam"),
    ),
    when=lambda case: case.run.affinity.source != "irn",
    scattered=True,
)
_STITCH_MASKS = Stage(
    "stitch_masks",
    inputs=(TILES, Input("labels", PSEUDO_LABELS)),
    when=lambda case: case.dataset.tiles is not None,
)
_RELABEL = Stage(
    "relabel",
    ("segment.infer",),
    (
        TRAIN_INDEX,
        Input(
            "model",
            "segmenter",
            of_run=lambda name, run: runnames.round_before(name, run.segment.rounds - 1),
        ),
    ),
    when=lambda case: case.run.relabels(),
    scattered=True,
)
_TOOL_FILES = tuple(f"**/*.{suffix}" for suffix in ("png", "json", "txt", "yaml", "yml"))
"""Files that annotation tools write about masks."""
_READ_CORRECTED = Stage(
    "read_corrected",
    inputs=(TRAIN_INDEX,),
    given=lambda case: [
        UserFile(path, "--folder", _TOOL_FILES) for path in [case.run.segment.corrections()] if path
    ],
    when=lambda case: bool(case.run.segment.corrections()),
)
_TRAIN_SEGMENTER = Stage(
    "train_segmenter",
    (*_NETWORK, *(f"segment.{key}" for key in ("segmenter", "backbone", "{segmenter}", "train"))),
    (
        TRAIN_INDEX,
        pretrained("segment", lambda run: run.segment.backbone or run.backbone),
        Input(
            "classifier",
            "classifier",
            when=lambda case: case.run.segment_starts_from_classifier(),
        ),
        Input("refined", "refined", "train", lambda case: case.run.learns_confident_pixels()),
        Input("labels", PSEUDO_LABELS, "train", lambda case: not case.run.segment.checkpoint),
        Input("masks", "masks", "train", lambda case: case.run.learns_masks()),
        Input("corrected", "corrected", "train"),
    ),
    given=lambda case: [
        *checkpoint(case.run.segment.checkpoint),
        *map(UserFile, case.run.segment.network_files()),
    ],
    hub=lambda case: {name: "segment.hf.weights" for name in case.run.segment.on_hub()},
    watched=(Input("val_index", "index"), Input("val_masks", "masks")),
)
_INFER_SEGMENTER = Stage(
    "infer_segmenter", ("segment.infer",), (INDEX, Input("model", "segmenter")), scattered=True
)
_PACK_SEGMENTER = Stage(
    "pack_segmenter", ("segment.infer",), (TRAIN_INDEX, Input("model", "segmenter"))
)
_SEGMENT_WHOLE = Stage(
    "segment_whole",
    ("segment.infer",),
    (TILES, Input("model", "segmenter")),
    when=lambda case: case.dataset.tiles is not None,
    scattered=True,
)

SCORES = "classifier scores"
"""Name of the product with the classifier's metrics."""

# ---- the table ---------------------------------------------------------------------------------

PRODUCTS: tuple[Product, ...] = (
    Product("demo", "table", (MAKE_DEMO,), splits=UNSPLIT, file="data/labels.csv"),
    Product("fetched", "table", (FETCH,), splits=UNSPLIT, file="data/fetched.json"),
    Product("drawn", "labels", (CONVERT_MASKS,)),
    Product(
        "tiles",
        "table",
        (MAKE_TILES,),
        splits=UNSPLIT,
        file="data/tiles.tsv",
        beside=("labels.csv",),
    ),
    Product("index", "table", (PREPARE_DATA,), file="index.{split}.tsv"),
    Product("masks", "table", (PREPARE_MASKS,), file="masks.{split}.tsv"),
    Product("weights", "model", (_CONVERT_WEIGHTS,), splits=UNSPLIT),
    Product("boundaries", "maps", (_MAKE_BOUNDARIES,), "cam", (TRAIN,), folder="boundaries"),
    Product("text", "model", (EMBED_TEXT,), "cam", UNSPLIT, file="text.safetensors"),
    Product(
        *("classifier", "model", (PREPARE_CAM, _TRAIN_CAM), "cam", UNSPLIT, "Classifier"),
        beside=("history.csv",),
        variant=lambda run: run.classifier_variant(),
    ),
    Product("packed classifier", "model", (_PACK_CLASSIFIER,), "cam", UNSPLIT),
    Product(SCORES, "document", (_EVALUATE_CLASSIFIER,), "cam", file="classifier.{split}.json"),
    Product(
        *("cam", "maps", (_INFER_CAM,), "cam", SPLITS, "Seed", SPLITS),
        background=False,
        remedy="give the classifier more images, or a longer training (cam.train.steps)",
    ),
    Product(
        *("refined", "maps", (_REFINE_MAPS,), "refine", SPLITS, "Refined maps", SPLITS),
        remedy="choose another refiner (refine) or exponents of the background (crf.alphas, "
        "par.alphas)",
    ),
    Product(
        *("irn_labels", "labels", (LABEL_IRN,), "walk", (TRAIN,)),
        folder="irn_labels",
    ),
    Product(
        *("affinity", "model", (_TRAIN_AFFINITY, TRAIN_IRN), "walk", UNSPLIT, "Affinity network"),
        folder="affinity",
        beside=("history.csv",),
    ),
    Product(
        *("walk", "labels", (LABEL_REFINED, _RANDOM_WALK, WALK_IRN), "walk", SPLITS),
        *("Pseudo labels", SPLITS),
        remedy="walk fewer steps (walk.logt), train an affinity network longer, if there is one "
        "(affinity.train.steps, affinity.irn.train.steps), or end the run before (until: refine)",
    ),
    Product(
        *("sam", "labels", (SAM_LABELS,), "walk", SPLITS, "Labels with SAM", SPLITS),
        folder="walk/sam",
        remedy="raise the quality that masks of SAM need (sam.quality), or leave it off "
        "(sam.model: null)",
    ),
    Product("stitched", "labels", (_STITCH_MASKS,), "walk", (TRAIN,), folder="walk/whole"),
    Product(
        *("relabelled", "labels", (_RELABEL,), "segment", (TRAIN,), "Relabelled", (TRAIN,)),
        folder="segment/relabelled",
        remedy="train the segmenter in one round (segment.rounds)",
    ),
    Product(
        *("corrected", "labels", (_READ_CORRECTED,), "segment", (TRAIN,)),
        folder="segment/corrected",
    ),
    Product(
        *("segmenter", "model", (_TRAIN_SEGMENTER,), "segment", UNSPLIT, "Segmenter"),
        beside=("history.csv",),
        variant=lambda run: run.segment.with_masks(),
    ),
    Product("packed segmenter", "model", (_PACK_SEGMENTER,), "segment", UNSPLIT),
    Product(
        *("segment", "labels", (_INFER_SEGMENTER,), "segment", (VAL,), "Segmenter", (VAL,)),
        uses_labels=False,
        variant=lambda run: run.segment.with_masks(),
        remedy="train the segmenter longer (segment.train.steps), or use the pseudo labels "
        "(until: walk)",
    ),
    Product(
        *("whole", "labels", (_SEGMENT_WHOLE,), "segment", (VAL,)),
        folder="segment/whole",
        uses_labels=False,
    ),
)
"""Every product of the chain, in its order."""

EVALUATE = Stage("evaluate", ("evaluate",), (INDEX, Input("masks", "masks")))
REPORT = Stage("report", files=("report/templates/*", "workflow/configs/voc12/*"))

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


def pseudo_labels(consumer: Product) -> tuple[Product, ...]:
    """Return the label maps of training images before `consumer`, the last one first."""
    before = reversed(PRODUCTS[: PRODUCTS.index(consumer)])
    return tuple(p for p in before if p.kind == "labels" and p.evaluated and TRAIN in p.splits)


_BY_NAME = {row.name: row for row in PRODUCTS}
