"""Configuration of the affinities between pixels, and of the random walk on them."""

from collections.abc import Collection
from typing import Annotated, Literal

from pydantic import Field

from wsss.config.crf import WalkCrf
from wsss.config.irn import Irn
from wsss.config.section import InferPrecision, Positive, Section
from wsss.config.training import AffinityTrain


class AffinityFeatures(Section):
    """Features whose cosines are affinities, without training."""

    of: Literal["classifier", "backbone"] = "classifier"
    """Network: the trained classifier, or its backbone with its pretrained weights."""
    taps: Annotated[list[Literal["conv3", "conv4", "conv5", "conv6"]], Field(min_length=1)] = [
        "conv4",
        "conv5",
    ]
    """Feature maps that are compared, side by side; conv3 is the finest."""


class Affinity(Section):
    """Affinities of neighbouring cells, along which the random walk spreads the maps."""

    source: Literal["learned", "features", "irn", "none"] = "learned"
    """learned = AffinityNet, trained on confident pixels; features = cosines of features; irn =
    IRNet, trained to find the boundaries between classes; none = no walk, the labels are those of
    the refined maps of the lowest exponent."""
    features: AffinityFeatures = AffinityFeatures()
    irn: Irn = Irn()
    train: AffinityTrain = AffinityTrain()
    radius: Annotated[int, Field(ge=2)] = 5
    """Neighbourhood of a pixel pair in feature cells, of 8 pixels or, with irn, of 4."""

    def unread(self) -> Collection[str]:
        """Return the sections of the other sources."""
        section = {"learned": "train", "features": "features", "irn": "irn"}
        return {*section.values()} - {section.get(self.source)}


class Walk(Section):
    """Random walk on the affinities."""

    maps: Literal["cam", "refined"] = "cam"
    """Maps that are spread: the class activation maps, or the refined ones."""
    alpha: Positive = 8.0
    """Exponent of the background score beside the class activation maps; refined maps have that of
    their lowest exponent, and irn has a constant score."""
    beta: Positive = 8.0
    """Power of the affinities."""
    logt: Annotated[int, Field(ge=0, le=12)] = 6
    """The walk takes 2^logt steps."""
    precision: InferPrecision = "auto"
    """Arithmetic of AffinityNet or IRNet on GPUs; CPUs, and the walk itself, compute in 32 bits."""
    crf: WalkCrf = WalkCrf()
    """Dense CRF on the result of the walk."""

    def unread(self) -> Collection[str]:
        """Return the exponent if the maps have one."""
        return ("alpha",) if self.maps == "refined" else ()
