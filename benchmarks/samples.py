"""Samples per core: the project's sets beside the chains of Pillow and NumPy of the originals."""

import random
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import nan
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torchvision.transforms import ColorJitter

from benchmarks import voc
from benchmarks.made import posteriors
from benchmarks.row import Row, alone, interleaved
from wsss.data.sets.affinity import AffinitySet
from wsss.data.sets.classification import ClassificationSet
from wsss.data.sets.samples import Samples
from wsss.data.sets.segmentation import SegmentationSet
from wsss.io.index import Item
from wsss.io.labels import LabelReader, LabelWriter
from wsss.io.maps import MapsReader, MapsWriter
from wsss.io.provenance import bytes_digest
from wsss.ops.colour import MEAN, STD

IMAGES, CROP, JITTER = 24, 448, (0.3, 0.3, 0.3, 0.1)
CLASSES = (6, 14)
SAME = "same distribution, see tests/data/test_jitter.py"


@dataclass(frozen=True)
class _Example:
    items: list[Item]
    maps: MapsReader
    labels: LabelReader


def rows() -> Iterator[Row]:
    """Yield the rows of the three sets of samples; all times are of one sample."""
    with tempfile.TemporaryDirectory() as folder:
        example = _written(Path(folder))
        items = example.items
        classifier = ClassificationSet(items, 20, (256, 512), CROP, JITTER)
        affinity = AffinitySet(items, example.maps, "low", "high", CROP, JITTER)
        segmenter = SegmentationSet(items, example.labels, (0.5, 1.5), CROP, JITTER)
        times = _compared(lambda i: _classifier(items[i]), classifier)
        yield Row("classifier's sample", *times, 0.0042, SAME, limit=True)
        times = _compared(lambda i: _affinity(items[i], example.maps), affinity)
        yield Row("affinity sample", *times, 0.008, SAME, limit=True)
        every = alone(lambda: [segmenter[0, i] for i in range(IMAGES)]) / IMAGES
        yield Row("segmenter's sample", nan, every, 0.008)


def _compared(published: Callable[[int], object], ours: Samples) -> tuple[float, float]:
    """Return CPU seconds per sample of a published chain and of a set of samples."""
    random.seed(0)
    plain, fast = interleaved(
        lambda: [published(i) for i in range(IMAGES)], lambda: [ours[0, i] for i in range(IMAGES)]
    )
    return plain / IMAGES, fast / IMAGES


def _classifier(item: Item) -> torch.Tensor:
    """Decode, resize, mirror, jitter, normalise and crop as `train_cls.py` of PSA."""
    picture = Image.open(item.image).convert("RGB")
    factor = random.randint(256, 512) / max(picture.size)
    width, height = (round(side * factor) for side in picture.size)
    picture = picture.resize((width, height), Image.Resampling.BICUBIC)
    if random.random() < 0.5:
        picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    pixels = _normalised(np.asarray(ColorJitter(*JITTER)(picture)))
    return torch.from_numpy(_cropped(pixels).transpose(2, 0, 1).copy())


def _affinity(item: Item, maps: MapsReader) -> tuple[torch.Tensor, torch.Tensor]:
    """Make a sample as `voc12/data.py` and `train_aff.py` of PSA do, from the same stored maps."""
    picture = Image.open(item.image).convert("RGB")
    pixels = _normalised(np.asarray(ColorJitter(*JITTER)(picture)))
    stored = maps.read(item.image_id, "low", "high")
    scores = [stored[name].transpose(1, 2, 0) / np.float32(255) for name in ("low", "high")]
    both = _cropped(np.concatenate([pixels, *scores], axis=2))
    if random.random() < 0.5:
        both = both[:, ::-1]
    count = scores[0].shape[2]
    cells = both[..., 3:].reshape(CROP // 8, 8, CROP // 8, 8, 2 * count).mean(axis=(1, 3))
    low, high = cells[..., :count], cells[..., count:]
    labels = np.argmax(low, -1).astype(np.uint8)
    labels[labels == 0] = 255
    labels[np.argmax(high, -1) == 0] = 0
    labels[np.maximum(low.max(-1), high.max(-1)) < 1e-5] = 255
    image = torch.from_numpy(both[..., :3].transpose(2, 0, 1).copy())
    return image, torch.from_numpy(labels)


def _normalised(pixels: np.ndarray) -> np.ndarray:
    out = np.empty(pixels.shape, np.float32)
    for channel in range(3):
        out[..., channel] = (pixels[..., channel] / 255.0 - MEAN[channel]) / STD[channel]
    return out


def _cropped(array: np.ndarray) -> np.ndarray:
    """Place an array on a canvas of zeros at random, or cut a window out of it."""
    canvas = np.zeros((CROP, CROP, array.shape[2]), np.float32)
    to: list[slice] = []
    origin: list[slice] = []
    for side in array.shape[:2]:
        at, length = random.randrange(abs(side - CROP) + 1), min(side, CROP)
        to.append(slice(at, at + length) if side < CROP else slice(0, length))
        origin.append(slice(at, at + length) if side > CROP else slice(0, length))
    canvas[tuple(to)] = array[tuple(origin)]
    return canvas


def _written(folder: Path) -> _Example:
    """Take photographs; write posteriors of two objects and their label maps."""
    paths = sorted((voc.folder() / "JPEGImages").glob("*.jpg"))[:IMAGES]
    items = []
    with MapsWriter(folder / "maps.tsv") as maps, LabelWriter(folder / "labels.tsv") as labels:
        for number, path in enumerate(paths):
            with Image.open(path) as picture:
                likely = np.rint(255 * posteriors(number, picture.size[::-1])).astype(np.uint8)
            digest = bytes_digest(path.read_bytes())
            items.append(Item(path.stem, "train", path, digest, CLASSES))
            maps.put(path.stem, classes=np.array(CLASSES), low=likely, high=likely)
            labels.put(path.stem, np.array([0, *CLASSES], np.uint8)[likely.argmax(0)])
    return _Example(items, MapsReader([folder / "maps.tsv"]), LabelReader([folder / "labels.tsv"]))
