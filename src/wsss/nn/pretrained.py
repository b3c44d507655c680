"""Pretrained weights of backbones: from a file, a download or a Python package."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from urllib.error import URLError

from torch import Tensor

from wsss.config.backbones import BACKBONES, CLIP, IMAGENET, TIMM
from wsss.config.packaged import PACKAGED, package_of
from wsss.errors import UserError
from wsss.nn.integrity import check_download
from wsss.nn.weights import COUNTER, read_state


def pretrained(name: str, source: str) -> dict[str, Tensor]:
    """Return the pretrained weights of a backbone.

    Args:
        name: The backbone's name in the registry.
        source: A file, ``imagenet`` or ``packaged``, as in the configuration.

    Raises:
        UserError: If there are none, or they are damaged.
    """
    if source == IMAGENET:
        return fetch_imagenet(name)
    return read_packaged(name) if source == PACKAGED else read_state(Path(source))


def fetch_imagenet(name: str) -> dict[str, Tensor]:
    """Return the pretrained weights of a backbone, from the hub or its cache.

    They are torchvision's ``IMAGENET1K_V1``, or for ``timm/<encoder>`` timm's own.

    Raises:
        UserError: If there are none for it, or they can be neither found nor fetched.
    """
    if name.startswith((TIMM, CLIP)):
        from wsss.nn.backbones.timm import fetch  # only those who want timm wait for its import

        return fetch(name)
    published = {key: entry.imagenet for key, entry in BACKBONES.items() if entry.imagenet}
    if name not in published:
        raise UserError(
            f"no ImageNet weights to download for backbone {name!r} "
            f"(only for {', '.join(published)}, {TIMM}<encoder>): give a weights file instead"
        )
    from torchvision.models import get_weight  # two seconds, for those who want it

    weights = get_weight(f"{published[name]}.IMAGENET1K_V1")
    check_download(weights.url)
    try:
        return weights.get_state_dict(progress=False, check_hash=True, weights_only=True)
    except (URLError, OSError, RuntimeError) as error:
        raise UserError(
            f"cannot fetch {weights.url} ({error}): fetch it elsewhere and give it as weights file"
        ) from None


def read_packaged(name: str) -> dict[str, Tensor]:
    """Return the weights of an encoder of timm from their Python package, by timm's names.

    Raises:
        UserError: If there is no such package, it is not installed, or its file is another one.
    """
    package = package_of(name)
    path = package.path()
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != package.sha256:
        raise UserError(
            f"{path}: not the file of {package.name} {package.version}, as its SHA-256 differs: "
            f"{package.reinstall}"
        )
    from wsss.nn.backbones.timm import whole_model

    return by_order(whole_model(name), read_state(path), str(path))


def by_order(
    wanted: Mapping[str, Tensor], given: Mapping[str, Tensor], source: str
) -> dict[str, Tensor]:
    """Name weights of the same network by their positions.

    Args:
        wanted: Names and shapes of the network, in the order of its layers.
        given: Weights in that order, under other names. ``num_batches_tracked`` is left out, in
            both.
        source: Where the weights come from, for messages.

    Raises:
        UserError: If there are more or fewer weights, or one is of another shape.
    """
    names, others = ([key for key in s if not key.endswith(COUNTER)] for s in (wanted, given))
    if len(names) != len(others):
        raise UserError(f"{source}: {len(others)} tensors, expected {len(names)}")
    for name, other in zip(names, others, strict=True):
        if wanted[name].shape != given[other].shape:
            raise UserError(
                f"{source}: {other} {tuple(given[other].shape)} is in the place of "
                f"{name} {tuple(wanted[name].shape)}"
            )
    return {name: given[other] for name, other in zip(names, others, strict=True)}
