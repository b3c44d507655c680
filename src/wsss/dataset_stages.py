"""Stages of the data set, the first rows of the table of the chain (`wsss.pipeline`)."""

from wsss.products import Input, Stage, UserFile

_FETCHED = tuple(f"dataset.{key}" for key in ("source", "root", "splits", "download", "augment"))
_SOURCE = (*_FETCHED, "dataset.labels", "dataset.classes", "dataset.coco", "dataset.masks")
_DATASET = (*_SOURCE, "dataset.labels_from", "dataset.tiles", "dataset.white")

_MADE = (Input("demo", "demo"), Input("fetched", "fetched"))
TILES = Input("tiles", "tiles")
INDEX = Input("index", "index")
TRAIN_INDEX = Input("index", "index", "train")

MAKE_DEMO = Stage(
    "make_demo", ("dataset.demo",), when=lambda case: case.dataset.capabilities.generated
)
# what it fetches has checksums of its own
FETCH = Stage(
    "fetch_data",
    _FETCHED,
    given=lambda case: [UserFile(path) for path in [case.dataset.augment] if path],
    when=lambda case: case.dataset.needs_fetching(),
    code=False,
)
CONVERT_MASKS = Stage("convert_masks", _SOURCE, _MADE[1:], "drawn")
MAKE_TILES = Stage(
    "make_tiles",
    _DATASET,
    (
        *_MADE,
        Input("converted", "drawn", "all", lambda case: case.dataset.tiles_need_drawn_masks()),
    ),
    "tiles",
    when=lambda case: case.dataset.tiles is not None,
)
PREPARE_DATA = Stage(
    "prepare_data",
    _DATASET,
    (
        *_MADE,
        Input("converted", "drawn", "all", lambda case: case.dataset.labels_need_drawn_masks()),
        TILES,
    ),
    "index",
)
PREPARE_MASKS = Stage(
    "prepare_masks",
    _DATASET,
    (
        INDEX,
        *_MADE,
        Input("converted", "drawn", when=lambda case: case.dataset.evaluation_needs_drawn_masks()),
        TILES,
    ),
    "masks",
)
