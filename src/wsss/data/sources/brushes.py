"""Brush masks of Label Studio, as it exports annotated tasks as JSON.

Of several annotations of a task the one that was changed last counts; tasks without any have no
mask. Where regions overlap, the later one is in front. Source: Label Studio's documentation of its
JSON format, https://labelstud.io.
"""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple
from urllib.parse import unquote

import numpy as np

from wsss.data.sources.folders import SUFFIXES
from wsss.errors import UserError
from wsss.files import regular
from wsss.io import brush
from wsss.io.images import image_size
from wsss.names import cleaned

_UPLOADED = re.compile(r"^[0-9a-f]{8}-")
"""Beginning of the names of uploaded files."""


class Task(NamedTuple):
    """An annotated image: its number in the file, its path and the results of the annotation."""

    number: int
    image: PurePosixPath
    results: Sequence[Mapping[str, Any]]


def read_tasks(path: Path) -> list[Task]:
    """Read the annotated tasks of an export.

    Raises:
        UserError: the file cannot be read, is no export of tasks, or no task is annotated.
    """
    try:
        document = json.loads(regular(path).read_text(encoding="utf-8-sig"))
        found = [_task(number, entry) for number, entry in enumerate(document)]
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise UserError(
            f"{path}: not tasks that Label Studio exported as JSON ({error!r})"
        ) from error
    tasks = [task for task in found if task is not None]
    if not tasks:
        raise UserError(f"{path}: none of its {len(found)} tasks is annotated")
    return tasks


def _task(number: int, entry: Mapping[str, Any]) -> Task | None:
    """Parse a task; None if it is not annotated."""
    done = [a for a in entry.get("annotations") or () if not a.get("was_cancelled")]
    if not done:
        return None
    results = max(done, key=lambda a: str(a.get("updated_at", "")))["result"]
    keys = [result["to_name"] for result in results if "to_name" in result]
    data = {key: text for key, text in entry["data"].items() if isinstance(text, str)}
    paths = {key: _path(url) for key, url in data.items()}
    # the tag need not have the name of the key, and a task without regions names no tag
    named = [paths[key] for key in keys if key in paths]
    images = [path for path in paths.values() if path.suffix.lower() in SUFFIXES]
    return Task(number, next(iter([*named, *images, *paths.values()])), results)


def _path(url: str) -> PurePosixPath:
    """Return the path of an image, which Windows may have written."""
    address = url.partition("?d=")[2] or url.partition("?")[0]
    return PurePosixPath(unquote(address).replace("\\", "/"))


def class_names(tasks: Sequence[Task]) -> list[str]:
    """Return the sorted labels of all brush masks."""
    results = (result for task in tasks for result in task.results)
    return sorted({name for result in results for name in _labels(result)})


def _labels(result: Mapping[str, Any]) -> list[str]:
    value = result.get("value") or {}
    return [cleaned(name) for name in value.get("brushlabels") or ()]


def matched(tasks: Sequence[Task], images: Sequence[Path], path: Path) -> dict[Path, Task]:
    """Return the task of every image that has one.

    Files are compared by their names, those of uploads without what Label Studio adds to them;
    of several files of a name, by their folders.

    Raises:
        UserError: a task fits no image, or several, or an image several tasks.
    """
    by_name: dict[str, list[Path]] = {}
    uploads: dict[str, list[Path]] = {}
    for image in images:
        for name in {image.name, image.stem}:
            by_name.setdefault(name, []).append(image)
        uploads.setdefault(_as_uploaded(image.name), []).append(image)
    found: dict[Path, Task] = {}
    for task in tasks:
        own = _UPLOADED.sub("", name := task.image.name)
        files = by_name.get(name) or by_name.get(own) or uploads.get(own) or []
        if len(files) > 1:
            shared = [_shared(file, task.image) for file in files]
            files = [f for f, n in zip(files, shared, strict=True) if n == max(shared)]
        if len(files) != 1 or files[0] in found:
            what = "several images fit" if files else "no image is called"
            raise UserError(f"{path}: task {task.number}: {what} {task.image}")
        found[files[0]] = task
    return found


def _as_uploaded(name: str) -> str:
    """Return the name that Label Studio stores an uploaded file under.

    Source: Django's documentation of `get_valid_filename`.
    """
    return re.sub(r"[^-\w.]", "", name.strip().replace(" ", "_"))


def _shared(file: Path, image: PurePosixPath) -> int:
    """Count the last parts that two paths have in common."""
    same = [a == b for a, b in zip(file.parts[::-1], image.parts[::-1], strict=False)]
    return [*same, False].index(False)


def draw(task: Task, classes: Sequence[str], image: Path, path: Path) -> np.ndarray:
    """Draw the label map (H, W) uint8 of a task.

    Args:
        task: the task; without regions all is background.
        classes: the classes in the order of their ids.
        image: the image, whose size the regions must have.
        path: the export, for messages.

    Raises:
        UserError: a region is no brush mask of a class, damaged, or of another size.
    """
    where, size = f"{path}: task {task.number}", image_size(image)
    labels = np.zeros(size, np.uint8)
    try:
        for region in filter(_is_region, task.results):
            names = _labels(region)
            if region["type"] != "brushlabels" or region["value"].get("format") != "rle":
                raise UserError(f"{where}: {region['type']} is no brush mask; draw it as one")
            if len(names) != 1 or names[0] not in classes:
                raise UserError(f"{where}: {names}: not the name of one class")
            own = region["original_height"], region["original_width"]
            if own != size:
                raise UserError(f"{where}: a mask of {own} (height, width), {image} has {size}")
            opacity = brush.decode(region["value"]["rle"], size[0] * size[1]).reshape(size)
            labels[opacity > 0] = classes.index(names[0]) + 1
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise UserError(f"{where}: damaged ({error})") from error
    return labels


def _is_region(result: Mapping[str, Any]) -> bool:
    """True for regions of an image; other results are choices, texts and the like."""
    return "original_width" in result and str(result.get("type", "")).endswith("labels")
