"""Pretrained networks of transformers: folders with config.json and safetensors, or hub names."""

import json
import re
from collections.abc import Collection, Iterator
from os.path import isdir
from pathlib import Path

from safetensors import SafetensorError, safe_open

from wsss.config import licences

SAFETENSORS = ("model.safetensors", "model.safetensors.index.json")
"""Files of the weights, one of which a folder has; the second one lists several."""

_ON_HUB = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+(@[\w.-]+)?")
"""Name on the hub of Hugging Face, `<owner>/<network>`, and maybe `@<revision>`."""


def in_folder(weights: str) -> bool:
    """Return True if the network is in a folder, False if it is on the hub."""
    return isdir(weights)  # noqa: PTH112 Path.is_dir fails on some names


def files(weights: str | None) -> list[str]:
    """Return the files in the folder of a network that a training depends on."""
    if weights is None or not in_folder(weights):
        return []
    found = (p for p in Path(weights).iterdir() if p.suffix in (".json", ".safetensors"))
    return sorted(map(str, found))


def problems(architecture: str, weights: str | None, accepted: Collection[str]) -> Iterator[str]:
    """Yield why a network cannot be used.

    Args:
        architecture: its name in transformers.
        weights: its folder or name.
        accepted: licences that are accepted although they are not open.
    """
    if weights is None:
        yield (
            f"hf/{architecture} starts from a pretrained network; name its folder with config.json "
            "and safetensors, or its name on the hub of Hugging Face"
        )
        return
    licence = licences.of_network(weights)
    if refused := licences.refusal(weights, licence, accepted):
        yield refused
    if in_folder(weights):
        yield from _folder_problems(architecture, Path(weights))
    elif not _ON_HUB.fullmatch(weights):
        yield f"no such folder: {weights}"
    elif not licence and weights not in accepted:
        yield (
            f"the licence of the weights {weights} is not known here: read it on the hub, and set "
            f"accept_license: {weights} if it suits your use"
        )


def _folder_problems(architecture: str, folder: Path) -> Iterator[str]:
    """Yield what is wrong with the files of a network."""
    try:
        found = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        kind = found["model_type"]
    except (OSError, ValueError, TypeError, KeyError):
        yield f"{folder}: has no config.json of transformers"
        return
    if kind != architecture:
        yield f"{folder}: its config.json is that of {kind}, not of {architecture}"
    if not any((folder / name).is_file() for name in SAFETENSORS):
        yield (
            f"{folder}: has no model.safetensors; weights as pickles (.bin) are not loaded, "
            "convert them with save_pretrained of transformers"
        )
    yield from filter(None, map(damage, sorted(folder.glob("*.safetensors"))))


def damage(path: Path) -> str:
    """Return why a file of safetensors cannot be whole, by its header; empty if it may be."""
    try:
        with safe_open(path, "numpy"):
            return ""
    except (OSError, SafetensorError) as error:
        return f"{path}: damaged ({error}); get it again"
