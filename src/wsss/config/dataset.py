"""Configuration of the data set."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from wsss.config.section import Count, DatasetName, Name, Section


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


class Dataset(Section):
    """Where the images and their labels come from."""

    name: DatasetName = "demo"
    """Folder of the results."""
    source: Literal["demo", "csv", "voc"] = "demo"
    """demo = generated; csv = folder with a table of labels; voc = PASCAL VOC layout."""
    root: str | None = None
    """Folder of the data; not used by the demo."""
    labels: str = "labels.csv"
    """Table of labels, relative to root: columns image, split, labels and optionally mask."""
    classes: list[str] = []
    """Class names in the order of the mask ids 1, 2, ...; empty = found in the labels."""
    splits: dict[Literal["train", "val"], Name] = {"train": "train", "val": "val"}
    """Names that the data set gives to the training and the held-out split."""
    demo: Demo = Demo()

    @model_validator(mode="after")
    def _root_given(self) -> "Dataset":
        if self.source != "demo" and not self.root:
            raise ValueError(f"source {self.source} needs root, the folder of the data")
        return self
