"""PAR: beside the same formulas in plain PyTorch, and beside the dense CRF of the same maps."""

from collections.abc import Iterator

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import conv2d, pad

from benchmarks.row import Row, interleaved
from benchmarks.voc import photographs
from wsss.config.crf import CrfKernel
from wsss.ops import crf_cpu
from wsss.ops.crf import ImageCRF
from wsss.ops.par import DILATIONS, OFFSETS, ImagePAR
from wsss.ops.resize import resize_bilinear

SIZE, ITERATIONS = (375, 500), 20


def rows() -> Iterator[Row]:
    """Yield the rows of a photograph of 500 x 375 pixels, with low and high background."""
    image = next(image for image, _ in photographs() if image.shape[:2] == SIZE)
    for present in (1, 2, 3):
        scores = _scores(present)

        def ours(scores: np.ndarray = scores) -> np.ndarray:
            return ImagePAR(image).refine(scores)

        def plain(scores: np.ndarray = scores) -> np.ndarray:
            return _plain(image, scores)

        def crf(scores: np.ndarray = scores) -> np.ndarray:
            crf_cpu.smoothness.cache_clear()
            return ImageCRF(image, scores.shape[1], CrfKernel()).refine(scores)

        far = f"{float(np.abs(ours() - plain()).max()):.0e}"
        slow, fast = interleaved(plain, ours, repeats=3)
        yield Row(f"PAR low + high, K = {present}, and plain PyTorch", slow, fast, 2, far)
        slow, fast = interleaved(crf, ours)
        yield Row(f"PAR low + high, K = {present}, and the CRF", slow, fast, 1, "-")


def _scores(present: int) -> np.ndarray:
    """Make smooth scores (2, 1 + K, H, W) that sum to 1 over the labels."""
    noise = np.random.default_rng(0).random((2 * (1 + present), *SIZE), np.float32)
    smooth = np.stack([cv2.GaussianBlur(one, (0, 0), 15) for one in noise])
    scores = smooth.reshape(2, 1 + present, *SIZE)
    found: np.ndarray = scores / scores.sum(1, keepdims=True)
    return found


def _plain(image: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Refine scores with convolutions that pick the neighbours."""
    half = (SIZE[0] // 2, SIZE[1] // 2)
    small = torch.from_numpy(cv2.resize(image, half[::-1])).permute(2, 0, 1).float()
    near, length = _picked(small), torch.tensor(OFFSETS).float().norm(dim=1)
    colour = _energy(near - small[:, None], near.std(1, keepdim=True)).mean(0).softmax(0)
    position = _energy(length, length.std()).softmax(0)
    weights = (colour + 0.01 * position[:, None, None]) / 1.01
    maps = torch.from_numpy(scores.reshape(1, -1, *SIZE))
    maps = resize_bilinear(maps, half)[0]
    for _ in range(ITERATIONS):
        maps = (_picked(maps) * weights).sum(1)
    found: np.ndarray = resize_bilinear(maps[None], SIZE)[0].numpy().reshape(scores.shape)
    return found


def _energy(distance: Tensor, deviation: Tensor) -> Tensor:
    return -((distance / (deviation + 1e-8) / 0.3) ** 2)


def _picked(maps: Tensor) -> Tensor:
    """Pick the neighbours of maps (C, h, w): (C, 48, h, w)."""
    picks = torch.eye(9)[[0, 1, 2, 3, 5, 6, 7, 8]].view(8, 1, 3, 3)
    found = [
        conv2d(pad(maps[:, None], (d,) * 4, mode="replicate"), picks, dilation=d) for d in DILATIONS
    ]
    return torch.cat(found, 1)
