"""Inference: host work of the stages, bytes of their results, class activation maps on a CPU.

The maps are made up from the masks of photographs: blurred, with smooth noise.
"""

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import nan
from pathlib import Path
from unittest import mock

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

from benchmarks import voc
from benchmarks.row import Row, alone, interleaved
from wsss import methods
from wsss.config.caminfer import CamInfer
from wsss.config.model import Run
from wsss.data.pixels import normalised
from wsss.data.views import scaled_copies
from wsss.io.images import read_item
from wsss.io.index import Item
from wsss.io.labels import LabelWriter, read_labels
from wsss.io.maps import MapsReader, MapsWriter
from wsss.io.provenance import bytes_digest
from wsss.methods.base import Method
from wsss.nn.backbones import build
from wsss.ops.colour import MEAN, STD
from wsss.ops.crf import ImageCRF
from wsss.ops.seeds import background_score
from wsss.stages import refine_maps
from wsss.stages.infer_cam import compute_cam
from wsss.stages.inference import for_inference
from wsss.stages.parts import read_with_cam

IMAGES, CLASSES = 24, 20
INFER, RUN = CamInfer(scales=[0.5, 1.0, 1.5, 2.0], flip=True), Run()


@dataclass(frozen=True)
class _Photograph:
    """A photograph with its mask and its maps (K, h, w)."""

    item: Item
    mask: np.ndarray
    cam: np.ndarray

    @property
    def classes(self) -> np.ndarray:
        """Its classes (K,)."""
        return np.array(self.item.classes, np.int64)


class _Solved:
    """A CRF that has its posteriors already."""

    field: np.ndarray

    def __init__(self, *_: object) -> None:
        pass

    def refine(self, _: np.ndarray) -> np.ndarray:
        """Return a copy, as a CRF returns posteriors of its caller's own."""
        return self.field.copy()


def rows() -> Iterator[Row]:
    """Yield the rows; all times are of one image.

    Raises:
        MissingError: there are no photographs.
    """
    photographs = list(_photographs())
    with tempfile.TemporaryDirectory() as folder:
        yield from _host_work(photographs, Path(folder))
    yield from _all_views(next(one for one in photographs if len(one.classes) == 1))


def _host_work(photographs: list[_Photograph], folder: Path) -> Iterator[Row]:
    """Yield the rows of reading, scaling and writing, and of the bytes that are written."""

    def infer_cam() -> None:
        with MapsWriter(folder / "cam.tsv") as out:
            for one in photographs:
                size = np.array(scaled_copies(read_item(one.item), INFER.scales, "torch").size)
                out.put(one.item.image_id, classes=one.classes, cam=one.cam, size=size)

    def refine() -> None:
        with (
            MapsWriter(folder / "crf.tsv") as out,
            mock.patch.object(refine_maps, "ImageCRF", _Solved),
        ):
            for one, _Solved.field in zip(photographs, fields, strict=True):
                image, cam = read_with_cam(cams, one.item)
                low, high = refine_maps.refine(image, cam, RUN)
                out.put(one.item.image_id, classes=one.classes, alpha_4=low, alpha_24=high)

    def infer_segmenter() -> None:
        with LabelWriter(folder / "masks/labels.tsv") as out:
            for one in photographs:
                scaled_copies(read_item(one.item), INFER.scales, "torch")
                out.put(one.item.image_id, one.mask)

    yield Row("host work of infer_cam, 4 scales", nan, _each(infer_cam), 0.008)
    cams = MapsReader([folder / "cam.tsv"])
    fields = [_posteriors(*read_with_cam(cams, one.item)) for one in photographs]
    seconds = _each(refine)
    sizes = _sizes(photographs, folder)
    yield Row("host work of refine_maps without the CRF", nan, seconds, 0.006, memory=sizes)
    yield Row("host work of infer_segmenter, 4 scales", nan, _each(infer_segmenter), 0.010)


def _each(function: Callable[[], None]) -> float:
    return alone(function, repeats=5) / IMAGES


def _sizes(photographs: list[_Photograph], folder: Path) -> str:
    """Return the bytes of the maps and two CRF sets, beside 32 bits per number of the originals."""
    ours = sum((folder / name).stat().st_size for name in ("cam.npz", "crf.npz"))
    theirs = sum(4 * one.mask.size * (3 * len(one.classes) + 2) for one in photographs)
    cell = " / ".join(f"{total / IMAGES / 1024:.0f}" for total in (theirs, ours))
    verdict = "" if theirs >= 40 * ours else ": **below** 40 x"
    return f"CAM + two CRF sets on disk: {cell} KiB{verdict}"


