"""Configuration of the dense CRF."""

from collections.abc import Collection
from importlib.util import find_spec
from typing import Annotated, Literal

from pydantic import Field, field_validator

from wsss.config.section import Count, NonNegative, Positive, Section


class CrfKernel(Section):
    """The dense CRF: a smoothness and an appearance kernel, as in PSA (`tool/imutils.py`)."""

    iterations: Count = 10
    """Mean-field steps."""
    gaussian_sxy: Positive = 3.0
    """Standard deviation of the smoothness kernel in pixels."""
    gaussian_weight: NonNegative = 3.0
    """Potts weight of the smoothness kernel."""
    bilateral_sxy: Positive = 80.0
    """Standard deviation of the appearance kernel in pixels."""
    bilateral_srgb: Positive = 13.0
    """Standard deviation of the appearance kernel in colours, grey levels 0-255."""
    bilateral_weight: NonNegative = 10.0
    """Potts weight of the appearance kernel."""
    engine: Literal["auto", "cpu", "pydensecrf"] = "auto"
    """Implementation: cpu = this project's; auto = the same, on the GPU of stages that have one;
    pydensecrf = the library of the published methods, if it is installed."""

    @field_validator("engine")
    @classmethod
    def _engine_installed(cls, engine: str) -> str:
        if engine == "pydensecrf" and find_spec("pydensecrf") is None:
            raise ValueError("pydensecrf is not installed: pip install pydensecrf2, or choose auto")
        return engine


class PostCrf(CrfKernel):
    """Optional dense CRF on the scores of a stage."""

    iterations: Annotated[int, Field(ge=0)] = 0
    """Mean-field steps; 0 = no CRF."""

    def unread(self) -> Collection[str]:
        """Return the options of the kernels if there is no CRF."""
        return () if self.iterations else set(PostCrf.model_fields) - {"iterations"}


class WalkCrf(PostCrf):
    """Optional dense CRF on the result of the walk."""

    iterations: Annotated[int, Field(ge=0)] = 10
    """Mean-field steps; 0 = no CRF."""


class SegmenterCrf(PostCrf):
    """Optional dense CRF on class probabilities, with the DeepLab authors' constants."""

    iterations: Annotated[int, Field(ge=0)] = 10
    """Mean-field steps; 0 = no CRF."""
    gaussian_sxy: Positive = 1.0
    """Standard deviation of the smoothness kernel in pixels."""
    bilateral_sxy: Positive = 67.0
    """Standard deviation of the appearance kernel in pixels."""
    bilateral_srgb: Positive = 3.0
    """Standard deviation of the appearance kernel in colours, grey levels 0-255."""
    bilateral_weight: NonNegative = 4.0
    """Potts weight of the appearance kernel."""
