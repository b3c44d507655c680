"""The dense CRF against pydensecrf: posteriors of CAMs for two exponents, and predicted masks.

The maps and probabilities are made up from the masks of photographs: blurred, with smooth noise.
"""

from collections.abc import Callable, Iterator
from functools import partial
from importlib.util import find_spec
from typing import NamedTuple

import cv2
import numpy as np

from benchmarks.row import MissingError, Row, beside, interleaved, peak_memory
from benchmarks.voc import with_classes
from wsss.config.crf import CrfKernel, SegmenterCrf
from wsss.ops import crf_cpu
from wsss.ops.crf import ImageCRF, decide_prediction
from wsss.ops.seeds import background_score

ALPHAS = (4.0, 24.0)
IMAGES, REPEATS = 4, 3
"""Photographs of each workload, and measurements of each of them."""


class Pair(NamedTuple):
    """The work on an image as the originals and as this project do it."""

    baseline: Callable[[], np.ndarray]
    ours: Callable[[], np.ndarray]


def rows() -> Iterator[Row]:
    """Yield the rows of one to three classes, then those of predictions.

    Raises:
        MissingError: there is no pydensecrf, or there are no photographs.
    """
    if find_spec("pydensecrf") is None:
        raise MissingError("pydensecrf is not installed: pip install pydensecrf2")
    for present, bar in ((1, 5.0), (2, 4.5), (3, 3.4)):
        pairs = [_refined(image, mask) for image, mask in with_classes(present, IMAGES)]
        yield _row(f"CRF low + high, K = {present}", bar, pairs)
    for labels, bar in ((21, 2.1), (81, 6.0)):
        pairs = [_predicted(image, mask, labels) for image, mask in with_classes(2, IMAGES)]
        yield _row(f"CRF of a prediction of {labels} labels", bar, pairs)


def _row(workload: str, bar: float, pairs: list[Pair]) -> Row:
    times = [interleaved(*pair, REPEATS) for pair in pairs]
    peaks = [[peak_memory(function) for function in pair] for pair in pairs]
    outputs = [(baseline(), ours()) for baseline, ours in pairs]
    agreement = f"labels {min(_equal(*both) for both in outputs):.4%}"
    if outputs[0][0].ndim == 4:
        far = max(float(np.abs(expected - found).max()) for expected, found in outputs)
        agreement += f", posteriors {far:.1e}"
    baseline, ours = np.mean(times, axis=0)
    return Row(workload, baseline, ours, bar, agreement, beside(*np.max(peaks, axis=0)))


def _equal(expected: np.ndarray, found: np.ndarray) -> float:
    """Return the share of equal labels of two label maps, or of two sets of posteriors."""
    if expected.ndim == 4:
        expected, found = expected.argmax(1), found.argmax(1)
    return float((expected == found).mean())


def _refined(image: np.ndarray, mask: np.ndarray) -> Pair:
    classes = np.setdiff1d(mask, (0, 255))
    hit = (mask == classes[:, None, None]).astype(np.float32)
    cam = np.maximum(_smooth(hit, 20) + _noise(len(classes), mask) / 10, 0)
    cam /= cam.max((1, 2), keepdims=True)
    scores = np.stack([np.concatenate([background_score(cam, a)[None], cam]) for a in ALPHAS])
    return Pair(partial(_twice, image, scores), partial(_at_once, image, scores))


def _twice(image: np.ndarray, scores: np.ndarray) -> np.ndarray:
    kernels = CrfKernel(engine="pydensecrf")
    return np.stack([ImageCRF(image, len(one), kernels).refine(one) for one in scores])


def _at_once(image: np.ndarray, scores: np.ndarray) -> np.ndarray:
    # without the lattice of an earlier image of the same size
    crf_cpu.smoothness.cache_clear()
    return ImageCRF(image, scores.shape[1], CrfKernel()).refine(scores)


def _predicted(image: np.ndarray, mask: np.ndarray, labels: int) -> Pair:
    hit = (mask == np.arange(labels)[:, None, None]).astype(np.float32)
    logits = 8 * _smooth(hit, 6) + _noise(labels, mask) / 2
    likely = np.exp(logits - logits.max(0))
    likely /= likely.sum(0)
    return Pair(partial(_every_label, image, likely), partial(_contenders, image, likely))


def _every_label(image: np.ndarray, likely: np.ndarray) -> np.ndarray:
    kernels = SegmenterCrf(engine="pydensecrf")
    return ImageCRF(image, len(likely), kernels).refine(likely).argmax(0)


def _contenders(image: np.ndarray, likely: np.ndarray) -> np.ndarray:
    crf_cpu.smoothness.cache_clear()
    return decide_prediction(likely, image, SegmenterCrf())


def _smooth(planes: np.ndarray, sigma: float) -> np.ndarray:
    return np.stack([cv2.GaussianBlur(plane, (0, 0), sigma) for plane in planes])


def _noise(planes: int, mask: np.ndarray) -> np.ndarray:
    """Return smooth noise (planes, H, W) of unit standard deviation."""
    generator = np.random.default_rng(0)
    noise = _smooth(generator.standard_normal((planes, *mask.shape), np.float32), 10)
    return noise / noise.std()
