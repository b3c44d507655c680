"""Configuration of the dense CRF."""

from typing import Annotated

from pydantic import Field

from wsss.config.section import Count, NonNegative, Positive, Section


class CrfKernel(Section):
    """The dense CRF: a smoothness and an appearance kernel."""

    iterations: Count = 10
    """Mean-field steps."""
    gaussian_sxy: Positive = 3.0
    """Width of the smoothness kernel in pixels."""
    gaussian_weight: NonNegative = 3.0
    """Weight of the smoothness kernel."""
    bilateral_sxy: Positive = 80.0
    """Width of the appearance kernel in pixels."""
    bilateral_srgb: Positive = 13.0
    """Width of the appearance kernel in grey levels."""
    bilateral_weight: NonNegative = 10.0
    """Weight of the appearance kernel."""


class PostCrf(CrfKernel):
    """Optional dense CRF on the scores of a stage."""

    iterations: Annotated[int, Field(ge=0)] = 0
    """Mean-field steps; 0 = no CRF."""
