"""Labels that IRN learns boundaries from: what two CRFs on class activation maps agree on."""

import numpy as np

from wsss.config.crf import CrfKernel
from wsss.io.labels import IGNORE
from wsss.ops.crf import ImageCRF

CERTAINTY = 0.7
"""Probability of a pixel's label before the CRF; the others share the rest."""


def boundary_labels(
    image: np.ndarray, cam: np.ndarray, foreground: float, background: float, kernels: CrfKernel
) -> np.ndarray:
    """Label what is surely an object and what is surely none.

    A pixel has a class if that wins beside the foreground threshold, after a CRF, and is
    background if no class wins beside the background threshold either, after another CRF
    (jiwoon-ahn/irn, `step/cam_to_ir_label.py`; docs/methods/irn.md 4).

    Args:
        image: (H, W, 3) uint8 RGB.
        cam: Maps of the classes present in [0, 1] (K, H, W); K may be 0.
        foreground: Score of the background, above which a class is sure.
        background: The same, below which the background is.
        kernels: The CRF, on labels instead of scores.

    Returns:
        Positions in the list of labels (H, W) uint8: 0 background, k the k-th class present, 255
        neither.

    Raises:
        NotFiniteError: The maps are not finite.
    """
    if not len(cam):
        return np.zeros(cam.shape[1:], np.uint8)
    scores = np.stack([_certain(cam, threshold) for threshold in (foreground, background)])
    sure, possible = ImageCRF(image, len(cam) + 1, kernels).refine(scores).argmax(axis=1)
    return np.where((sure == 0) & (possible > 0), IGNORE, sure).astype(np.uint8)


def _certain(cam: np.ndarray, threshold: float) -> np.ndarray:
    """Return scores (K + 1, H, W) of the winners beside a constant background."""
    constant = np.full((1, *cam.shape[1:]), threshold, np.float32)
    winners = np.concatenate([constant, cam]).argmax(axis=0)
    hit = np.arange(len(cam) + 1)[:, None, None] == winners
    return np.where(hit, CERTAINTY, (1 - CERTAINTY) / len(cam)).astype(np.float32)
