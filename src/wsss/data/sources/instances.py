"""Reader of instances files: the JSON of MS-COCO and of tools that export the same.

Three lists matter: `images` (id, file_name, height, width), `annotations` (image_id, category_id,
segmentation, iscrowd) and `categories` (id, name). An annotation without segmentation is still an
image label.
"""

import json
from array import array
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from wsss.data.sources.listing import inside
from wsss.errors import UserError
from wsss.files import regular
from wsss.io.progress import log
from wsss.names import cleaned

_SHOWN = 20
_KEYS = ("images", "annotations", "categories")


class Picture(NamedTuple):
    """An entry of `images`; `size` is (H, W) in pixels as written, or None without one."""

    id: Any
    file_name: Any
    size: tuple[Any, Any] | None


class Annotation(NamedTuple):
    """An entry of `annotations`.

    `segmentation` is None without a region, True if there is one and regions are not kept, else
    the region with its numbers in arrays.
    """

    id: Any
    image_id: Any
    category_id: Any
    crowd: bool
    segmentation: Any


@dataclass
class Instances:
    """Content of an instances file.

    Attributes:
        pictures: image id -> its entry.
        names: category id -> name, in the order of the ids.
        shown: image id -> ids of its categories.
        annotations: image id -> its annotations; empty unless regions are kept.
        has_regions: True if any annotation has a segmentation.
        outlined: number of annotations with a segmentation.
        crowds: number of those that are marked as crowds.
        refused: ids of the images with invalid entries.
        problems: mistakes, one line each, without the name of the file.
    """

    pictures: dict[int, Picture] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)
    shown: dict[int, set[int]] = field(default_factory=dict)
    annotations: dict[int, list[Annotation]] = field(default_factory=dict)
    has_regions: bool = False
    outlined: int = 0
    crowds: int = 0
    refused: set[int] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)


def load(path: Path, folder: Path = Path(), regions: bool = False) -> Instances:
    """Read an instances file; labels are cached by path, time and size of the file.

    Unused fields are dropped while parsing, so a large file is never in memory as a whole: 80,000
    images with 600,000 polygons (250 MB) take 9 s and 0.5 GB, with regions 13 s and 0.7 GB.

    Args:
        path: the JSON file.
        folder: that of its images; paths inside it become relative to it.
        regions: keep the segmentations, too; they are not cached.

    Raises:
        UserError: the file cannot be read, is no JSON, or lacks one of the three lists.
    """
    try:
        stat = regular(path).stat()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error
    if regions:
        return _read(path, folder, True)
    return _labels(path, folder, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=2)
def _labels(path: Path, folder: Path, *_state: int) -> Instances:
    return _read(path, folder, False)


def _read(path: Path, folder: Path, regions: bool) -> Instances:
    lists = _parsed(path, _slimmer(regions))
    found = Instances()
    add = found.problems.extend
    add(_first(_read_pictures(lists["images"], found, folder), "images"))
    categories = _without_roots(lists["categories"], lists["annotations"], path)
    add(_first(_read_categories(categories, found), "categories"))
    add(_first(_read_annotations(lists["annotations"], found, regions), "annotations"))
    ids = Counter(a.id for a in lists["annotations"] if isinstance(a, Annotation) and _whole(a.id))
    doubled = sum(count > 1 for count in ids.values())
    if doubled:
        log.warning("%s: %d annotation ids occur more than once", path, doubled)
    return found


def _parsed(path: Path, slim: Callable[[dict[str, Any]], object]) -> dict[str, list[object]]:
    try:
        whole: object = json.loads(path.read_text(encoding="utf-8-sig"), object_hook=slim)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 (byte {error.start}); not a JSON file") from error
    except (ValueError, RecursionError) as error:
        cut = "; it may be cut off: copy or download it again"
        raise UserError(f"{path}: not valid JSON ({error}){cut}") from error
    lists: dict[str, list[object]] = {}
    for key in _KEYS:
        found = whole.get(key) if isinstance(whole, dict) else None
        if not isinstance(found, list):
            raise UserError(f"{path}: no list {key!r}; an instances file of COCO has {_KEYS}")
        lists[key] = found
    return lists


def _slimmer(regions: bool) -> Callable[[dict[str, Any]], object]:
    """Return an `object_hook` that reduces parsed objects to the fields in use."""

    def slim(found: dict[str, Any]) -> object:
        if "category_id" in found:
            shape = found.get("segmentation") or None
            if shape is not None:
                shape = _packed(shape) if regions else True
            crowd = found.get("iscrowd") == 1
            ids = found.get("id"), found.get("image_id"), found["category_id"]
            return Annotation(*ids, crowd, shape)
        if "file_name" in found:
            sized = "height" in found and "width" in found
            size = (found["height"], found["width"]) if sized else None
            return Picture(found.get("id"), found["file_name"], size)
        return found

    return slim


