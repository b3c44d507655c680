"""Predict the masks of new images with a trained segmenter, without any label."""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from wsss import __version__
from wsss.config.files import merged
from wsss.config.merging import merge
from wsss.config.segmenter import SegmenterInfer
from wsss.config.slices import canonical
from wsss.data.photos import Photo, find_photos
from wsss.data.unusual import warn_dim
from wsss.data.views import Scaled, scaled_copies
from wsss.errors import UserError
from wsss.io.atomic import write_text
from wsss.io.background import ahead, behind
from wsss.io.images import LARGEST, WHOLE, decode
from wsss.io.index import FULL
from wsss.io.labels import CLASSES, RECORD
from wsss.io.progress import log, track
from wsss.io.provenance import file_digest
from wsss.io.resumable import ResumableWriter, check_folder, command_of
from wsss.nn.segmenters.base import Segmenter
from wsss.stages.finite import finite_scores
from wsss.stages.infer_segmenter import load_own, make_segmenter, segment, segment_tiles
from wsss.stages.inference import Watch, for_inference
from wsss.stages.options import own_images, refuse_of_runs
from wsss.tiles.layout import layout

_AHEAD = 250_000_000
"""Largest number of pixels, scaled copies included, that are read ahead."""

_SINGLE_SCALE = SegmenterInfer(scales=[1.0], flip=False)


@dataclass(frozen=True)
class Options:
    """Options of the prediction.

    Attributes:
        infer: scales, flip and CRF.
        tile: side in pixels of the tiles that larger images are cut into; None = no tiles.
        overlap: minimum overlap of neighbouring tiles in pixels.
        white: white of 16-bit samples, see `wsss.io.images.read_image`.
    """

    infer: SegmenterInfer
    tile: int | None = None
    overlap: int = 0
    white: int = FULL

    @property
    def limit(self) -> int:
        """Maximum number of pixels of an image."""
        return LARGEST if self.tile else WHOLE

    def read(self, photo: Photo) -> tuple[Scaled | np.ndarray, int | None] | UserError:
        """Read an image; return why it cannot be read, or its pixels and `Decoded.dim`.

        The pixels are scaled, or (H, W, 3) uint8 if the image is to be cut.
        """
        try:
            image = decode(photo.path, self.limit, self.white)
        except UserError as error:
            return error
        if self.tile:
            return image.pixels, image.dim
        return scaled_copies(image.pixels, self.infer.scales, self.infer.resampling), image.dim


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
        help="read segment.infer and dataset.white from these files; later files override earlier "
        "ones, options all",
    )
    parser.add_argument("--scales", type=_scales, help="scales to average, such as 0.75,1,1.25")
    parser.add_argument(
        "--flip", action=argparse.BooleanOptionalAction, help="average with the mirrored image"
    )
    parser.add_argument("--white", type=_white, help="white of 16-bit samples, such as 4095")
    parser.add_argument("--crf", type=_at_least(0), help="iterations of a dense CRF")
    parser.add_argument("--tile", type=_at_least(32), help="side of tiles for larger images")
    parser.add_argument("--overlap", type=_at_least(0), help="overlap of tiles; default a quarter")
    parser.add_argument(
        "--threads", type=_at_least(1), default=torch.get_num_threads(), help="CPU threads"
    )


def run(args: argparse.Namespace) -> None:
    """Predict the mask of every image; the same call resumes an interrupted one.

    Raises:
        UserError: there are no images, the model is invalid, or the output folder holds other
            files; nothing is written then. Or some images are damaged; the others get masks.
    """
    # options, model and images are checked before anything is written
    infer = infer_options(args.config, args.scales, args.flip, args.crf)
    white = args.white or white_option(args.config)
    options = replace(tile_options(infer, args.tile, args.overlap), white=white)
    model = load_own(args.model)
    names = ["background", *model.meta["classes"]]
    net = for_inference(make_segmenter(model, args.model), args.threads, infer.precision)
    check_folder(args.out, "predict")
    photos = find_photos(args.images, args.out, args.threads, options.limit)
    log.info("predict: %d images, %d labels, into %s", len(photos), len(names), args.out)
    _log_small(photos, options)
    # masks
    provenance = _provenance(args.model, args.images, options, names)
    with ResumableWriter(args.out / RECORD, provenance) as out:
        write_text(args.out / CLASSES, "\n".join([*names, ""]))
        damaged = _predict_all(net, args, photos, options, out)
    if damaged:
        first = f"damaged, hence without a mask: {len(damaged)} of {len(photos)} images:"
        raise UserError("\n".join([first, *damaged]))


