"""Refine score maps or label masks of any other system on their photographs, without training."""

import argparse
import io
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import get_args

import numpy as np
import torch

from wsss import __version__
from wsss.config.files import merged
from wsss.config.merging import merge
from wsss.config.model import Config, Run
from wsss.config.refiners import RefinerName
from wsss.config.slices import canonical
from wsss.data.files import in_threads
from wsss.data.imported import (
    Channels,
    Scores,
    find_maps,
    map_problem,
    read_image_labels,
    read_names,
    read_scores,
)
from wsss.data.photos import Photo, find_photos
from wsss.data.unusual import warn_dim
from wsss.errors import UserError, raise_problems
from wsss.io.atomic import write_bytes, write_text
from wsss.io.background import ahead, behind
from wsss.io.images import WHOLE, Decoded, decode
from wsss.io.labels import CLASSES, RECORD, label_ids
from wsss.io.progress import log, track
from wsss.io.provenance import file_digest
from wsss.io.resumable import ResumableWriter, check_folder, command_of
from wsss.names import NO_CLASS
from wsss.nn.featureaffinity import FeatureAffinity
from wsss.ops.crf import ImageCRF
from wsss.ops.finite import finite
from wsss.ops.seeds import background_score, upsample_cam
from wsss.stages.convert_weights import pretrained_backbone
from wsss.stages.finite import finite_scores
from wsss.stages.inference import Watch, device, for_inference
from wsss.stages.options import own_images, positive, refuse_of_runs
from wsss.stages.random_walk import spread
from wsss.stages.refine_maps import by_par, posteriors

_KERNELS = {"gaussian_sxy": 1, "bilateral_sxy": 67, "bilateral_srgb": 3, "bilateral_weight": 4}

_DEFAULTS = {
    "backbone": {"name": "timm/tf_efficientnet_lite2", "weights": "packaged"},
    "refine": "crf",
    "crf": {"alphas": [1, 4], **_KERNELS},
    "walk": {"beta": 20, "crf": _KERNELS},
}
"""Configuration without a file: that of `configs/photos.yaml`, with the CRF alone."""

_KEYS = ("refine", "crf", "par", "walk", "backbone", "affinity.radius", "affinity.features")
"""Keys of the configuration that are read."""

MAPS = "maps"
"""Folder of the refined maps, within that of the masks."""

WalkScores = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Function from an image (H, W, 3) and scores (L, H, W) to scores of the same shape."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    paths = {
        "images": "a folder of photographs, or one photograph",
        "maps": "folder of <image id>.npy: scores in [0, 1], (channels, height, width), or "
        "<image id>.png: label masks",
        "out": "folder to write: a palette PNG per photograph",
    }
    for name, meaning in paths.items():
        parser.add_argument(f"--{name}", type=Path, required=True, help=meaning)
    parser.add_argument(
        "--names",
        required=True,
        help="names of the channels, or of the ids 1, 2, ... of masks, in their order: cat,dog or "
        f"a file with one a line; {NO_CLASS} first if the first channel is it",
    )
    parser.add_argument(
        "--labels",
        type=Path,
        help="table of image labels, as dataset.labels: other classes are out",
    )
    parser.add_argument(
        "--refine", choices=get_args(RefinerName), help="default: that of --config, else crf"
    )
    parser.add_argument(
        "--alpha",
        type=positive,
        help="exponent of the background beside maps without one; default: the refiner's lowest",
    )
    parser.add_argument(
        "--walk",
        action="store_true",
        help="then spread the scores along the features of the backbone, which is not trained",
    )
    parser.add_argument(
        "--save-maps",
        action="store_true",
        help=f"write the scores, too: {MAPS}/<image id>.npy, background first",
    )
    parser.add_argument(
        "--config",
        type=Path,
        nargs="+",
        default=[],
        metavar="FILE",
        help=f"read {', '.join(_KEYS)} from these files; options override them",
    )
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="CPU threads")


