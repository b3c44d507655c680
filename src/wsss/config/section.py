"""The base of every part of the configuration, and the ranges of its values."""

from collections.abc import Callable, Collection, Iterator
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
Folder = Annotated[str, Field(pattern=r"^[^{}]+$")]
Count = Annotated[int, Field(ge=1)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]
Scales = Annotated[list[Positive], Field(min_length=1)]


def _none_of(*taken: str) -> Callable[[str], str]:
    """Return what refuses the names of folders that the results have anyway."""

    def check(name: str) -> str:
        if name in taken:
            raise ValueError("this name is taken by a folder of the results")
        return name

    return check


def ordered(bounds: tuple[float, float]) -> tuple[float, float]:
    """Return a range whose lower bound stands first.

    Raises:
        ValueError: it does not.
    """
    if bounds[0] > bounds[1]:
        raise ValueError("the smaller bound of a range stands first")
    return bounds


def distinct(values: list[float]) -> list[float]:
    """Return values no two of which are equal.

    Raises:
        ValueError: two are.
    """
    if len(set(values)) < len(values):
        raise ValueError("the values must differ")
    return values


DatasetName = Annotated[Name, AfterValidator(_none_of("weights"))]
RunName = Annotated[
    str,
    Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_+-]*$"),
    AfterValidator(_none_of("data", "logs", "benchmarks")),
]


class Section(BaseModel):
    """A closed, immutable part of the configuration: unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    def unread(self) -> Collection[str]:
        """Return the keys that nothing reads beside the values of the others."""
        return ()

    def effective(self) -> Self:
        """Return this section with all that nothing reads at its default, in sections inside, too.

        Equal ones have equal effects.
        """
        fields, unread = type(self).model_fields, self.unread()
        inner = {name: getattr(self, name) for name in fields}
        values = {
            name: value.effective() for name, value in inner.items() if isinstance(value, Section)
        }
        return self.model_copy(update=values | {name: fields[name].default for name in unread})


class MethodParams(Section):
    """Options of a method, and what the workflow must know of it before torch is imported.

    Attributes:
        needs: Sample keys that it reads besides ``image`` and ``label``.
        taps: Feature taps that the backbone must have.
        addon: Whether it can be added to another method, as in ``psa+eader``.
    """

    needs: ClassVar[tuple[Literal["boundary"], ...]] = ()
    taps: ClassVar[tuple[str, ...]] = ("conv6",)
    addon: ClassVar[bool] = False

    def trunks(self) -> dict[str, Section | None]:
        """Return the further backbones that the method trains, by the names of their options.

        None stands for one like the run's backbone. All layers of further backbones are trained.
        """
        return {}

    def problems(self, train: Section) -> Iterator[tuple[str, str]]:  # noqa: ARG002
        """Yield (option, what is wrong with it) for a training with the settings `cam.train`."""
        yield from ()
