"""Predict the masks of new photographs with a trained segmenter; no labels are needed."""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from wsss import __version__
from wsss.config.files import merged
from wsss.config.resolve import load, merge
from wsss.config.segmenter import SegmenterInfer
from wsss.config.slices import canonical
from wsss.data.photos import Photo, find_photos
from wsss.errors import UserError
from wsss.io.atomic import sweep, write_text
from wsss.io.images import LARGEST, WHOLE, read_image
from wsss.io.labels import CLASSES, RECORD
from wsss.io.progress import log, track
from wsss.io.provenance import file_digest
from wsss.io.resumable import UNFINISHED, ContinuingWriter
from wsss.nn.segmenters.base import Segmenter
from wsss.stages.infer_segmenter import load_own, make_segmenter, predict
from wsss.stages.inference import ready
from wsss.tiles.layout import layout

_MADE = {"command": "predict"}
_PLAIN = SegmenterInfer(scales=[1.0], flip=False)


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

    @property
    def limit(self) -> int:
        """Pixels that an image may have."""
        return LARGEST if self.tile else WHOLE


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument("model", type=Path, help="model.pt of a segmenter")
    parser.add_argument("images", type=Path, help="a folder of photographs, or one photograph")
    parser.add_argument("out", type=Path, help="folder to write: a palette PNG per image")
    parser.add_argument(
        "--config",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="predict as segment.infer of these files; the last one wins, options win over all",
    )
    parser.add_argument("--scales", type=_scales, help="scales to average, such as 0.75,1,1.25")
    parser.add_argument(
        "--flip", action=argparse.BooleanOptionalAction, help="average with the mirrored image, too"
    )
    parser.add_argument("--crf", type=_at_least(0), help="iterations of a dense CRF")
    parser.add_argument("--tile", type=_at_least(32), help="cut larger images into such tiles")
    parser.add_argument("--overlap", type=_at_least(0), help="of tiles, instead of a quarter")
    parser.add_argument(
        "--threads", type=_at_least(1), default=torch.get_num_threads(), help="CPU threads"
    )


def run(args: argparse.Namespace) -> None:
    """Predict the mask of every image.

    A call that was interrupted is continued by the same one.

    Raises:
        UserError: there are no images, the model is none, or the output folder holds other files;
            nothing is written then. Or some images are damaged; the others have their masks.
    """
    options = _options(args)
    model = load_own(args.model)
    names = ["background", *model.meta["classes"]]
    net = ready(make_segmenter(model, args.model), args.threads)
    check_out(args.out)
    photos = find_photos(args.images, args.out, args.threads, options.limit)
    log.info("predict: %d images, %d labels, into %s", len(photos), len(names), args.out)
    _log_small(photos, options)
    with ContinuingWriter(args.out / RECORD, _provenance(args, options)) as out:
        write_text(args.out / CLASSES, "\n".join([*names, ""]))
        damaged = _predict_all(net, photos, options, out)
    if damaged:
        first = f"damaged, hence without a mask: {len(damaged)} of {len(photos)} images:"
        raise UserError("\n".join([first, *damaged]))


def check_out(out: Path) -> None:
    """Make sure that a folder holds nothing but an earlier result, finished or not.

    Raises:
        UserError: it holds something else, which could be lost.
    """
    if not out.exists():
        return
    if not out.is_dir():
        raise UserError(f"{out}: is a file; name a folder for the masks")
    sweep(out)
    found = {path.name for path in out.iterdir()}
    foreign = sorted(found - _earlier(out, found))
    if foreign:
        names = ", ".join(foreign[:3]) + ", ..." * (len(foreign) > 3)
        raise UserError(f"{out}: holds {names}, no result of predict; name another folder")


def _earlier(out: Path, found: set[str]) -> set[str]:
    """Return the names of the files that an earlier call wrote."""
    if UNFINISHED in found:
        return {UNFINISHED, CLASSES, RECORD} | {name for name in found if name.endswith(".png")}
    if RECORD not in found:
        return set()
    head, *rows = (out / RECORD).read_text(encoding="utf-8", errors="replace").split("\n")
    if not head.startswith("#" + canonical(_MADE).removesuffix("}")):
        return set()
    return {CLASSES, RECORD} | {row.partition("\t")[0] + ".png" for row in rows}


def _predict_all(
    net: Segmenter, photos: Sequence[Photo], options: Options, out: ContinuingWriter
) -> list[str]:
    """Write the masks; return why images could not be decoded, one line each."""
    damaged = [photo.damage for photo in photos if photo.damage]
    sound = [photo for photo in photos if not photo.damage]
    todo = [photo for photo in sound if not out.take(photo.image_id, photo.path)]
    if len(todo) < len(sound):
        log.info("%d images have their masks from an earlier call", len(sound) - len(todo))
    for photo in track(todo, "predict"):
        try:
            image = read_image(photo.path, options.limit)
        except UserError as error:
            damaged.append(str(error))
            continue
        size = image.shape[:2]
        windows = layout(size, options.tile, options.overlap) if options.tile else ()
        out.put(photo.image_id, predict(net, image, options.infer, windows))
    return damaged


def _log_small(photos: Sequence[Photo], options: Options) -> None:
    small = [photo for photo in photos if 0 < max(photo.size) <= (options.tile or 0)]
    if small:
        log.info("%d images are no larger than a tile and stay whole", len(small))


def _provenance(args: argparse.Namespace, options: Options) -> str:
    files = {"model": str(args.model), "digest": file_digest(args.model)}
    tiles = {"tile": options.tile, "overlap": options.overlap}
    config = options.infer.model_dump(mode="json")
    made = {"version": __version__, "images": str(args.images), "config": config}
    return canonical(_MADE | files | made | tiles)


def _options(args: argparse.Namespace) -> Options:
    infer = _infer(args)
    if args.tile is None:
        if args.overlap is not None:
            raise UserError("--overlap: needs --tile, the side of the tiles that overlap")
        return Options(infer)
    overlap = args.tile // 4 if args.overlap is None else args.overlap
    if overlap >= args.tile:
        raise UserError(f"--overlap {overlap}: must be smaller than --tile {args.tile}")
    return Options(infer, args.tile, overlap)


def _infer(args: argparse.Namespace) -> SegmenterInfer:
    """Return what the configuration says, or else plain prediction, under the options given."""
    base = _configured(args.config) if args.config else _PLAIN
    own: dict[str, Any] = {"scales": args.scales, "flip": args.flip}
    own |= {"crf": None if args.crf is None else {"iterations": args.crf}}
    given = {key: value for key, value in own.items() if value is not None}
    return SegmenterInfer.model_validate(merge(base.model_dump(), given))


def _configured(files: Sequence[Path]) -> SegmenterInfer:
    raw = merged(files)
    if not raw.get("dataset"):
        # the user's own images, not the demo's
        raw["dataset"] = {"source": "folders", "root": "."}
    config = load(raw)
    for name, run in config.runs.items():
        if "infer" in ((run or {}).get("segment") or {}):
            raise UserError(
                f"--config: runs.{name}.segment.infer is for that run alone; name files with one "
                "segment.infer for all"
            )
    return config.segment.infer


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