@dataclass(frozen=True)
class Work:
    """The photographs and what is done with them.

    Attributes:
        photos: the photographs that can be read.
        maps: file of the maps, or of the mask, of each by image id.
        channels: names of the classes.
        labels: ids of the classes of each by image id; None = all may occur.
        config: refiner and walk.
        alpha: exponent of the background.
    """

    photos: Sequence[Photo]
    maps: Mapping[str, Path]
    channels: Channels
    labels: Mapping[str, tuple[int, ...]] | None
    config: Config
    alpha: float

    def read(self, photo: Photo) -> tuple[Decoded, Scores] | UserError:
        """Read a photograph and its scores, of its size; return why it cannot be decoded."""
        try:
            image = decode(photo.path, WHOLE, self.config.dataset.white)
        except UserError as error:
            return error
        classes = None if self.labels is None else self.labels[photo.image_id]
        found = read_scores(self.maps[photo.image_id], self.channels, classes)
        return image, Scores(found.ids, upsample_cam(found.maps, image.pixels.shape[:2]))


def run(args: argparse.Namespace) -> None:
    """Write the masks; the same call resumes an interrupted one.

    Raises:
        UserError: photographs, maps, names, labels or options do not fit; nothing is written then.
            Or some photographs are damaged; the others get masks.
    """
    torch.set_num_threads(max(1, args.threads))
    config = configured(args.config, args.refine, args.walk)
    channels = read_names(args.names)
    check_folder(args.out, "refine", MAPS)
    found = find_photos(args.images, args.out, args.threads, WHOLE)
    photos = [photo for photo in found if not photo.damage]
    maps = _checked(find_maps(args.maps), photos, channels, args)
    labels = args.labels and read_image_labels(args.labels, photos, args.images, channels)
    alpha = args.alpha or min(config.alphas(), default=config.walk.alpha)
    work = Work(photos, maps, channels, labels, config, alpha)
    log.info("refine: %s of %d photographs into %s", config.refine, len(photos), args.out)
    walk = _walk(config, args.threads) if args.walk else None
    damaged = [photo.damage for photo in found if photo.damage]
    with ResumableWriter(args.out / RECORD, _provenance(args, work)) as out:
        write_text(args.out / CLASSES, "\n".join([NO_CLASS, *channels.classes, ""]))
        damaged += _refine_all(work, walk, args, out)
    _tidy(args.out / MAPS, {photo.image_id for photo in photos} if args.save_maps else set())
    if damaged:
        first = f"damaged, hence without a mask: {len(damaged)} of {len(found)} photographs:"
        raise UserError("\n".join([first, *damaged]))


def configured(files: Sequence[Path], refine: RefinerName | None, walk: bool) -> Config:
    """Read the configuration of refiner and walk.

    Args:
        files: configuration files; none = the defaults of the command.
        refine: overrides the refiner.
        walk: whether there is a walk.

    Raises:
        UserError: a file is invalid or has these keys for a single run, or there is nothing to do.
    """
    raw = merged(files) if files else _DEFAULTS
    config = own_images(merge(raw, {"refine": refine} if refine else {}))
    refuse_of_runs(config, *_KEYS)
    if config.refine == "none" and not walk:
        raise UserError("--refine none leaves nothing to do; add --walk, or take another refiner")
    return config


def _checked(
    found: Mapping[str, Path], photos: Sequence[Photo], channels: Channels, args: argparse.Namespace
) -> dict[str, Path]:
    """Return the maps of the photographs, after a look at all of them.

    Raises:
        UserError: some are missing or cannot be used.
    """

    def problem(photo: Photo) -> str:
        path = found.get(photo.image_id)
        if path is None:
            return f"{photo.path}: has no {photo.image_id}.npy or .png in {args.maps}"
        return map_problem(path, photo.size, channels)

    problems = in_threads(problem, photos, "check maps", args.threads)
    raise_problems(args.maps, [line for line in problems if line])
    unused = len(found) - len(photos)
    if unused > 0:
        log.info("%s: %d maps are of other images and left out", args.maps, unused)
    return {photo.image_id: found[photo.image_id] for photo in photos}


