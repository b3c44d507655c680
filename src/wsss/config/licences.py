"""Licences of pretrained weights, known before anything is fetched or trained.

A licence is open if it allows every use and all changes. Weights under another one are used only
where the configuration names it in `accept_license`.
"""

from collections.abc import Collection, Mapping
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import yaml

OPEN = {"apache-2.0", "bsd-2-clause", "bsd-3-clause", "cc-by-4.0", "cc0-1.0", "isc", "mit"}
"""Open licences, by their SPDX identifiers in small letters."""

CARD = "README.md"
"""Model card beside the weights of a network."""

_TIMM = {
    "fair-noncommercial-research-license": "*.eupe_lvd1689m vit_tiny_patch16_dinov3_qkvb",
    "dinov3-license": "*dinov3*",
    "apple-amlr": "*.apple_mclip* fastvit_mci* vit_base_mci_224",
    "fastvit-license": "fastvit_*",
    "mobileone-license": "mobileone_*",
    "cvnets-license": "mobilevit*",
    "sapiens2-license": "*_sapiens2*",
    "nvidia-open-model-license": "*_radio_v*",
    "qwen-community-1.0": "qwen3_vit_*.qwen3_8_flash_next",
    "gemma": "mobilenetv5_300m*",
    "seer-license": "regnety_*.seer* regnety_640 regnety_2560",
    "cc-by-nc-4.0": "convnextv2_* hiera_*_224* regnety_*.swag_* regnety_1280 res*.fb_*ig1b_* "
    "res*.fb_ssl_yfcc100m_* resnext101_32x4d resnext101_32x16d resnext101_32x32d *.mae *.metaclip* "
    "vit_base_patch16_clip_quickgelu_224 vit_gigantic_patch14_clip_378 "
    "vit_gigantic_patch14_clip_quickgelu_224 vit_giant_patch16_gap_224* vit_huge_patch1?_gap_*",
    "apple-ascl": "aimv2_* *.dfn[25]b* vit_huge_patch14_clip_378 "
    "vit_huge_patch14_clip_quickgelu_??? vit_large_patch14_clip_quickgelu_224",
}
"""Licences that are not open, by timm's words, and patterns of the encoders whose weights have
them; the first that fits counts. Licences of all others are open, or not stated."""

_HUB = {
    "other": "facebook/mask2former-* facebook/maskformer-* nvidia/*",
    "mit": "openmmlab/upernet-* tue-mps/*_eomt_*",
}
"""The same for networks on the hub of Hugging Face, by the words of their cards; open ones, too."""


def of_timm(encoder: str) -> str:
    """Return the licence of the weights that timm fetches for an encoder, if it is not open."""
    return _first(_TIMM, encoder)


def of_network(weights: str) -> str:
    """Return the licence of a network for transformers; empty if it is not known.

    Args:
        weights: a folder, whose model card may state it, or a name on the hub.
    """
    return stated(Path(weights, CARD)) or _first(_HUB, weights)


def _first(licences: Mapping[str, str], name: str) -> str:
    fitting = (
        licence
        for licence, patterns in licences.items()
        if any(fnmatch(name, pattern) for pattern in patterns.split())
    )
    return next(fitting, "")


def stated(card: Path) -> str:
    """Return the licence that the head of a model card states; empty if it states none."""
    try:
        _, head, _ = card.read_text(encoding="utf-8").split("---", 2)
        found: Any = yaml.safe_load(head)
    except (OSError, ValueError, yaml.YAMLError):
        return ""
    if not isinstance(found, dict):
        return ""
    return str(found.get("license_name") or found.get("license") or "")


def refusal(weights: str, licence: str, accepted: Collection[str]) -> str:
    """Return why weights cannot be used; empty if their licence is open, unknown or accepted."""
    if not licence or licence.lower() in OPEN or licence in accepted:
        return ""
    return (
        f"the weights {weights} have the licence {licence}, which is not open: read its terms, and "
        f"set accept_license: {licence} if they suit your use"
    )
