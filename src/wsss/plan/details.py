"""Dependencies of a stage beside its configuration and inputs, and its further arguments."""

from collections.abc import Callable
from pathlib import Path

from wsss.config.dataset import fetched_augment
from wsss.config.model import Config, Run
from wsss.plan.artifact import Inputs
from wsss.plan.contents import Contents
from wsss.products import VAL, Split

Details = tuple[list[str], list[str]]
"""Facts that count for the key, and arguments."""


def details(
    stage: str, split: Split | None, config: Config, run: Run, inputs: Inputs, contents: Contents
) -> Details:
    """Return what a stage depends on besides, and its further arguments."""
    if stage in ("convert_masks", "make_tiles", "prepare_data", "prepare_masks"):
        return _of_source(stage, split or VAL, config, inputs, contents)
    if stage == "fetch_data":
        return [contents.file(archive) for archive in [config.dataset.augment] if archive], []
    if stage == "make_boundaries" and (folder := run.boundaries.folder):
        return [contents.folder(folder)], ["--folder", folder]
    if stage == "train_cam":
        return _of_classifier(run, inputs, contents)
    if stage == "train_segmenter":
        return _of_checkpoint(run.segment.checkpoint, contents)
    return [], []


def _of_checkpoint(path: str | None, contents: Contents) -> Details:
    """Return the details of a training that a published checkpoint may replace."""
    return ([contents.file(path)], ["--checkpoint", path]) if path else ([], [])


def _of_classifier(run: Run, inputs: Inputs, contents: Contents) -> Details:
    if run.cam.checkpoint:
        return _of_checkpoint(run.cam.checkpoint, contents)
    names = [name for name, backbone in run.further_backbones().items() if backbone.weights]
    paths = [artifact.path for artifact in inputs["further"]]
    named = [f"{name}={path}" for name, path in zip(names, paths, strict=True)]
    return names, ["--further", *named] if named else []


def _of_source(
    stage: str, split: Split, config: Config, inputs: Inputs, contents: Contents
) -> Details:
    """Return the details of a stage that reads the data set."""
    content: dict[str, Callable[[], str]] = {
        "convert_masks": lambda: contents.drawn(split),
        "make_tiles": contents.tiles,
        "prepare_data": lambda: contents.index(split),
        "prepare_masks": lambda: contents.masks(split),
    }
    dataset = config.dataset
    made = {role: inputs.get(role, ()) for role in ("demo", "fetched", "tiles")}
    folders = {role: Path(a.path).parent for role, found in made.items() for a in found}
    root = dataset.root or ""
    facts = [root, "" if "tiles" in folders else content[stage]()]
    if folders:
        # the tables list files below the results by their paths
        facts.append(config.results)
    if dataset.download:
        root = str(dataset.data_root(folders["fetched"]))
    arguments = ["--root", str(folders.get("tiles") or folders.get("demo") or root)]
    if "fetched" in folders and (name := fetched_augment(dataset)):
        arguments += ["--augment", f"{folders['fetched']}/{name}"]
    return facts, arguments