def _refine_all(
    work: Work, walk: WalkScores | None, args: argparse.Namespace, out: ResumableWriter
) -> list[str]:
    """Write masks and maps; return one line per photograph that could not be decoded."""
    todo = [
        photo
        for photo in work.photos
        if not out.reuse(photo.image_id, photo.path, work.maps[photo.image_id])
    ]
    damaged: list[str] = []
    dim: dict[Path, int | None] = {}
    maps = args.out / MAPS if args.save_maps else None
    with behind(partial(_write, out, maps, len(work.channels.classes))) as put:
        for photo, given in track(ahead(todo, work.read, args.threads), "refine", len(todo)):
            if isinstance(given, UserError):
                damaged.append(str(given))
                continue
            image, scores = given
            dim[photo.path] = image.dim
            with finite_scores(photo.path, args.maps, remedy="lower the weights of crf"):
                refined = refine(image.pixels, scores, work.config, work.alpha)
                if walk:
                    refined = walk(image.pixels, refined)
            put(photo.image_id, Scores(label_ids(scores.ids - 1), refined))
    warn_dim(dim, "dataset.white")
    return damaged


def refine(image: np.ndarray, scores: Scores, config: Run, alpha: float) -> np.ndarray:
    """Return the scores (K + 1, H, W) float32 of an image after the refiner, background first.

    PAR refines class maps before they get their background, as in the stage refine_maps, but each
    keeps its maximum; maps with a background of their own are refined together with it.

    Args:
        image: (H, W, 3) uint8 RGB.
        scores: of the size of the image.
        config: the refiner and its constants.
        alpha: exponent of the background of maps without one.
    """
    maps = scores.maps
    if "par" in config.refine:
        peak = None if scores.background else maps.max((1, 2), keepdims=True)
        maps = by_par(image, maps, config.par.iterations, peak)
    if not scores.background:
        maps = np.concatenate([background_score(maps, alpha)[None], maps])
    # what has no score at all is background
    maps[0] += maps.sum(0) == 0
    return posteriors(image, maps, config)


def _walk(config: Config, threads: int) -> WalkScores:
    """Return the walk.

    Raises:
        UserError: the backbone has no pretrained weights, or they cannot be read.
    """
    backbone, walk = config.backbone, config.walk
    if backbone.weights is None:
        raise UserError(f"--walk: backbone {backbone.name} has no pretrained weights; name another")
    net = FeatureAffinity(
        pretrained_backbone(
            backbone.name, backbone.weights, backbone.output_stride, config.accept_license
        ),
        config.affinity.features.taps,
    )
    watch = Watch(for_inference(net, threads, walk.precision))

    def spread_scores(image: np.ndarray, scores: np.ndarray) -> np.ndarray:
        with watch():
            found = spread(net, config.affinity.radius, image, scores, walk).cpu().numpy()
        if walk.crf.iterations:
            found = ImageCRF(image, len(found), walk.crf, device()).refine(found)
        return finite(found, "scores")

    return spread_scores


def _write(
    out: ResumableWriter, maps: Path | None, classes: int, image_id: str, scores: Scores
) -> None:
    """Write the mask of an image and, into the folder `maps`, its scores."""
    if maps:
        planes = np.zeros((classes + 1, *scores.maps.shape[1:]), np.float16)
        planes[scores.ids] = scores.maps
        content = io.BytesIO()
        np.lib.format.write_array(content, planes, allow_pickle=False)
        write_bytes(maps / f"{image_id}.npy", content.getvalue())
    out.put(image_id, scores.ids[scores.maps.argmax(0)])


def _tidy(maps: Path, image_ids: Container[str]) -> None:
    """Remove the maps of an earlier call that are not those of `image_ids`."""
    for path in maps.glob("*.npy"):
        if path.stem not in image_ids:
            path.unlink()
    if maps.is_dir() and not any(maps.iterdir()):
        maps.rmdir()


def _provenance(args: argparse.Namespace, work: Work) -> str:
    whole = work.config.model_dump(mode="json")
    made = {
        "version": __version__,
        "images": str(args.images),
        "maps": str(args.maps),
        "labels": args.labels and file_digest(args.labels),
        "names": work.channels.order,
        "exponent": work.alpha,
        "walk": args.walk,
        "save_maps": args.save_maps,
        "config": {key: whole[key] for key in dict.fromkeys(k.split(".")[0] for k in _KEYS)},
        "white": work.config.dataset.white,
    }
    return canonical(command_of("refine") | made)
