"""Configuration of the data set, and what the workflow derives from it before reading any file."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from wsss.config.section import Count, DatasetName, Name, Section, UserPath
from wsss.names import cleaned

_ARCHIVES = (".tar", ".tgz", ".tar.gz", ".tar.bz2", ".tar.xz", ".zip")
TRAIN_AUG = "train_aug"
"""The list of VOC's and SBD's training images, 10582 in VOC 2012."""


@dataclass(frozen=True)
class Capabilities:
    """Properties of a data source that the configuration and the workflow depend on.

    Attributes:
        generated: the workflow makes the images, so there is no `root`.
        has_masks: images can have ground-truth masks.
        draws_masks: the masks are regions, which have to be drawn as PNGs before they are used.
        colours: the masks are files, which may hold colours in place of ids.
        keys: keys of `dataset` that only some sources understand, this one among them.
    """

    generated: bool = False
    has_masks: bool = True
    draws_masks: bool = False
    colours: bool = False
    keys: tuple[str, ...] = ()


CAPABILITIES: dict[str, Capabilities] = {
    "demo": Capabilities(generated=True),
    "csv": Capabilities(colours=True, keys=("labels",)),
    "folders": Capabilities(has_masks=False),
    "voc": Capabilities(colours=True, keys=("labels", "download", "augment", "augment_masks")),
    "coco": Capabilities(draws_masks=True, keys=("coco",)),
}
"""The data sources; `wsss.data.sources` reads them."""

_IGNORED = ("labels", "coco")
"""Keys without effect for a source that does not understand them."""
_REFUSED = ("download", "augment", "augment_masks")
"""Keys that are an error for a source that does not understand them."""

ClassName = Annotated[str, AfterValidator(cleaned)]
"""The name of a class as every source cleans it, so that the same names compare equal."""


class Demo(Section):
    """The generated data set."""

    images: Count = 160
    """Number of training images."""
    val_images: Count = 48
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
    crowds: Literal["ignore", "objects"] | None = None
    """Regions marked as crowds: ignore their pixels, as MS-COCO means it, or take them as objects,
    as CVAT and datumaro mark what is painted with a brush; null = ignore, unless most are."""


class Tiles(Section):
    """Square tiles that large images are cut into."""

    size: Annotated[int, Field(ge=32)] = 512
    """Side of a tile in pixels."""
    overlap: Annotated[int, Field(ge=0)] = 128
    """Overlap of neighbouring tiles in pixels."""
    labels: UserPath | None = None
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
    source: Literal[tuple(CAPABILITIES)] = "demo"  # type: ignore[valid-type]
    """demo = generated; csv = folder with a table of labels; folders = one folder per class;
    voc = PASCAL VOC layout; coco = images and a JSON file of instances."""
    root: UserPath | None = None
    """Folder of the data; null for the demo and for downloaded data."""
    labels: UserPath = "labels.csv"
    """Table of labels, relative to root: columns image, split, labels and optionally mask."""
    classes: list[ClassName] = []
    """Class names in the order of the mask ids 1, 2, ...; empty = found in the labels."""
    splits: dict[Literal["train", "val"], Name] = {"train": "train", "val": "val"}
    """Names of the training and the held-out split in the data set."""
    labels_from: Literal["annotations", "masks"] = "annotations"
    """masks = the image labels are the classes in the mask, as in EADER's experiments."""
    download: bool = False
    """Download VOC 2012, and SBD if the list train_aug needs it, into the results (voc)."""
    augment: UserPath | None = None
    """SBD or SegmentationClassAug, folder or archive, as additional masks of VOC's images (voc)."""
    masks: UserPath | None = None
    """Masks of an annotation tool, relative to root: labelmap.txt with the colours of the masks
    (CVAT, datumaro), or the JSON of Label Studio; null = labelmap.txt if it exists, else ids."""
    augment_masks: bool = False
    """Evaluate on the masks of augment, too; published metrics are on VOC's own masks."""
    coco: Coco = Coco()
    white: Annotated[int, Field(ge=255, le=65535)] = 65535
    """Value of 16-bit samples that is white: 4095 for data of 12 bits in 16-bit TIFFs and PNGs."""
    tiles: Tiles | None = None
    """Cut every image into tiles first; null = do not."""
    demo: Demo = Demo()

    @property
    def capabilities(self) -> Capabilities:
        """Capabilities of the data source."""
        return CAPABILITIES[self.source]

    def unread(self) -> Collection[str]:
        """Return the keys that only other sources read."""
        return tuple(key for key in _IGNORED if key not in self.capabilities.keys)

    def needs_fetching(self) -> bool:
        """True if data have to be downloaded or an archive has to be unpacked first."""
        return self.download or fetched_augment(self) is not None

    def data_root(self, made: Path) -> Path:
        """Folder of the images: the user's, or below `made`, which the workflow writes."""
        if self.root:
            return Path(self.root)
        return made / "VOCdevkit/VOC2012" if self.download else made

    def mask_file(self, root: Path | None = None) -> Path | None:
        """File of the annotation tool that the masks come from; None = they are not from one.

        Args:
            root: folder of the data; None = `root`.
        """
        folder = root or Path(self.root or "")
        if self.masks:
            return folder / self.masks
        if not self.root or self.augment or not self.capabilities.colours:
            return None
        found = folder / "labelmap.txt"
        return found if found.is_file() else None

    def has_drawn_masks(self) -> bool:
        """True if there are masks that the data set does not have as label maps."""
        return self._draws_all() or bool(self.augment or fetched_augment(self))

    def evaluates_drawn_masks(self) -> bool:
        """True if predictions are compared with drawn masks, too."""
        return self._draws_all() or self.augment_masks

    def _draws_all(self) -> bool:
        return self.capabilities.draws_masks or self.mask_file() is not None

    def labels_need_drawn_masks(self) -> bool:
        """True if the image labels are taken from drawn masks; tiles have PNGs of their own."""
        return self.tiles is None and self.has_drawn_masks() and self.labels_from == "masks"

    def evaluation_needs_drawn_masks(self) -> bool:
        """True if the table of masks lists drawn ones; tiles have PNGs of their own."""
        return self.tiles is None and self.evaluates_drawn_masks()

    def tiles_need_drawn_masks(self) -> bool:
        """True if drawn masks have to be cut into tiles with their images."""
        if self.tiles is None or not self.has_drawn_masks():
            return False
        return self.evaluates_drawn_masks() or self.labels_from == "masks"

    @model_validator(mode="after")
    def _root_given(self) -> "Dataset":
        if not (self.capabilities.generated or self.root or self.download):
            raise ValueError(f"source {self.source} needs root, the folder of the data")
        if self.capabilities.generated and self.root:
            others = " | ".join(name for name, c in CAPABILITIES.items() if not c.generated)
            raise ValueError(
                f"source {self.source} has no root; for your own images set source to {others}"
            )
        if self.download and self.root:
            raise ValueError("download and root exclude each other; leave root null to download")
        return self

    @model_validator(mode="after")
    def _goes_with_source(self) -> "Dataset":
        for key in _REFUSED:
            if getattr(self, key) and key not in self.capabilities.keys:
                takers = " or ".join(name for name, c in CAPABILITIES.items() if key in c.keys)
                raise ValueError(f"{key} goes with source {takers}, not {self.source}")
        if self.masks and (self.augment or not self.root):
            raise ValueError("masks needs root and excludes augment")
        if self.masks and not (self.capabilities.colours or self.masks.endswith(".json")):
            raise ValueError(f"masks: source {self.source} takes the JSON of Label Studio alone")
        if self.augment_masks and not (self.augment or fetched_augment(self)):
            raise ValueError("augment_masks needs augment, the masks to evaluate on")
        if self.labels_from == "masks" and not self.capabilities.has_masks:
            raise ValueError(f"labels_from masks needs masks; source {self.source} has none")
        if self.labels_from == "masks" and self.tiles and self.tiles.labels:
            raise ValueError("tiles.labels: excludes labels_from masks; set it to null")
        return self


def fetched_augment(dataset: Dataset) -> str | None:
    """Folder that `augment` is unpacked into, below the fetched data; None = none is unpacked."""
    if dataset.augment:
        return "augment" if dataset.augment.lower().endswith(_ARCHIVES) else None
    derived = dataset.download and TRAIN_AUG in dataset.splits.values()
    return "benchmark_RELEASE" if derived else None
