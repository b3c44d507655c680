"""Sources and licences of pretrained weights, which every model made from them keeps."""

from collections.abc import Collection
from pathlib import Path

from pydantic import BaseModel

from wsss.config.backbones import CLIP, IMAGENET, TIMM
from wsss.config.licences import OPEN, refusal
from wsss.config.packaged import PACKAGED, package_of
from wsss.errors import UserError
from wsss.io.progress import log

GIVEN = "unknown: given as a file"
"""Licence of weights in a file of the user."""

UNSTATED = "unknown: its publisher states none"


class Origin(BaseModel):
    """Source and licence of pretrained weights, as a model keeps them.

    Attributes:
        backbone: the architecture.
        source: package, library or name of the file that they come from.
        licence: SPDX identifier, or the word of the publisher.
    """

    backbone: str
    source: str
    licence: str


def origin(backbone: str, weights: str) -> Origin:
    """Return the origin of the weights of a backbone: a file, `imagenet` or `packaged`.

    Raises:
        UserError: there is no such package, or timm has no such encoder.
    """
    if weights == PACKAGED:
        package = package_of(backbone)
        source, licence = f"{package.name} {package.version}", package.licence
    elif weights != IMAGENET:
        source, licence = Path(weights).name, GIVEN
    elif backbone.startswith((TIMM, CLIP)):
        from wsss.nn.backbones.timm import published  # not imported for others

        name, stated = published(backbone)
        source, licence = f"timm's {name.removeprefix(TIMM)}", stated or UNSTATED
    else:
        source, licence = "torchvision's IMAGENET1K_V1", "BSD-3-Clause"
    return Origin(backbone=backbone, source=source, licence=licence)


def require(found: Origin, accepted: Collection[str]) -> None:
    """Check that weights may be used.

    Args:
        found: their origin.
        accepted: licences that are accepted although they are not open.

    Raises:
        UserError: their licence is known, not open and not accepted.
    """
    known = "" if found.licence.startswith("unknown") else found.licence
    if refused := refusal(f"of {found.backbone} from {found.source}", known, accepted):
        raise UserError(refused)


def report(found: Origin) -> None:
    """Log an origin, as a warning if the licence is not known to be open."""
    about = f"weights of {found.backbone} from {found.source}: licence {found.licence}"
    if found.licence == GIVEN or found.licence.lower() in OPEN:
        log.info(about)
    else:
        log.warning("%s: read its terms before you use or pass on what is trained from them", about)
