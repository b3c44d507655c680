"""Results of the segmentation task of PASCAL VOC 2012 for its evaluation server.

Source: development kit of VOC 2012, `VOCinit.m` (paths) and `VOCevalseg.m` (values and sizes).
Competition comp5 allows training data of VOC 2012 only, comp6 any other data, too.
"""

import io
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image

from wsss.data.taxonomy import VOC_CLASSES
from wsss.errors import UserError
from wsss.export.archive import TARS, write_tar
from wsss.export.label_maps import LabelMaps
from wsss.io.images import image_size
from wsss.io.labels import encode_labels
from wsss.io.progress import log, track

COMPETITIONS = ("comp5", "comp6")

_FOLDER = "results/VOC2012/Segmentation"
_SHOWN = 5


def write(
    label_maps: LabelMaps, out: Path, competition: str, image_set: str, ids: Sequence[str] | None
) -> None:
    """Write `results/VOC2012/Segmentation/<competition>_<set>_cls/<id>.png` into a tar.

    Args:
        label_maps: the label maps.
        out: file that ends in .tar, .tar.gz or .tgz.
        competition: one of `COMPETITIONS`.
        image_set: `test`, or `val` for the development kit.
        ids: image ids of the set; None = all label maps.

    Raises:
        UserError: a label map is missing, damaged, or holds labels that the server rejects, or
            `out` is not a tar or cannot be written.
    """
    if not out.name.endswith(TARS):
        raise UserError(f"{out}: the server expects a tar; name a file that ends in {TARS[1]}")
    if label_maps.class_names != VOC_CLASSES:
        log.warning("these are not VOC's 20 classes in its order: the server would evaluate others")
    chosen = label_maps if ids is None else label_maps.select(ids, "the list")
    folder = f"{_FOLDER}/{competition}_{image_set}_cls"
    write_tar(out, _members(chosen, folder))


def _members(label_maps: LabelMaps, folder: str) -> Iterator[tuple[str, bytes]]:
    for item in label_maps.items:
        if item.image_id.split() != [item.image_id]:
            raise UserError(f"image {item.image_id!r}: VOC's lists allow no spaces; rename it")
    for item, labels in label_maps:
        if (worst := labels.max(initial=0)) > len(VOC_CLASSES):
            raise UserError(
                f"image {item.image_id}: its mask holds {worst}, the server accepts 0..20; "
                "export what a segmenter predicts, without ignored pixels"
            )
        yield f"{folder}/{item.image_id}.png", encode_labels(labels)


def read_list(path: Path) -> list[str]:
    """Read the image ids of a list: the first word of each line.

    Raises:
        UserError: the file cannot be read, is empty or names an image twice.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read ({error})") from error
    ids = [line.split()[0] for line in lines if line.strip()]
    if not ids or len(set(ids)) < len(ids):
        raise UserError(f"{path}: must name each image of the set once, one per line")
    return ids


def check(file: Path, ids: Sequence[str], photos: Mapping[str, Path] | None) -> str:
    """Validate a tar of results before it is submitted.

    Args:
        file: the tar.
        ids: image ids of the set.
        photos: image files by image id, to compare the sizes; None = sizes are not compared.

    Returns:
        Name of the results, such as `comp6_test_cls`.

    Raises:
        UserError: one line for each of the first problems.
    """
    try:
        with tarfile.open(file) as archive:
            folder, problems = _check(archive, ids, photos)
    except (OSError, EOFError, tarfile.TarError) as error:
        reason = str(error).partition("\n")[0]
        raise UserError(f"{file}: cannot be read as a tar ({reason})") from error
    if problems:
        more = [f"... and {len(problems) - _SHOWN} more"] * (len(problems) > _SHOWN)
        raise UserError("\n".join(f"{file}: {line}" for line in [*problems[:_SHOWN], *more]))
    return folder


def _check(
    archive: tarfile.TarFile, ids: Sequence[str], photos: Mapping[str, Path] | None
) -> tuple[str, list[str]]:
    """Return the folder of the masks, and one line per problem."""
    missing, folders = dict.fromkeys(ids), set()
    problems: list[str] = []
    # masks
    for entry in track(archive, "check", len(ids)):
        path = PurePosixPath(entry.name)
        if entry.isdir():
            continue
        folders.add(str(path.parent))
        if path.suffix != ".png" or path.stem not in missing:
            problems.append(f"{entry.name}: not the mask of an image of the list, or a second one")
            continue
        del missing[path.stem]
        stream = archive.extractfile(entry) if entry.isfile() else None
        content = stream.read() if stream else b""
        problems += _mask_problems(content, path, photos)
    # folders and missing masks
    problems += [f"{image_id}.png is missing" for image_id in missing]
    wanted = {f"{_FOLDER}/{name}_": name for name in COMPETITIONS}
    wrong = [f for f in folders if not (f.startswith(tuple(wanted)) and f.endswith("_cls"))]
    problems += [f"{folder}: not {_FOLDER}/<comp5 or comp6>_<set>_cls" for folder in sorted(wrong)]
    if len(folders) > 1:
        problems.append("the masks are in several folders; submit one competition at a time")
    return PurePosixPath(next(iter(folders), "")).name, problems


def _mask_problems(
    content: bytes, path: PurePosixPath, photos: Mapping[str, Path] | None
) -> Iterator[str]:
    """Yield one line per problem of a mask."""
    try:
        with Image.open(io.BytesIO(content), formats=["PNG"]) as image:
            mode, labels = image.mode, np.asarray(image)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        yield f"{path}: cannot be read as a PNG"
        return
    if mode != "P":
        yield f"{path}: not an indexed PNG, but of mode {mode}"
        return
    if labels.max(initial=0) > len(VOC_CLASSES):
        yield f"{path}: holds {labels.max()}, the server accepts 0..20"
    if photos is None:
        return
    if path.stem not in photos:
        yield f"{path}: has no image to compare its size with"
    elif (size := image_size(photos[path.stem])) != labels.shape:
        yield f"{path}: is {labels.shape} pixels (height, width), its image {size}"
