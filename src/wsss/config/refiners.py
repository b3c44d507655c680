"""Configuration of the refinement of class activation maps: dense CRF and PAR."""

from typing import Annotated, Literal, NamedTuple

from pydantic import AfterValidator, Field

from wsss.config.crf import CrfKernel
from wsss.config.section import Count, Positive, Section, distinct

Alphas = Annotated[list[Positive], Field(min_length=2), AfterValidator(distinct)]
"""Exponents of the background score `(1 - max cam) ^ alpha`."""

RefinerName = Literal["crf", "par", "par+crf", "none"]


class Crf(CrfKernel):
    """CRF refinement of the class activation maps."""

    alphas: Alphas = [4.0, 24.0]
    """Exponents of the background score (1 - max cam)^alpha; AffinityNet is trained with the lowest
    and the highest."""


class Par(Section):
    """Pixel-adaptive refinement (PAR) of the class activation maps, without training."""

    alphas: Alphas = [1.0, 4.0]
    """Exponents of the background score (1 - max map)^alpha beside the refined maps."""
    iterations: Count = 20
    """Steps, each a mean over 48 neighbours of similar colour."""


class Refiner(NamedTuple):
    """A refiner by the parts of the configuration that it reads.

    Attributes:
        keys: dotted keys.
        exponents: section with its exponents `alphas`; None if it makes no maps.
    """

    keys: tuple[str, ...]
    exponents: Literal["crf", "par"] | None


REFINERS: dict[RefinerName, Refiner] = {
    "crf": Refiner(("crf",), "crf"),
    "par": Refiner(("par",), "par"),
    "par+crf": Refiner(("par.iterations", "crf"), "crf"),
    "none": Refiner((), None),
}
