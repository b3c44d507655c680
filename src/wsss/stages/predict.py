"""Predict the masks of new images with a trained segmenter, without any label."""

import argparse
import shlex
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from wsss import __version__
from wsss.config.files import merged
from wsss.config.slices import canonical
from wsss.data.photos import Photo, find_photos
from wsss.data.unusual import warn_dim
from wsss.errors import UserError
from wsss.io.atomic import write_text
from wsss.io.background import ahead, behind
from wsss.io.index import FULL
from wsss.io.labels import CLASSES, OVERLAYS, RECORD
from wsss.io.progress import log, track
from wsss.io.provenance import file_digest
from wsss.io.resumable import ResumableWriter, check_folder, command_of
from wsss.stages.beside import FORMATS, SCORES, Overlays, Scores
from wsss.stages.infer_segmenter import load_own
from wsss.stages.options import integer, own_images, refuse_of_runs
from wsss.stages.predicting import Carried, Given, Highest, Options, Predictor, carried, overridden


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument("model", type=Path, help="model.pt of a segmenter")
    parser.add_argument("images", type=Path, help="a folder of images, or one image")
    parser.add_argument("out", type=Path, help="folder to write: a palette PNG per image")
    parser.add_argument(
        "--config",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="read segment.infer and dataset.white from these files, not from the model; later "
        "files override earlier ones, options all",
    )
    parser.add_argument("--scales", type=_scales, help="scales to average, such as 0.75,1,1.25")
    parser.add_argument(
        "--flip", action=argparse.BooleanOptionalAction, help="average with the mirrored image"
    )
    parser.add_argument(
        "--white", type=integer(255, FULL), help="white of 16-bit samples, such as 4095"
    )
    parser.add_argument("--crf", type=integer(0), help="iterations of a dense CRF")
    parser.add_argument("--tile", type=integer(32), help="side of tiles for larger images")
    parser.add_argument("--overlap", type=integer(0), help="overlap of tiles; default a quarter")
    parser.add_argument(
        "--overlay", action="store_true", help="paint the masks on the images, too, in overlays/"
    )
    parser.add_argument(
        "--overlay-format", choices=FORMATS, default="jpg", help="format of the overlays"
    )
    parser.add_argument(
        "--scores",
        action="store_true",
        help="write scores.csv, too: share and highest probability of every class per image",
    )
    parser.add_argument(
        "--threads", type=integer(1), default=torch.get_num_threads(), help="CPU threads"
    )


def run(args: argparse.Namespace) -> None:
    """Predict the mask of every image; the same call resumes an interrupted one.

    Raises:
        UserError: there are no images, the model is invalid, or the output folder holds other
            files; nothing is written then. Or some images are damaged; the others get masks.
    """
    # options, model and images are checked before anything is written
    model = load_own(args.model)
    options = options_of(args, model.meta)
    predictor = Predictor(model, args.model, options, args.threads)
    check_folder(args.out, "predict", OVERLAYS, SCORES)
    photos = find_photos(args.images, args.out, args.threads, options.limit)
    log.info("predict: %d images, %d labels, into %s", len(photos), len(predictor.names), args.out)
    _log_small(photos, options)
    # masks
    with ResumableWriter(args.out / RECORD, _provenance(args, options, predictor.names)) as out:
        write_text(args.out / CLASSES, "\n".join([*predictor.names, ""]))
        suffix = args.overlay_format if args.overlay else None
        beside = Beside(
            Overlays(args.out, predictor.names, suffix),
            Scores(args.out, predictor.names, args.scores),
        )
        damaged = _predict_all(predictor, photos, out, beside)
    log.info("%s", _summary(args, predictor.names, len(photos) - len(damaged)))
    if damaged:
        first = f"damaged, hence without a mask: {len(damaged)} of {len(photos)} images:"
        raise UserError("\n".join([first, *damaged]))


class Beside(NamedTuple):
    """Files beside the masks."""

    overlays: Overlays
    scores: Scores

    def has(self, image_id: str) -> bool:
        """Return True if an image needs none of them any more."""
        return self.overlays.has(image_id) and self.scores.has(image_id)


