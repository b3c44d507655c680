"""Damage to artifacts: files that do not match the checksums that their stage has written."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

from wsss.engine.checkpoint import load_model
from wsss.errors import UserError
from wsss.io.checksummed import verify_checksum
from wsss.io.index import Index, Masks
from wsss.io.labels import LabelReader
from wsss.io.maps import MapsReader
from wsss.metrics.classifier import ClassifierScores
from wsss.metrics.result import Evaluation
from wsss.pipeline import EVALUATE, SCORES
from wsss.plan.artifact import Artifact
from wsss.report.checksums import damaged_file
from wsss.tiles.table import read_tiles

Check = Callable[[], object]
"""Function that raises a `UserError` for a damaged file."""


class Damage(NamedTuple):
    """A damaged file.

    Attributes:
        folder: folder of the artifact that it belongs to.
        text: the file and what is wrong with it.
    """

    folder: str
    text: str


def damages(artifact: Artifact, store: str) -> Iterator[Damage]:
    """Yield the damaged files of an artifact.

    Images and masks in the store are compared with the tables that list them; those of the user
    are not, as a changed one gives another key.

    Args:
        artifact: an artifact that is there.
        store: folder of all artifacts.
    """
    try:
        for folder, check in _checks(artifact, store):
            try:
                check()
            except UserError as error:
                yield Damage(folder, _without_remedy(error))
    except UserError as error:
        yield Damage(artifact.folder, _without_remedy(error))


def _without_remedy(error: UserError) -> str:
    return str(error).partition("; ")[0]


def _checks(artifact: Artifact, store: str) -> Iterator[tuple[str, Check]]:
    """Yield the checks of an artifact, each with the folder of what is checked."""
    path = Path(artifact.path)
    if artifact.product == "index":
        items = Index.read(path).items
        yield from _in_store(store, {item.image: item.content for item in items})
    elif artifact.product == "masks":
        masks = Masks.read(path)
        files = {file: partial(masks.content, name) for name, file in masks.paths.items()}
        yield from _in_store(store, files)
    else:
        yield from ((artifact.folder, check) for check in _of_files(artifact, path))


def _in_store(store: str, checks: Mapping[Path, Check]) -> Iterator[tuple[str, Check]]:
    """Yield the checks of files that the workflow has made, with the folders of their artifacts."""
    for file, check in checks.items():
        if file.is_relative_to(store):
            yield str(Path(store, *file.relative_to(store).parts[:2])), check


def _of_files(artifact: Artifact, path: Path) -> Iterator[Check]:
    """Yield the checks of the files of an artifact."""
    if artifact.stage == EVALUATE.name:
        yield partial(_evaluation, artifact)
    elif artifact.product == SCORES:
        yield partial(_scores, artifact)
    elif path.name in ("labels.tsv", "maps.tsv"):
        yield from _of_record(path)
    elif path.name == "model.pt":
        yield from _of_model(path, artifact)
    elif artifact.product == "tiles":
        yield partial(read_tiles, path.parent)
    elif artifact.product == "report":
        yield partial(_report, artifact)


def _of_record(path: Path) -> Iterator[Check]:
    """Yield a check for the maps of every image of a commit record."""
    reader = (LabelReader if path.name == "labels.tsv" else MapsReader)([path])
    yield from (partial(reader.read, image_id) for image_id in reader.ids)


def _of_model(path: Path, artifact: Artifact) -> Iterator[Check]:
    """Yield the checks of a network and of its history, if it has one."""
    kind = artifact.product.removeprefix("packed ")
    yield partial(load_model, path, "backbone" if kind == "weights" else kind)
    yield from (partial(_history, path.with_name(name)) for name in artifact.beside)


def _history(path: Path) -> None:
    try:
        verify_checksum(path.read_bytes().decode())
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: {error}") from error


def _evaluation(artifact: Artifact) -> None:
    found = Evaluation.read(Path(artifact.path))
    if (found.product, found.split) != (artifact.product, artifact.split):
        raise UserError(
            f"{artifact.path}: evaluation of {found.product} on {found.split}, not of "
            f"{artifact.product} on {artifact.split}"
        )


def _scores(artifact: Artifact) -> None:
    found = ClassifierScores.read(Path(artifact.path))
    if found.split != artifact.split:
        raise UserError(f"{artifact.path}: on {found.split}, not on {artifact.split}")


def _report(artifact: Artifact) -> None:
    try:
        page, *tables = (Path(file).read_bytes().decode() for file in artifact.outputs)
        damaged = damaged_file(page, tables)
    except (OSError, ValueError) as error:
        raise UserError(f"{artifact.folder}: the report cannot be read ({error})") from error
    if damaged is not None:
        raise UserError(f"{artifact.outputs[damaged]}: it does not match its checksum")