def _predict_all(
    net: Segmenter,
    args: argparse.Namespace,
    photos: Sequence[Photo],
    options: Options,
    out: ResumableWriter,
) -> list[str]:
    """Write the masks; return one line per image that could not be decoded."""
    damaged = [photo.damage for photo in photos if photo.damage]
    readable = [photo for photo in photos if not photo.damage]
    # resume an interrupted call
    todo = [photo for photo in readable if not out.reuse(photo.image_id, photo.path)]
    if len(todo) < len(readable):
        log.info("%d masks kept from an interrupted call", len(readable) - len(todo))
    watch = Watch(net)
    dim: dict[Path, int | None] = {}
    # an image that is cut may be large, hence its tiles are prepared ahead in place of the next one
    readers = 0 if options.tile else readers_of(todo, options.infer.scales, args.threads)
    found = ahead(todo, options.read, readers)
    with behind(out.put) as put:
        for photo, given in track(found, "predict", len(todo)):
            if isinstance(given, UserError):
                damaged.append(str(given))
                continue
            pixels, dim[photo.path] = given
            with finite_scores(photo.path, args.model), watch():
                if isinstance(pixels, Scaled):
                    labels = segment(net, pixels, options.infer)
                else:
                    windows = layout(pixels.shape[:2], options.tile or 0, options.overlap)
                    labels = segment_tiles(net, pixels, options.infer, windows, args.threads)
            put(photo.image_id, labels)
    warn_dim(dim, "--white")
    return damaged


def readers_of(photos: Sequence[Photo], scales: Sequence[float], threads: int) -> int:
    """Return the number of photos to read ahead: one per thread, fewer if they are large."""
    largest = max((height * width for height, width in (photo.size for photo in photos)), default=1)
    copies = 1 + sum(scale**2 for scale in scales)
    return min(threads, max(1, int(_AHEAD / (largest * copies))))


def _log_small(photos: Sequence[Photo], options: Options) -> None:
    small = [photo for photo in photos if 0 < max(photo.size) <= (options.tile or 0)]
    if small:
        log.info("%d images are no larger than a tile and are not cut", len(small))


def _provenance(model: Path, images: Path, options: Options, names: Sequence[str]) -> str:
    files = {"model": str(model), "digest": file_digest(model)}
    tiles = {"tile": options.tile, "overlap": options.overlap}
    config = options.infer.model_dump(mode="json")
    made = {"version": __version__, "images": str(images), "config": config}
    white = {"white": options.white}
    return canonical(command_of("predict") | files | made | white | tiles | {"labels": list(names)})


def tile_options(infer: SegmenterInfer, tile: int | None, overlap: int | None) -> Options:
    """Combine options of inference and tiles.

    Args:
        infer: scales, flip and CRF.
        tile: side of the tiles in pixels; None = no tiles.
        overlap: overlap of the tiles in pixels; None = a quarter of `tile`.

    Raises:
        UserError: `overlap` is given without `tile`, or is not smaller.
    """
    if tile is None:
        if overlap is not None:
            raise UserError("--overlap: needs --tile, the side of the tiles that overlap")
        return Options(infer)
    overlap = tile // 4 if overlap is None else overlap
    if overlap >= tile:
        raise UserError(f"--overlap {overlap}: must be smaller than --tile {tile}")
    return Options(infer, tile, overlap)


def infer_options(
    files: Sequence[Path] | None,
    scales: list[float] | None,
    flip: bool | None,
    crf_iterations: int | None,
) -> SegmenterInfer:
    """Read options of inference from configuration files and override them.

    Args:
        files: configuration files; None = one scale, no flip, no CRF.
        scales: overrides the scales; None = as configured.
        flip: overrides the flip; None = as configured.
        crf_iterations: overrides the iterations of the CRF; None = as configured.

    Raises:
        UserError: a file is invalid, or has `segment.infer` for a single run.
    """
    base = _configured(files) if files else _SINGLE_SCALE
    crf = None if crf_iterations is None else {"iterations": crf_iterations}
    options = {"scales": scales, "flip": flip, "crf": crf}
    given = {key: value for key, value in options.items() if value is not None}
    return SegmenterInfer.model_validate(merge(base.model_dump(), given))


def white_option(files: Sequence[Path] | None) -> int:
    """Read `dataset.white` from configuration files; without files 16-bit samples use all bits."""
    return own_images(merged(files)).dataset.white if files else FULL


def _configured(files: Sequence[Path]) -> SegmenterInfer:
    """Read `segment.infer` from configuration files."""
    config = own_images(merged(files))
    refuse_of_runs(config, "segment.infer")
    return config.segment.infer


def _white(text: str) -> int:
    if not text.isdecimal() or not 255 <= int(text) <= FULL:
        raise argparse.ArgumentTypeError(f"{text!r}: expected an integer from 255 to {FULL}")
    return int(text)


def _scales(text: str) -> list[float]:
    try:
        scales = [float(part) for part in text.split(",")]
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r}: expected numbers such as 0.75,1") from error
    if not all(0 < scale <= 8 for scale in scales):
        raise argparse.ArgumentTypeError(f"{text}: scales must be above 0 and at most 8")
    return scales


def _at_least(least: int) -> Callable[[str], int]:
    """Type of an argument: an integer, `least` or larger."""

    def number(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(f"{text!r}: expected an integer, {least} or larger")
        return int(text)

    return number
