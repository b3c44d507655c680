"""Score maps and label masks of other systems, for photographs of the user.

<id>.npy    scores (channels, height, width), see `wsss.io.arrays`
<id>.png    label mask: 0 = background, 1, 2, ... = classes, 255 = not known
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from os.path import normpath
from pathlib import Path
from typing import NamedTuple

import numpy as np

from wsss.data.photos import Photo
from wsss.data.sources.listing import image_ids
from wsss.data.sources.table import read_table, split_labels
from wsss.errors import UserError, raise_problems
from wsss.io.arrays import maps_problem, open_maps, proportions_problem, read_floats
from wsss.io.labels import IGNORE, mask_problem, read_labels
from wsss.io.names import is_file
from wsss.names import NO_CLASS, class_problem, cleaned, look_alikes, suggestion

CERTAINTY = 0.7
"""Score of the label of a pixel; the other labels share the rest. Source: IRN, `misc/imutils.py`,
`crf_inference_label`."""

_SCORES, _MASK = ".npy", ".png"


class Channels(NamedTuple):
    """Names of the classes, and of the channels of score maps.

    Attributes:
        classes: the classes; number n (from 1) has the id n in masks.
        background: True if the first channel of score maps is the background.
    """

    classes: tuple[str, ...]
    background: bool

    @property
    def order(self) -> str:
        """Order of the channels, in words."""
        return ", ".join((*([NO_CLASS] * self.background), *self.classes))


class Scores(NamedTuple):
    """Scores of the labels that an image may have.

    Attributes:
        ids: (K,) ids of the classes, from 1, ascending.
        maps: (K, h, w) float32 in [0, 1], or (K + 1, h, w) with the background first.
    """

    ids: np.ndarray
    maps: np.ndarray

    @property
    def background(self) -> bool:
        """True if the first map is the background's."""
        return len(self.maps) > len(self.ids)


def read_names(text: str) -> Channels:
    """Read the names of channels: those in a file, one a line, or separated by commas.

    Raises:
        UserError: a name cannot be that of a class, or stands twice.
    """
    names = [cleaned(name) for name in _listed(text)]
    background = names[:1] == [NO_CLASS]
    classes = tuple(names[background:])
    problems = [wrong for name in classes if (wrong := class_problem(name))]
    problems += [
        f"{name!r} stands twice" for name in dict.fromkeys(classes) if classes.count(name) > 1
    ]
    problems += look_alikes(classes)
    if not classes or len(classes) >= IGNORE:
        problems.append(f"names {len(classes)} classes, expected 1 to {IGNORE - 1}")
    if problems:
        raise UserError("\n".join(f"--names: {problem}" for problem in problems))
    return Channels(classes, background)


