"""Configuration of IRNet: affinities from the boundaries between classes."""

from collections.abc import Collection
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from wsss.config.crf import CrfKernel
from wsss.config.section import Count, Positive, Section, Share, UserPath, ordered
from wsss.config.training import Train


class IrnCrf(CrfKernel):
    """Dense CRF on the labels that boundaries are learnt from, with IRN's constants."""

    bilateral_sxy: Positive = 50.0
    """Standard deviation of the appearance kernel in pixels."""
    bilateral_srgb: Positive = 5.0
    """Standard deviation of the appearance kernel in colours, grey levels 0-255."""


class IrnTrain(Train):
    """Training of IRNet's heads; its backbone stays as it is."""

    epochs: Count = 3
    """Passes over the training split."""
    min_steps: Annotated[int, Field(ge=0)] = 400
    """Fewest steps: the epochs go on until then, so that a few images are learnt, too."""
    lr: Positive = 0.001
    """Learning rate of the head of the boundaries at step 0."""
    head_lr_factor: Positive = 1.0
    """Factor on lr for the head of the displacements."""
    crop: Annotated[int, Field(ge=32, multiple_of=4)] = 320
    """Side of the training crop in pixels, whole cells of 4; smaller images of the walk are padded
    to it, too."""
    scale: Annotated[tuple[Positive, Positive], AfterValidator(ordered)] = (0.5, 1.5)
    """Range of the random scale."""
    init: Literal["backbone", "cam"] = "backbone"
    """Weights of the backbone: its pretrained ones, or those of the trained classifier."""


class Irn(Section):
    """IRNet, the network of the source irn, its labels and its walk."""

    foreground: Share = 0.3
    """Score of the background beside the class activation maps, above which a class is sure."""
    background: Share = 0.05
    """The same, below which the background is sure."""
    crf: IrnCrf = IrnCrf()
    radius: Annotated[int, Field(ge=2)] = 10
    """Neighbourhood of a pixel pair that is learnt, in cells of 4 pixels; affinity.radius is that
    of the walk."""
    train: IrnTrain = IrnTrain()
    checkpoint: UserPath | None = None
    """Published checkpoint of IRNet, used instead of a training."""
    threshold: Share = 0.25
    """Score of the background beside the walked maps, whose highest is 1."""

    def unread(self) -> Collection[str]:
        """Return the settings of the training and its labels if there is a checkpoint instead."""
        learnt = ("foreground", "background", "crf", "radius", "train")
        return learnt if self.checkpoint else ()

    @model_validator(mode="after")
    def _thresholds_ordered(self) -> "Irn":
        if self.background > self.foreground:
            raise ValueError("background has to be at most foreground")
        return self
