"""Predict the masks of new photographs with a trained segmenter; no labels are needed."""

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from wsss import __version__
from wsss.config.crf import PostCrf
from wsss.config.segmenter import SegmenterInfer
from wsss.config.slices import canonical
from wsss.data.photos import Photo, find_photos
from wsss.engine.checkpoint import load_model
from wsss.errors import UserError
from wsss.io.atomic import write_text
from wsss.io.images import read_image
from wsss.io.labels import RECORD, LabelWriter
from wsss.io.progress import log, track
from wsss.nn.segmenters.base import Segmenter
from wsss.ops.crf import CRFParams, decide
from wsss.ops.tiles import blend_rows, layout
from wsss.stages.infer_segmenter import load_segmenter, probabilities
from wsss.stages.inference import ready

CLASSES = "classes.txt"
"""The labels, one per line; line n, counted from 0, is label n of the masks."""

_UNFINISHED = ".unfinished"
_MADE = {"command": "predict"}


@dataclass(frozen=True)
class Options:
    """How masks are predicted.

    Attributes:
        infer: scales, mirroring and CRF.
        tile: side of the tiles that a larger image is cut into, pixels; None = no tiles.
        overlap: pixels that neighbouring tiles share at least.
    """

    infer: SegmenterInfer
    tile: int | None = None
    overlap: int = 0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument("model", type=Path, help="model.pt of a segmenter")
    parser.add_argument("images", type=Path, help="a folder of photographs, or one photograph")
    parser.add_argument("out", type=Path, help="folder to write: a palette PNG per image")
    parser.add_argument(
        "--scales", type=_scales, default=[1.0], help="scales to average, such as 0.75,1,1.25"
    )
    parser.add_argument("--flip", action="store_true", help="average with the mirrored image, too")
    parser.add_argument("--crf", type=_at_least(0), default=0, help="iterations of a dense CRF")
    parser.add_argument("--tile", type=_at_least(32), help="cut larger images into such tiles")
    parser.add_argument("--overlap", type=_at_least(0), help="of tiles, instead of a quarter")
    parser.add_argument(
        "--threads", type=_at_least(1), default=torch.get_num_threads(), help="CPU threads"
    )


def run(args: argparse.Namespace) -> None:
    """Predict the mask of every image.

    Raises:
        UserError: there are no images or unreadable ones, the model is none, or the output folder
            holds other files; nothing is written then. Or an image turned out to be damaged when
            it was decoded; the others have their masks.
    """
    options = _options(args)
    check_out(args.out)
    photos = find_photos(args.images, args.out, args.threads)
    names = ["background", *load_model(args.model, "segmenter").meta["classes"]]
    net = ready(load_segmenter(args.model), args.threads)
    log.info("predict: %d images, %d labels, into %s", len(photos), len(names), args.out)
    _log_small(photos, options)
    write_text(args.out / _UNFINISHED, "The masks beside this file are not all there are.\n")
    write_text(args.out / CLASSES, "\n".join([*names, ""]))
    with LabelWriter(args.out / RECORD, _provenance(args.model, options)) as out:
        damaged = _predict_all(net, photos, options, out)
    (args.out / _UNFINISHED).unlink()
    if damaged:
        first = f"damaged, hence without a mask: {len(damaged)} of {len(photos)} images:"
        raise UserError("\n".join([first, *damaged]))


def predict(net: Segmenter, image: np.ndarray, options: Options) -> np.ndarray:
    """Return the label map of an image, (H, W) uint8.

    Args:
        net: the network, in evaluation mode on the device of inference.
        image: (H, W, 3) uint8 RGB.
        options: how. The probabilities of tiles are blended before anything is decided; without
            a CRF no more of them is kept than a row of tiles.
    """
    size, crf = image.shape[:2], CRFParams(**options.infer.crf.model_dump())
    windows = layout(size, options.tile or max(size), options.overlap)
    parts = (probabilities(net, image[window.slices], options.infer) for window in windows)
    bands: Iterator[np.ndarray] = blend_rows(parts, windows, size)
    if crf.iterations:
        return decide(np.concatenate(list(bands), axis=1), image, crf).astype(np.uint8)
    return np.concatenate([band.argmax(0).astype(np.uint8) for band in bands])


def check_out(out: Path) -> None:
    """Make sure that a folder holds nothing but an earlier result, finished or not.

    Raises:
        UserError: it holds something else, which could be lost.
    """
    if out.exists() and not out.is_dir():
        raise UserError(f"{out}: is a file; name a folder for the masks")
    found = {path.name for path in out.iterdir()} if out.exists() else set()
    foreign = sorted(found - _earlier(out, found))
    if foreign:
        names = ", ".join(foreign[:3]) + ", ..." * (len(foreign) > 3)
        raise UserError(f"{out}: holds {names}, no result of predict; name another folder")


def _earlier(out: Path, found: set[str]) -> set[str]:
    """Return the names of the files that an earlier call wrote."""
    if _UNFINISHED in found:
        return {_UNFINISHED, CLASSES, RECORD} | {name for name in found if name.endswith(".png")}
    if RECORD not in found:
        return set()
    head, *rows = (out / RECORD).read_text(encoding="utf-8", errors="replace").split("\n")
    if not head.startswith("#" + canonical(_MADE).removesuffix("}")):
        return set()
    return {CLASSES, RECORD} | {row.partition("\t")[0] + ".png" for row in rows}


def _predict_all(
    net: Segmenter, photos: Sequence[Photo], options: Options, out: LabelWriter
) -> list[str]:
    """Write the masks; return why images could not be decoded, one line each."""
    damaged = []
    for photo in track(photos, "predict"):
        try:
            image = read_image(photo.path)
        except UserError as error:
            damaged.append(str(error))
            continue
        out.put(photo.image_id, predict(net, image, options))
    return damaged


def _log_small(photos: Sequence[Photo], options: Options) -> None:
    small = [photo for photo in photos if max(photo.size) <= (options.tile or 0)]
    if small:
        log.info("%d images are no larger than a tile and stay whole", len(small))


def _provenance(model: Path, options: Options) -> str:
    config = options.infer.model_dump(mode="json")
    tiles = {"tile": options.tile, "overlap": options.overlap}
    made = {"version": __version__, "model": str(model), "config": config}
    return canonical(_MADE | made | tiles)


def _options(args: argparse.Namespace) -> Options:
    infer = SegmenterInfer(scales=args.scales, flip=args.flip, crf=PostCrf(iterations=args.crf))
    if args.tile is None:
        if args.overlap is not None:
            raise UserError("--overlap: needs --tile, the side of the tiles that overlap")
        return Options(infer)
    overlap = args.tile // 4 if args.overlap is None else args.overlap
    if overlap >= args.tile:
        raise UserError(f"--overlap {overlap}: must be smaller than --tile {args.tile}")
    return Options(infer, args.tile, overlap)


def _scales(text: str) -> list[float]:
    try:
        scales = [float(part) for part in text.split(",")]
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} are no numbers such as 0.75,1") from error
    if not all(0 < scale <= 8 for scale in scales):
        raise argparse.ArgumentTypeError(f"{text}: a scale lies above 0 and is 8 at most")
    return scales


def _at_least(least: int) -> Callable[[str], int]:
    """Return what reads a whole number from the command line and refuses smaller ones."""

    def number(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number from {least} on")
        return int(text)

    return number