def _all_views(photograph: _Photograph) -> Iterator[Row]:
    """Yield the row of four mirrored scales of an image through MobileNetV2."""
    torch.manual_seed(0)
    kind = methods.get("psa")
    plain, ours = (kind(build("mobilenet_v2"), CLASSES, kind.Params()) for _ in range(2))
    image, classes = read_item(photograph.item), photograph.item.classes
    _fit(plain, image)
    ours.load_state_dict(plain.state_dict())
    ours = for_inference(ours, 1, "32-true")

    def fast(resampling: str = "torch") -> np.ndarray:
        given = scaled_copies(image, INFER.scales, resampling)
        return compute_cam(ours, given, classes, INFER)[0]

    def loop(size: tuple[int, int]) -> np.ndarray:
        return _loop(plain, image, size)[list(classes)]

    _, height, width = fast().shape
    small = loop((height, width))
    far = [float(np.abs(fast(name) - small).max()) for name in ("pillow", "torch")]
    agreement = f"{far[0]:.0e} in 16 bits, {far[1]:.0e} where torch resizes"
    times = interleaved(lambda: loop(photograph.mask.shape), fast, 5)
    yield Row("maps of 4 scales x flip, MobileNetV2", *times, 1.3, agreement)


@torch.no_grad()
def _fit(method: Method, image: np.ndarray) -> None:
    """Give a random network norms with the statistics of an image and maps above zero."""
    method.net.class_weight().abs_()
    for layer in method.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.train().momentum = 1.0
    method.cam(normalised(scaled_copies(image, [1.0], "torch").copies[0]))
    method.eval().requires_grad_(False)


def _loop(method: Method, image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return the maps (C, *size) of all classes as PSA's `infer_cls.py` computes them."""
    total = np.zeros((CLASSES, *size), np.float32)
    for scale in INFER.scales:
        picture = Image.fromarray(image)
        sides = round(picture.width * scale), round(picture.height * scale)
        pixels = np.asarray(picture.resize(sides, Image.Resampling.BICUBIC)) / 255
        view = ((pixels - MEAN) / STD).astype(np.float32).transpose(2, 0, 1)
        for mirror in (False, True):
            given = np.ascontiguousarray(view[..., ::-1] if mirror else view)
            with torch.no_grad():
                low = method.cam(torch.from_numpy(given)[None])
                maps = F.interpolate(low, size=size, mode="bilinear")[0].numpy()
            total += maps[..., ::-1] if mirror else maps
    return total / (total.max((1, 2), keepdims=True) + 1e-5)


def _posteriors(image: np.ndarray, cam: np.ndarray) -> np.ndarray:
    """Return the posteriors (2, K + 1, H, W) of the CRF for both exponents."""
    scores = [np.concatenate([background_score(cam, alpha)[None], cam]) for alpha in RUN.alphas()]
    return ImageCRF(image, len(cam) + 1, RUN.crf).refine(np.stack(scores))


def _photographs() -> Iterator[_Photograph]:
    root = voc.folder()
    files = sorted((root / "JPEGImages").glob("*.jpg"))
    for file in files[:: max(1, len(files) // IMAGES)][:IMAGES]:
        mask = read_labels(root / "SegmentationClass" / f"{file.stem}.png")
        classes = tuple(int(label) - 1 for label in np.setdiff1d(mask, (0, 255)))
        item = Item(file.stem, "train", file, bytes_digest(file.read_bytes()), classes)
        yield _Photograph(item, mask, _cam(mask, classes))


def _cam(mask: np.ndarray, classes: tuple[int, ...]) -> np.ndarray:
    """Return maps (K, h, w) float16 of the objects in a mask (H, W)."""
    size = (-(-mask.shape[1] // 4), -(-mask.shape[0] // 4))
    noise = cv2.GaussianBlur(np.random.default_rng(0).normal(0, 2, size[::-1]), (0, 0), 5)
    objects = [(mask == label + 1).astype(float) for label in classes]
    maps = [cv2.GaussianBlur(cv2.resize(one, size), (0, 0), 5) + noise for one in objects]
    return np.stack([one / one.max() for one in maps]).clip(0, 1).astype(np.float16)
