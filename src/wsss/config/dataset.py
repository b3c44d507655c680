"""Configuration of the data set."""

from collections.abc import Collection
from typing import Annotated, Literal
from unicodedata import normalize

from pydantic import AfterValidator, Field, model_validator

from wsss.config.section import Count, DatasetName, Name, Section

_ARCHIVES = (".tar", ".tgz", ".tar.gz", ".tar.bz2", ".tar.xz", ".zip")
TRAIN_AUG = "train_aug"
"""The list of VOC's and SBD's training images, 10582 in VOC 2012."""

ClassName = Annotated[str, AfterValidator(lambda name: normalize("NFC", name))]
"""Spelt in one way, whichever way the letters with accents were typed."""


class Demo(Section):
    """The generated data set."""

    images: Count = 320
    """Number of training images."""
    val_images: Count = 64
    """Number of held-out images."""
    size: Annotated[int, Field(ge=48, le=1024)] = 128
    """Typical side of an image in pixels."""
    seed: int = 0
    """Seed of the generator."""


class Coco(Section):
    """A data set in the layout of MS-COCO; paths relative to root."""

    annotations: dict[Literal["train", "val"], str] = {
        "train": "annotations/instances_train2014.json",
        "val": "annotations/instances_val2014.json",
    }
    """JSON file of the instances, by split."""
    images: dict[Literal["train", "val"], str] = {"train": "train2014", "val": "val2014"}
    """Folder of the images, by split."""


class Tiles(Section):
    """Square tiles that large images are cut into."""

    size: Annotated[int, Field(ge=32)] = 512
    """Side of a tile in pixels."""
    overlap: Annotated[int, Field(ge=0)] = 128
    """Pixels that neighbouring tiles have in common."""
    labels: str | None = None
    """Table of tiles with labels of their own, relative to root: image, top, left, labels."""

    @model_validator(mode="after")
    def _steps_forward(self) -> "Tiles":
        if self.overlap >= self.size:
            raise ValueError(f"overlap {self.overlap} must be smaller than size {self.size}")
        return self


class Dataset(Section):
    """Where the images and their labels come from."""

    name: DatasetName = "demo"
    """Folder of the results."""
    source: Literal["demo", "csv", "folders", "voc", "coco"] = "demo"
    """demo = generated; csv = folder with a table of labels; folders = one folder per class;
    voc = PASCAL VOC layout; coco = images and a JSON file of instances."""
    root: str | None = None
    """Folder of the data; not used by the demo and by downloaded data."""
    labels: str = "labels.csv"
    """Table of labels, relative to root: columns image, split, labels and optionally mask."""
    classes: list[ClassName] = []
    """Class names in the order of the mask ids 1, 2, ...; empty = found in the labels."""
    splits: dict[Literal["train", "val"], Name] = {"train": "train", "val": "val"}
    """Names that the data set gives to the training and the held-out split."""
    labels_from: Literal["annotations", "masks"] = "annotations"
    """masks = the labels of an image are the classes in its mask, as in EADER's experiments."""
    download: bool = False
    """Fetch VOC 2012, and SBD if the list train_aug needs it, into the results (voc)."""
    augment: str | None = None
    """SBD or SegmentationClassAug, folder or archive, laid over VOC's images (voc)."""
    augment_masks: bool = False
    """Evaluate on the masks of augment, too; published figures are those of VOC's own."""
    coco: Coco = Coco()
    tiles: Tiles | None = None
    """Cut every image into tiles first; null = do not."""
    demo: Demo = Demo()

    def unread(self) -> Collection[str]:
        """Return what other sources read."""
        tables = () if self.source in ("csv", "voc") else ("labels",)
        return tables if self.source == "coco" else (*tables, "coco")

    def needs_fetching(self) -> bool:
        """Return whether images or masks are downloaded or unpacked first."""
        return self.download or fetched_augment(self) is not None

    def has_drawn_masks(self) -> bool:
        """Return whether the data set has masks that are no PNGs of its own."""
        return self.source == "coco" or bool(self.augment) or self.needs_fetching()

    def labels_need_drawn_masks(self) -> bool:
        """Return whether the image labels are read off drawn masks; tiles have theirs."""
        return self.tiles is None and self.has_drawn_masks() and self.labels_from == "masks"

    def evaluation_needs_drawn_masks(self) -> bool:
        """Return whether predictions are compared with drawn masks; tiles have theirs."""
        return self.tiles is None and (self.source == "coco" or self.augment_masks)

    def tiles_need_drawn_masks(self) -> bool:
        """Return whether drawn masks are cut with the images."""
        cut = self.source == "coco" or self.augment_masks or self.labels_from == "masks"
        return cut and self.has_drawn_masks()

    @model_validator(mode="after")
    def _root_given(self) -> "Dataset":
        if self.source != "demo" and not self.root and not self.download:
            raise ValueError(f"source {self.source} needs root, the folder of the data")
        if self.download and self.root:
            raise ValueError("download and root exclude each other; leave root null to download")
        return self

    @model_validator(mode="after")
    def _goes_with_source(self) -> "Dataset":
        voc_only = [key for key in ("download", "augment", "augment_masks") if getattr(self, key)]
        if voc_only and self.source != "voc":
            raise ValueError(f"{voc_only[0]} goes with source voc, not {self.source}")
        if self.augment_masks and not (self.augment or fetched_augment(self)):
            raise ValueError("augment_masks needs augment, the masks to evaluate on")
        if self.labels_from == "masks" and self.source == "folders":
            raise ValueError("labels_from masks needs masks; source folders has none")
        if self.labels_from == "masks" and self.tiles and self.tiles.labels:
            raise ValueError("tiles.labels: excludes labels_from masks; set it to null")
        return self


def fetched_augment(dataset: Dataset) -> str | None:
    """Name the folder that `augment` is unpacked into, below that of the fetched data.

    Returns:
        None if there is nothing to fetch or unpack.
    """
    if dataset.augment:
        return "augment" if dataset.augment.lower().endswith(_ARCHIVES) else None
    derived = dataset.download and TRAIN_AUG in dataset.splits.values()
    return "benchmark_RELEASE" if derived else None