def _listed(text: str) -> list[str]:
    path = Path(text)
    if not is_file(path):
        return text.split(",")
    try:
        return [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read as text ({error}); save it as UTF-8") from error


def find_maps(folder: Path) -> dict[str, Path]:
    """Find the maps and masks in a folder and its subfolders by their image ids, as of photos.

    Raises:
        UserError: there is none, or there are two for one image.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder; it must hold <image id>.npy or .png files")
    shown = (path for path in sorted(folder.rglob("*")) if not path.name.startswith("."))
    files = [path for path in shown if path.suffix in (_SCORES, _MASK)]
    if not files:
        raise UserError(f"{folder}: holds no <image id>.npy and no <image id>.png")
    found = defaultdict(list)
    ids = image_ids([path.relative_to(folder) for path in files])
    for image_id, path in zip(ids, files, strict=True):
        found[image_id].append(path)
    doubles = [" and ".join(map(str, paths)) for paths in found.values() if len(paths) > 1]
    raise_problems(folder, [f"{both}: are for one image; remove one" for both in doubles])
    return {image_id: path for image_id, (path,) in found.items()}


def map_problem(path: Path, size: tuple[int, int], channels: Channels) -> str:
    """Return why a file of maps or a mask cannot be used, with its path; empty if it can.

    Args:
        path: the file.
        size: (H, W) of its image.
        channels: names of its channels.
    """
    if path.suffix == _SCORES:
        number = len(channels.classes) + channels.background
        return maps_problem(path, number, f"in the order of --names ({channels.order})", size)
    try:
        labels = read_labels(path)
    except UserError as error:
        return str(error)
    if wrong := mask_problem(labels, labels.shape, len(channels.classes)):
        return f"{path}: {wrong} in --names"
    return proportions_problem(path, labels.shape, size)


def read_scores(path: Path, channels: Channels, classes: Sequence[int] | None) -> Scores:
    """Read the scores of an image from maps or a mask without a `map_problem`.

    A pixel of a mask has `CERTAINTY` for its label; one of 255, or of a label that is not among
    those of the image, has the same score for every label.

    Args:
        path: the file.
        channels: names of its channels.
        classes: ids of the classes of the image, ascending; None = all that occur in the file.
    """
    if path.suffix == _MASK:
        return mask_scores(read_labels(path), classes)
    if classes is None:
        peaks = open_maps(path)[int(channels.background) :].max((1, 2))
        classes = (np.flatnonzero(peaks > 0) + 1).tolist()
    first = [0] if channels.background else []
    planes = [*first, *(number - (not channels.background) for number in classes)]
    return Scores(np.array(classes, int), read_floats(path, planes))


def mask_scores(labels: np.ndarray, classes: Sequence[int] | None) -> Scores:
    """Return the scores of a label map (H, W) uint8, see `read_scores`."""
    if classes is None:
        classes = [number for number in np.unique(labels).tolist() if 0 < number < IGNORE]
    ids = np.array([0, *classes], np.uint8)
    if not classes:
        return Scores(ids[1:].astype(int), np.ones((1, *labels.shape), np.float32))
    at = labels == ids[:, None, None]
    rest = (1 - CERTAINTY) / len(classes)
    maps = np.where(at, CERTAINTY, rest).astype(np.float32)
    maps[:, ~at.any(0)] = 1 / len(ids)
    return Scores(ids[1:].astype(int), maps)


def read_image_labels(
    table: Path, photos: Sequence[Photo], images: Path, channels: Channels
) -> Mapping[str, tuple[int, ...]]:
    """Read the classes of photos from a table, see `wsss.data.sources.csv`.

    Its paths are relative to the folder of the table or of the photos; rows of other images are
    left out.

    Args:
        table: the table.
        photos: the photos.
        images: their folder.
        channels: names of the classes.

    Returns:
        Ids of the classes, ascending, by image id.

    Raises:
        UserError: photos have no row or two, or a name is none of the classes.
    """
    rows, problems = read_table(table, ("image", "labels"))
    wanted = {_place(photo.path): photo.image_id for photo in photos}
    numbers = {name: number for number, name in enumerate(channels.classes, start=1)}
    found: dict[str, tuple[int, ...]] = {}
    for row in rows:
        written = row.fields["image"].replace("\\", "/")
        places = (_place(folder / written) for folder in (table.parent, images))
        image_id = next((wanted[place] for place in places if place in wanted), None)
        if image_id is None:
            continue
        names = split_labels(row.fields["labels"])
        unknown = [name for name in names if name not in numbers and name != NO_CLASS]
        where = f"{table.name}:{row.line}"
        if not names:
            problems.append(f"{where}: no label; write {NO_CLASS} for none of the classes")
        problems += [
            f"{where}: {name!r} is not in --names; {_hint(name, numbers)}" for name in unknown
        ]
        if image_id in found:
            problems.append(f"{where}: {written} has a row before; keep one")
        found[image_id] = tuple(sorted(numbers[name] for name in names if name in numbers))
    problems += [
        f"{photo.path}: has no row in {table}" for photo in photos if photo.image_id not in found
    ]
    raise_problems(table, problems)
    return found


def _hint(name: str, numbers: Mapping[str, int]) -> str:
    return suggestion(name, list(numbers)) or "correct it, or add it"


def _place(path: Path) -> str:
    return normpath(path.absolute())
