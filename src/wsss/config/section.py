"""The base class of all sections of the configuration, and the types of their values."""

import unicodedata
from collections.abc import Callable, Collection, Iterator, Mapping
from os.path import expanduser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from wsss.config.backbones import BackboneOptions
    from wsss.config.training import ClassifierTrain

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
Count = Annotated[int, Field(ge=1)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]
Scales = Annotated[list[Positive], Field(min_length=1)]

Number = TypeVar("Number", int, float)


def _not_reserved(*reserved: str) -> Callable[[str], str]:
    """Return a validator that rejects the names of folders that all results have."""

    def check(name: str) -> str:
        if name in reserved:
            raise ValueError("this name is taken by a folder of the results")
        return name

    return check


def ordered(bounds: tuple[Number, Number]) -> tuple[Number, Number]:
    """Return a range with its lower bound first.

    Raises:
        ValueError: the upper bound is first.
    """
    if bounds[0] > bounds[1]:
        raise ValueError("the smaller bound of a range comes first")
    return bounds


def distinct(values: list[Number]) -> list[Number]:
    """Return a list of different values.

    Raises:
        ValueError: two values are equal.
    """
    if len(set(values)) < len(values):
        raise ValueError("the values must differ")
    return values


def listed(value: object) -> object:
    """Return a single text as a list."""
    return [value] if isinstance(value, str) else value


def _home_expanded(path: str) -> str:
    """Return a path with the home folder in the place of a leading ~.

    Raises:
        ValueError: there is no such user, or the path holds control characters.
    """
    if any(unicodedata.category(character) == "Cc" for character in path):
        raise ValueError("a path without control characters is needed")
    expanded = expanduser(path)  # noqa: PTH111 a Path would drop a leading ./
    if expanded.startswith("~"):
        raise ValueError("there is no such user; write the folder in full, or ./~ for that name")
    return expanded


def _results_folder(path: str) -> str:
    """Return the path of a folder that can be written and that Snakemake can handle.

    Raises:
        ValueError: it is blank, has characters that Snakemake reads itself, or is no folder.
    """
    if not path.strip() or path.startswith("-") or set(path) & set("{}<>"):
        raise ValueError("give a folder; its name is not blank, has none of { } < > and no - first")
    # a file in the place of one of the folders
    taken = next((p for p in (Path(path), *Path(path).parents) if p.exists()), None)
    if taken and not taken.is_dir():
        raise ValueError(f"{taken} is a file, no folder")
    return path


UserPath = Annotated[str, AfterValidator(_home_expanded)]
"""Path of a file or folder of the user; a leading ~ is the home folder."""

Folder = Annotated[UserPath, AfterValidator(_results_folder)]
"""Folder of the results."""

DatasetName = Annotated[Name, AfterValidator(_not_reserved("weights"))]
RunName = Annotated[
    str,
    Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_+-]*$"),
    AfterValidator(_not_reserved("data", "logs", "benchmarks")),
]


InferPrecision = Literal["auto", "32-true"]
"""Arithmetic of networks: auto = bfloat16 on GPUs that have it, else 32 bits."""


class Section(BaseModel):
    """A closed, immutable section of the configuration: unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def unread(self) -> Collection[str]:
        """Return the inactive options: those without effect beside the values of the others."""
        return ()

    def effective(self) -> Self:
        """Return a copy with inactive options reset to their defaults, nested sections included.

        Sections with equal effects become equal.
        """
        fields = type(self).model_fields
        nested = {
            name: value.effective()
            for name in fields
            if isinstance(value := getattr(self, name), Section)
        }
        defaults = {name: fields[name].default for name in self.unread()}
        return self.model_copy(update=nested | defaults)


class MethodParams(Section):
    """Options of a method, and its properties that are needed before torch is imported.

    Attributes:
        needs: Sample keys that it reads besides ``image`` and ``label``.
        taps: Feature taps that the backbone must have.
        addon: True if it can be added to another method, as in ``psa+eader``.
        backbones: Kind of backbones that it is for: ``cnn`` for feature maps finer than patches,
            ``vit`` for tokens.
        trained: True if its network is trained; otherwise it is made of published weights and of
            features of the class names.
        scales, flip: Views of the inference unless the configuration names others.
    """

    needs: ClassVar[tuple[Literal["boundary"], ...]] = ()
    taps: ClassVar[tuple[str, ...]] = ("conv6",)
    addon: ClassVar[bool] = False
    backbones: ClassVar[Literal["any", "cnn", "vit"]] = "any"
    trained: ClassVar[bool] = True
    scales: ClassVar[tuple[float, ...]] = (0.5, 1.0, 1.5, 2.0)
    flip: ClassVar[bool] = True

    def further_backbones(self) -> "Mapping[str, BackboneOptions | None]":
        """Return the further backbones that the method trains, by the names of their options.

        None is a backbone like the run's. All layers of further backbones are trained.
        """
        return {}

    def problems(self, train: "ClassifierTrain") -> Iterator[tuple[str, str]]:  # noqa: ARG002
        """Yield (option, mistake in it) for a training with the settings `cam.train`."""
        yield from ()

    def length_problem(self, steps: int, epochs: int) -> str:  # noqa: ARG002
        """Return why a training of so many steps does not suit the method; empty if it does.

        ``epochs`` are those that it begins.
        """
        return ""

    def smallest(self) -> int:
        """Return the side in pixels that images must have."""
        return 1

    def brief(self, batch_size: int) -> Self:  # noqa: ARG002
        """Return options for a few steps of so many images that cost what all steps do on average.

        The forecast measures such a training; a method whose steps differ overrides this.
        """
        return self
