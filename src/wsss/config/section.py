"""The base of every part of the configuration, and the ranges of its values."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]*$")]
Count = Annotated[int, Field(ge=1)]
Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]


def ordered(bounds: tuple[float, float]) -> tuple[float, float]:
    """Return a range whose lower bound stands first.

    Raises:
        ValueError: it does not.
    """
    if bounds[0] > bounds[1]:
        raise ValueError("the smaller bound of a range stands first")
    return bounds


class Section(BaseModel):
    """A closed, immutable part of the configuration: unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)