def _packed(shape: object) -> object:
    """Convert polygons and run lengths to arrays; anything else is returned to be refused later."""
    try:
        if isinstance(shape, list):
            return [array("d", polygon) for polygon in shape]
        if isinstance(shape, dict) and isinstance(shape.get("counts"), list):
            counts = shape["counts"]
            return {**shape, "counts": array("q", counts)} if _whole(*counts) else shape
    except (TypeError, OverflowError):
        return shape
    return shape


def _read_pictures(entries: list[object], found: Instances, folder: Path) -> Iterator[str]:
    for number, entry in enumerate(entries):
        wrong = _picture_problem(entry, found, folder)
        if isinstance(entry, Picture) and not wrong:
            file_name = inside(entry.file_name, folder)
            found.pictures[entry.id] = entry._replace(file_name=file_name)
            continue
        if isinstance(entry, Picture) and _whole(entry.id):
            found.refused.add(entry.id)
        yield f"images[{number}]: {wrong}"


def _picture_problem(entry: object, found: Instances, folder: Path) -> str:
    if not isinstance(entry, Picture):
        return "no file_name"
    if not _whole(entry.id):
        return f"id {entry.id!r} is no whole number"
    if entry.id in found.pictures:
        return f"id {entry.id} is already that of {found.pictures[entry.id].file_name}"
    if not isinstance(entry.file_name, str) or not entry.file_name:
        return f"file_name {entry.file_name!r} is no path"
    if not inside(entry.file_name, folder):
        return (
            f"file_name {entry.file_name!r} leads out of the folder of the images, {folder}; "
            "write it relative to that folder"
        )
    return _size_problem(entry.size)


def _size_problem(size: tuple[Any, Any] | None) -> str:
    if size is None or all(_whole(side) and side > 0 for side in size):
        return ""
    return f"height {size[0]!r} and width {size[1]!r} must be whole and positive"


def _without_roots(entries: list[object], annotations: list[object], path: Path) -> list[object]:
    """Leave out categories that only head others: supercategories that are never annotated.

    Roboflow writes one, named after its project.
    """
    used = {
        a.category_id for a in annotations if isinstance(a, Annotation) and _whole(a.category_id)
    }
    heads = [
        entry
        for entry in entries
        if isinstance(entry, dict)
        and _whole(entry.get("id"))
        and entry["id"] not in used
        and any(
            isinstance(other, dict)
            and other is not entry
            and other.get("supercategory") == entry.get("name") is not None
            for other in entries
        )
    ]
    for head in heads:
        log.info("%s: category %r only heads others; it is no class", path, head["name"])
    return [entry for entry in entries if not any(entry is head for head in heads)]


def _read_categories(entries: list[object], found: Instances) -> Iterator[str]:
    names: dict[int, str] = {}
    for number, entry in enumerate(entries):
        wrong = _category_problem(entry, names)
        if isinstance(entry, dict) and not wrong:
            names[entry["id"]] = cleaned(entry["name"])
        else:
            yield f"categories[{number}]: {wrong}"
    found.names.update(sorted(names.items()))


def _category_problem(entry: object, names: dict[int, str]) -> str:
    if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
        return "no name"
    if not _whole(entry.get("id")):
        return f"id {entry.get('id')!r} of {entry['name']!r} is no whole number"
    if entry["id"] in names:
        return f"id {entry['id']} of {entry['name']!r} is already that of {names[entry['id']]!r}"
    return f"{entry['name']!r} occurs twice" if cleaned(entry["name"]) in names.values() else ""


def _read_annotations(entries: list[object], found: Instances, regions: bool) -> Iterator[str]:
    """Collect the labels; yield one line per invalid entry, unknown image and unknown category."""
    images: Counter[int] = Counter()
    categories: Counter[int] = Counter()
    for number, entry in enumerate(entries):
        if not isinstance(entry, Annotation) or not _whole(entry.image_id, entry.category_id):
            yield f"annotations[{number}]: image_id and category_id must be whole numbers"
        elif entry.image_id not in found.pictures:
            images[entry.image_id] += entry.image_id not in found.refused
        elif entry.category_id not in found.names:
            categories[entry.category_id] += 1
        else:
            found.shown.setdefault(entry.image_id, set()).add(entry.category_id)
            found.has_regions |= entry.segmentation is not None
            found.outlined += entry.segmentation is not None
            found.crowds += entry.segmentation is not None and entry.crowd
            if regions:
                found.annotations.setdefault(entry.image_id, []).append(entry)
    # references to missing entries
    for unknown, count in (+images).items():
        yield f"{count} annotations of image {unknown}, which is not in images"
    for unknown, count in categories.items():
        yield f"{count} annotations of category {unknown}, which is not in categories"


def _whole(*values: object) -> bool:
    return all(type(value) is int for value in values)


def _first(lines: Iterator[str], what: str) -> list[str]:
    """Return the first lines, and the number of further ones."""
    shown = list(islice(lines, _SHOWN))
    rest = sum(1 for _ in lines)
    return [*shown, f"{rest} more mistakes in {what}"] if rest else shown
