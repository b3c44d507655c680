"""The dense CRF against pydensecrf: posteriors of CAMs for two exponents, and predicted masks.

The maps and probabilities are made up from the masks: blurred, with smooth noise.
"""

import sys
from collections.abc import Iterator

import cv2
import numpy as np

from benchmarks.measure import Row, Sides, interleaved, one_core, photographs, table
from wsss.config.crf import CrfKernel, SegmenterCrf
from wsss.ops import crf_cpu
from wsss.ops.crf import ImageCRF, decide_prediction
from wsss.ops.seeds import background_score

ALPHAS = (4.0, 24.0)
IMAGES = 4
"""Photographs of each workload."""


def rows() -> Iterator[Row]:
    """Yield the rows of the table."""
    for present, bar in ((1, 5.0), (2, 4.5), (3, 3.4)):
        sides = [_refined(image, mask, present) for image, mask in _with_classes(present)]
        yield _row(f"CRF low + high, K = {present}", bar, sides, "labels {:.4%}, posteriors {:.1e}")
    for labels, bar in ((21, 2.1), (81, 6.0)):
        sides = [_predicted(image, mask, labels) for image, mask in _with_classes(2)]
        yield _row(f"CRF of a prediction of {labels} labels", bar, sides, "labels {:.4%}")


def _with_classes(count: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield `IMAGES` photographs with so many classes."""
    found = 0
    for image, mask in photographs():
        if len(np.setdiff1d(mask, (0, 255))) == count:
            yield image, mask
            found += 1
        if found == IMAGES:
            return


def _smooth(planes: np.ndarray, sigma: float) -> np.ndarray:
    return np.stack([cv2.GaussianBlur(plane, (0, 0), sigma) for plane in planes])


def _noise(rng: np.random.Generator, planes: int, mask: np.ndarray) -> np.ndarray:
    """Return smooth noise (planes, H, W) of unit standard deviation."""
    noise = _smooth(rng.standard_normal((planes, *mask.shape), np.float32), 10)
    return noise / noise.std()


def _refined(image: np.ndarray, mask: np.ndarray, present: int) -> Sides:
    classes = np.setdiff1d(mask, (0, 255))
    hit = (mask == classes[:, None, None]).astype(np.float32)
    cam = np.maximum(_smooth(hit, 20) + _noise(np.random.default_rng(0), present, mask) / 10, 0)
    cam /= cam.max((1, 2), keepdims=True)
    scores = np.stack([np.concatenate([background_score(cam, a)[None], cam]) for a in ALPHAS])
    ours, kernels = CrfKernel(), CrfKernel(engine="pydensecrf")

    def twice() -> np.ndarray:
        size = present + 1
        return np.stack([ImageCRF(image, size, kernels).refine(one) for one in scores])

    return interleaved(twice, lambda: _cold(image, scores, ours))


def _cold(image: np.ndarray, scores: np.ndarray, kernels: CrfKernel) -> np.ndarray:
    """Refine scores without a lattice from an earlier image of the same size."""
    crf_cpu.smoothness.cache_clear()
    return ImageCRF(image, scores.shape[-3], kernels).refine(scores)


def _predicted(image: np.ndarray, mask: np.ndarray, labels: int) -> Sides:
    hit = (mask == np.arange(labels)[:, None, None]).astype(np.float32)
    logits = 8 * _smooth(hit, 6) + _noise(np.random.default_rng(0), labels, mask) / 2
    probabilities = np.exp(logits - logits.max(0))
    probabilities /= probabilities.sum(0)
    ours, kernels = SegmenterCrf(), SegmenterCrf(engine="pydensecrf")

    def every() -> np.ndarray:
        return ImageCRF(image, labels, kernels).refine(probabilities).argmax(0)

    def some() -> np.ndarray:
        crf_cpu.smoothness.cache_clear()
        return decide_prediction(probabilities, image, ours)

    return interleaved(every, some)


def _row(workload: str, bar: float, sides: list[Sides], agreement: str) -> Row:
    equal, far = 1.0, 0.0
    for side in sides:
        low, high = side.outputs
        if low.ndim == 4:
            far = max(far, float(np.abs(low - high).max()))
            low, high = low.argmax(1), high.argmax(1)
        equal = min(equal, float((low == high).mean()))
    baseline, ours = np.mean([side.milliseconds for side in sides], 0)
    peaks = [tuple(side.memory[i] for side in sides) for i in (0, 1)]
    memory = [None if None in peak else max(value or 0 for value in peak) for peak in peaks]
    return Row(workload, baseline, ours, bar, agreement.format(equal, far), (memory[0], memory[1]))


if __name__ == "__main__":
    one_core()
    sys.stdout.writelines(f"{line}\n" for line in table(rows()))
