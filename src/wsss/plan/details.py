"""Dependencies of a stage beside its slice of the configuration and its inputs."""

from itertools import chain
from pathlib import Path

from wsss.config.dataset import Dataset, fetched_augment
from wsss.plan.artifact import Inputs
from wsss.plan.contents import Contents
from wsss.products import VAL, Case, Part, Split, Stage

Details = tuple[list[str], list[str]]
"""Facts that count for the key, and further arguments of the stage."""


def details(
    stage: Stage, split: Split | None, case: Case, results: str, inputs: Inputs, contents: Contents
) -> Details:
    """Return the facts that a stage depends on, and its arguments that are no inputs.

    Args:
        stage: the stage.
        split: split of its product.
        case: the data set and the run.
        results: folder of the results.
        inputs: its inputs.
        contents: digests of the user's files.
    """
    files = _of_files(stage, case, contents)
    backbones = _of_backbones(stage, case, inputs)
    source = _of_source(stage.reads, split or VAL, case.dataset, results, inputs, contents)
    facts, arguments = zip(files, backbones, source, strict=True)
    return [*chain(*facts)], [*chain(*arguments)]


def _of_files(stage: Stage, case: Case, contents: Contents) -> Details:
    files = stage.given(case) if stage.given else ()
    facts = [
        contents.folder(f.path, f.folder_of) if f.folder_of else contents.file(f.path)
        for f in files
    ]
    return facts, [word for f in files if f.option for word in (f.option, f.path)]


def _of_backbones(stage: Stage, case: Case, inputs: Inputs) -> Details:
    """Return the names of the backbones whose weights the stage is given by name."""
    facts, arguments = [], list[str]()
    for need in stage.inputs:
        backbones = need.backbones(case.run) if need.backbones else {}
        names = [name for name, backbone in backbones.items() if name and backbone.weights]
        if names:
            files = [artifact.path for artifact in inputs[need.role]]
            named = (f"{name}={file}" for name, file in zip(names, files, strict=True))
            arguments += [f"--{need.role}", *named]
            facts += names
    return facts, arguments


def _of_source(
    part: Part | None,
    split: Split,
    dataset: Dataset,
    results: str,
    inputs: Inputs,
    contents: Contents,
) -> Details:
    """Return the details of a stage that reads a part of the data set."""
    if part is None:
        return [], []
    made = {role: inputs.get(role, ()) for role in ("demo", "fetched", "tiles")}
    folders = {role: Path(a.path).parent for role, found in made.items() for a in found}
    root = dataset.root or ""
    facts = [root, "" if "tiles" in folders else _digest(part, split, contents)]
    if folders:
        # the tables list files below the results by their paths
        facts.append(results)
    if dataset.download:
        root = str(dataset.data_root(folders["fetched"]))
    arguments = ["--root", str(folders.get("tiles") or folders.get("demo") or root)]
    if "fetched" in folders and (name := fetched_augment(dataset)):
        arguments += ["--augment", f"{folders['fetched']}/{name}"]
    return facts, arguments


def _digest(part: Part, split: Split, contents: Contents) -> str:
    if part == "tiles":
        return contents.tiles()
    return {"index": contents.index, "masks": contents.masks, "drawn": contents.drawn}[part](split)
