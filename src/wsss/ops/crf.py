"""Fully connected CRF (Krähenbühl & Koltun, NeurIPS 2011): mean field on two lattices.

The energies, kernels and their normalisation are those of pydensecrf, which is the reference.
"""

from typing import TYPE_CHECKING, Protocol

import numpy as np

from wsss.config.crf import CrfKernel
from wsss.ops.finite import finite

if TYPE_CHECKING:
    import torch

LEAST = 0.1
"""A label that may win after a CRF has this probability somewhere, or wins somewhere before it."""
FLOOR = 1e-5
"""Lower scores count as it."""


class _Field(Protocol):
    """An engine with the lattices of an image."""

    def posteriors(self, logits: np.ndarray, rest: bool = False) -> np.ndarray:
        """Return the posteriors of logits (N, L, H, W) float32; the last label may be a rest."""


class ImageCRF:
    """The CRF of one image, for any number of score maps.

    The lattices depend on the image alone and are built here, once for all scores.

    Args:
        image: Image (H, W, 3) uint8; the channel order does not matter.
        num_labels: Number of score maps L, the background included.
        kernels: Engine, steps of the mean field, widths and weights of its kernels.
        device: Device of the caller's network, if it has one; a GPU is used by the engine `auto`.

    Raises:
        ValueError: The image is not (H, W, 3) uint8 with at least one pixel.
        UserError: A kernel is too narrow for the image.
    """

    def __init__(
        self,
        image: np.ndarray,
        num_labels: int,
        kernels: CrfKernel,
        device: "torch.device | None" = None,
    ) -> None:
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
            raise ValueError(f"image must be (H, W, 3) uint8, not {image.shape} {image.dtype}")
        self._shape = (num_labels, *image.shape[:2])
        self._field = _field(image, kernels, device)

    def refine(self, scores: np.ndarray, rest: np.ndarray | None = None) -> np.ndarray:
        """Compute the posterior of each label at each pixel.

        The unary is `-ln(clip(scores, 1e-5, 1))`, without normalisation over the labels (PSA,
        `tool/imutils.py`).

        Args:
            scores: Scores >= 0 (L, H, W), background first; above 1 they count as 1. Several
                fields of them, (N, L, H, W), take less time together than one by one.
            rest: Scores (H, W) of a further label that supports no pixel, for scores (L, H, W);
                its posterior is not returned.

        Returns:
            Posteriors float32 of the shape of the scores; with the rest's, they sum to 1.

        Raises:
            ValueError: The scores have another shape.
            NotFiniteError: The scores or the posteriors are not finite.
        """
        if scores.ndim not in (3, 4) or scores.shape[-3:] != self._shape:
            raise ValueError(f"scores must be {self._shape}, not {scores.shape}")
        finite(scores, "scores before the CRF")
        if rest is not None:
            logits = np.concatenate([_logits(scores), _logits(rest)[None]])[None]
            found = self._field.posteriors(logits, rest=True)[0, :-1]
        elif self._shape[0] == 1:
            return np.ones(scores.shape, np.float32)
        else:
            found = self._field.posteriors(_logits(scores).reshape(-1, *self._shape))
        return finite(found.reshape(scores.shape), "posteriors of the CRF")


def _logits(scores: np.ndarray) -> np.ndarray:
    return np.log(np.clip(scores.astype(np.float32, copy=False), FLOOR, 1.0))


def _field(image: np.ndarray, kernels: CrfKernel, device: "torch.device | None") -> _Field:
    if kernels.engine == "pydensecrf":
        from wsss.ops import crf_reference

        return crf_reference.Field(image, kernels)
    if kernels.engine == "auto" and device is not None and device.type == "cuda":
        from wsss.ops import crf_torch

        return crf_torch.Field(image, kernels, device)
    from wsss.ops import crf_cpu

    return crf_cpu.Field(image, kernels)


def contenders(probabilities: np.ndarray) -> np.ndarray:
    """Find the labels of a prediction that may win after a CRF.

    They exceed `LEAST` at some pixel, or win somewhere without a CRF.

    Args:
        probabilities: (L, H, W), which sum to 1 over the labels.

    Returns:
        Their positions, ascending.
    """
    planes = probabilities.reshape(len(probabilities), -1)
    peaks = planes.max(1)
    kept = peaks > LEAST
    if not kept.any():
        return np.arange(len(planes))
    strongest = planes[kept].max(0)
    for label in np.flatnonzero(~kept & (peaks > strongest.min())):
        kept[label] = (planes[label] > strongest).any()
    return np.flatnonzero(kept)


def decide(
    scores: np.ndarray,
    image: np.ndarray,
    kernels: CrfKernel,
    device: "torch.device | None" = None,
) -> np.ndarray:
    """Return the (H, W) positions of the winning labels, after a CRF unless it has no iterations.

    Args:
        scores: (L, H, W) float32 >= 0.
        image: (H, W, 3) uint8 RGB.
        kernels: the CRF; `iterations` 0 = none.
        device: of the caller's network, if it has one.

    Raises:
        NotFiniteError: the scores are not finite, before the CRF or after it.
    """
    if kernels.iterations:
        scores = ImageCRF(image, len(scores), kernels, device).refine(scores)
    return finite(scores, "scores").argmax(0)


def decide_prediction(
    probabilities: np.ndarray,
    image: np.ndarray,
    kernels: CrfKernel,
    device: "torch.device | None" = None,
) -> np.ndarray:
    """Return what `decide` returns for probabilities, in less time if the labels are many.

    Labels that are no `contenders` are summed up in a rest that supports no pixel, since each of
    them has next to no support. At least 99.99 % of the pixels get the label of `decide`. The
    engine pydensecrf is given every label.

    Args:
        probabilities: (L, H, W) float32, which sum to 1 over the labels.
        image: (H, W, 3) uint8 RGB.
        kernels: the CRF; `iterations` 0 = none.
        device: of the caller's network, if it has one.
    """
    kept = contenders(probabilities)
    left_out = len(probabilities) - len(kept)
    if not kernels.iterations or kernels.engine == "pydensecrf" or not left_out:
        return decide(probabilities, image, kernels, device)
    likely = probabilities[kept]
    rest = np.maximum(1 - likely.sum(0), left_out * FLOOR)
    return kept[ImageCRF(image, len(kept), kernels, device).refine(likely, rest).argmax(0)]