def _predict_all(
    predictor: Predictor, photos: Sequence[Photo], out: ResumableWriter, beside: Beside
) -> list[str]:
    """Write the masks; return one line per image that could not be decoded."""
    damaged = {photo.image_id: photo.damage for photo in photos if photo.damage}
    readable = [photo for photo in photos if not photo.damage]
    # resume an interrupted call
    todo = [p for p in readable if not out.reuse(p.image_id, p.path, whole=beside.has(p.image_id))]
    if len(todo) < len(readable):
        log.info("%d masks kept from an interrupted call", len(readable) - len(todo))
    dim: dict[Path, int | None] = {}
    readers = predictor.options.readers(todo, predictor.threads)
    found = ahead(todo, partial(_read, predictor.options), readers)

    def write(photo: Photo, given: Given, labels: np.ndarray, highest: np.ndarray | None) -> None:
        # the mask comes last: that it is there says that the others are
        beside.overlays.put(photo.image_id, labels, given.image)
        beside.scores.put(photo.image_id, labels, highest)
        out.put(photo.image_id, labels)

    with behind(write) as put:
        for photo, given in track(found, "predict", len(todo)):
            if isinstance(given, UserError):
                damaged[photo.image_id] = str(given)
                continue
            dim[photo.path] = given.dim
            highest = Highest() if beside.scores.wanted else None
            labels = predictor.labels(photo.path, given, highest)
            put(photo, given, labels, highest.values if highest else None)
    warn_dim(dim, "--white")
    masks = [photo.image_id for photo in photos if photo.image_id not in damaged]
    beside.overlays.finish(masks)
    beside.scores.finish(masks)
    return list(damaged.values())


def _read(options: Options, photo: Photo) -> Given | UserError:
    """Read an image; return why it cannot be read, or its pixels."""
    try:
        return options.read(photo.path)
    except UserError as error:
        return error


def _log_small(photos: Sequence[Photo], options: Options) -> None:
    small = [photo for photo in photos if 0 < max(photo.size) <= (options.tile or 0)]
    if small:
        log.info("%d images are no larger than a tile and are not cut", len(small))


def _summary(args: argparse.Namespace, names: Sequence[str], masks: int) -> str:
    """Return what was made, where, and what to do next."""
    labels = ", ".join(f"{label} = {name}" for label, name in enumerate(names[:4]))
    more = f", ... ({CLASSES} has all)" * (len(names) > 4)
    made = [f"{masks} masks in {args.out}: palette PNGs, {labels}{more}"]
    if args.overlay:
        made.append(f"overlays in {args.out / OVERLAYS}")
    if args.scores:
        made.append(f"share of the pixels and highest probability per class in {args.out / SCORES}")
    words = ["wsss", "export", "coco", "--labels", args.out, "--images", args.images]
    command = shlex.join(map(str, [*words, "--out", "masks.json"]))
    return "\n".join([*made, f"next, in the format of another tool: {command}"])


def _provenance(args: argparse.Namespace, options: Options, names: Sequence[str]) -> str:
    files = {"model": str(args.model), "digest": file_digest(args.model)}
    tiles = {"tile": options.tile, "overlap": options.overlap}
    config = options.infer.model_dump(mode="json")
    made = {"version": __version__, "images": str(args.images), "config": config}
    others = {"white": options.white, "labels": list(names)}
    # what an earlier call left beside the masks may be of another model
    beside = {"overlay": args.overlay and args.overlay_format, "scores": args.scores}
    return canonical(command_of("predict") | files | made | tiles | others | beside)


def options_of(args: argparse.Namespace, meta: Mapping[str, Any]) -> Options:
    """Return the options of a call: its own, else those of `--config`, else those of the model.

    Raises:
        UserError: a configuration file is invalid, or `--overlap` is given without `--tile`, or is
            not smaller.
    """
    tile, overlap = args.tile, args.overlap
    if overlap is not None and not tile:
        raise UserError("--overlap: needs --tile, the side of the tiles that overlap")
    if overlap is not None and overlap >= tile:
        raise UserError(f"--overlap {overlap}: must be smaller than --tile {tile}")
    settings = _configured(args.config) if args.config else carried(meta, args.model)
    infer = overridden(settings.infer, args.scales, args.flip, args.crf)
    white = args.white or settings.white
    return Options(infer, tile, overlap, white)


def _configured(files: Sequence[Path]) -> Carried:
    """Read `segment.infer` and `dataset.white` from configuration files.

    Raises:
        UserError: a file is invalid, or has `segment.infer` for a single run.
    """
    config = own_images(merged(files))
    refuse_of_runs(config, "segment.infer")
    return Carried(config.segment.infer, config.dataset.white)


def _scales(text: str) -> list[float]:
    try:
        scales = [float(part) for part in text.split(",")]
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r}: expected numbers such as 0.75,1") from error
    if not all(0 < scale <= 8 for scale in scales):
        raise argparse.ArgumentTypeError(f"{text}: scales must be above 0 and at most 8")
    return scales
