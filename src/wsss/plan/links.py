"""Readable names of artifacts: links in the folders of the data set and of its runs."""

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import yaml

from wsss.errors import UserError
from wsss.io.atomic import unwritable, write_text
from wsss.pipeline import PRODUCTS
from wsss.plan.artifacts import Plan
from wsss.plan.origins import write_origin

DESCRIPTION = "run.yaml"
"""File in the folder of a run that names its artifacts."""


def run_links(plan: Plan) -> dict[str, dict[str, str]]:
    """Return run -> readable names within its folder -> files and folders of the store."""
    found: dict[str, dict[str, str]] = {name: {} for name in plan.runs}
    for run, row, split, artifact in plan.products():
        names = found[run]
        if row.kind == "model":
            for path in artifact.outputs:
                names[f"{row.place}/{Path(path).name}"] = path
        elif row.kind == "document":
            names[f"{row.place}/{artifact.file}"] = artifact.path
        else:
            names[f"{row.place}/{split}"] = str(Path(artifact.path).parent)
        if split and split in row.evaluated:
            names[f"{row.place}/eval.{split}.json"] = plan.evaluation(row, split, run).path
    return found


def shared_links(plan: Plan) -> dict[str, str]:
    """Return the readable names within the folder of the data set -> places in the store."""
    found = {Path(path).name: path for path in plan.report.outputs}
    for row in PRODUCTS:
        for split in row.splits if row.kind == "table" else ():
            if artifact := plan.artifact(row.name, split):
                if split:
                    found[artifact.file] = artifact.path
                else:
                    found[f"data/{row.name}"] = str(Path(artifact.path).parent)
    return found


def refresh(plan: Plan) -> list[str]:
    """Let the readable names of all runs lead to the artifacts of the plan that exist.

    Their origins are written beside them. Links to artifacts of another configuration are removed;
    artifacts never are.

    Returns:
        One line per folder where the file system has no links.

    Raises:
        UserError: a file or folder is in the place of a link, or a folder cannot be written.
    """
    store = Path(plan.store).resolve()
    folders = {Path(plan.folder): shared_links(plan)}
    of_runs = run_links(plan)
    folders |= {Path(plan.folder, name): names for name, names in of_runs.items()}
    if found := [problem for folder, names in folders.items() for problem in _taken(folder, names)]:
        raise UserError("\n".join(found))
    refused = []
    for folder, names in folders.items():
        try:
            _refresh(folder, names, store)
        except OSError as error:
            if not _has_no_links(folder):
                raise unwritable(folder, error) from error
            refused.append(
                f"{folder}: this file system has no links; the results are in {plan.store}, in "
                f"the folders that {DESCRIPTION} names"
            )
    for artifact in plan.artifacts.values():
        # without it a change has no explanation, and nothing else lacks
        with suppress(UserError, OSError):
            write_origin(artifact)
    for name, names in of_runs.items():
        _describe(Path(plan.folder, name, DESCRIPTION), name, names)
    return refused


def remove_dead(plan: Plan) -> None:
    """Remove links to artifacts that are gone, and folders of runs that have no other."""
    results, store = Path(plan.config.results), Path(plan.store)
    for place, _, _ in os.walk(results, topdown=False):
        folder = Path(place)
        if folder == results or folder.is_relative_to(store):
            continue
        for path in list(folder.iterdir()):
            if path.is_symlink() and not path.exists() and _leads_into(path, store.resolve()):
                path.unlink()
        if [path.name for path in folder.iterdir()] == [DESCRIPTION]:
            (folder / DESCRIPTION).unlink()
        if not any(folder.iterdir()):
            folder.rmdir()


def _leads_into(link: Path, store: Path) -> bool:
    return (link.parent / link.readlink()).resolve().is_relative_to(store)


def wrong_links(plan: Plan) -> Iterator[str]:
    """Yield the readable names in use that do not lead to the artifact of the plan that is there.

    Names of a run, or of the data set, are in use once there is one of them.
    """
    folders = {Path(plan.folder, name): names for name, names in run_links(plan).items()}
    for folder, names in {Path(plan.folder): shared_links(plan), **folders}.items():
        links = {name: folder / name for name in names}
        if any(map(os.path.lexists, links.values())):
            for name, link in links.items():
                target = Path(names[name])
                if target.exists() and not (link.exists() and link.samefile(target)):
                    yield f"{link} -> {target}"


def _taken(folder: Path, names: Mapping[str, str]) -> Iterator[str]:
    """Yield a line for each file or folder that is in the place of a link."""
    for name, target in names.items():
        path = folder / name
        if path.exists() and not path.is_symlink():
            yield (
                f"{path}: not the link to {target} that belongs here, but a copy; move it away "
                "or delete it, and run the same command again"
            )


def _refresh(folder: Path, names: Mapping[str, str], store: Path) -> None:
    present = {name: Path(target) for name, target in names.items() if Path(target).exists()}
    for old in _links_below(folder, names):
        with suppress(FileNotFoundError):
            _unlink_stale(old, folder, present, store)
    for name, target in present.items():
        path = folder / name
        wanted = os.path.relpath(target, path.parent)
        if not path.is_symlink() or os.readlink(path) != wanted:  # noqa: PTH115 unnormalised
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary = path.with_name(f".{path.name}.{os.getpid()}")
            temporary.symlink_to(wanted)
            temporary.replace(path)


def _unlink_stale(link: Path, folder: Path, present: Mapping[str, Path], store: Path) -> None:
    """Remove a link into the store whose name or artifact is not that of the plan."""
    if _leads_into(link, store) and str(link.relative_to(folder)) not in present:
        link.unlink()


def _links_below(folder: Path, names: Mapping[str, str]) -> Iterator[Path]:
    """Yield the links of a folder; those of runs are not the data set's."""
    places = {(folder / name).parent for name in names} | {folder}
    if (folder / DESCRIPTION).exists():
        # products of a run that it reached with another `until`
        places |= {path for path in folder.rglob("*") if path.is_dir() and not path.is_symlink()}
    for place in filter(Path.is_dir, places):
        # those that another process is just renaming start with a dot
        yield from (p for p in place.iterdir() if p.is_symlink() and not p.name.startswith("."))


def _has_no_links(folder: Path) -> bool:
    probe = folder / f".link.{os.getpid()}"
    try:
        probe.symlink_to("nowhere")
    except OSError:
        return os.access(folder, os.W_OK)
    with suppress(OSError):
        probe.unlink()
    return False


def _describe(path: Path, run: str, names: Mapping[str, str]) -> None:
    """Write the artifacts of a run, if anything of it is there."""
    if not any(Path(target).exists() for target in names.values()):
        return
    text = yaml.safe_dump({"run": run, "artifacts": dict(names)}, sort_keys=False)
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        write_text(path, text)
