"""Fully connected CRF (Krähenbühl & Koltun, NeurIPS 2011), solved by the pydensecrf library."""

import numpy as np
import pydensecrf.densecrf as densecrf

from wsss.config.crf import CrfKernel
from wsss.ops.finite import finite


class ImageCRF:
    """The CRF of one image, for any number of score maps.

    The permutohedral lattices depend on the image alone and take a good part of the time, so they
    are built once here; `refine` keeps no state and may be called for one alpha after the other.

    Args:
        image: Image (H, W, 3) uint8; the channel order does not matter.
        num_labels: Number of score maps L, the background included.
        kernels: Steps of the mean field, widths and weights of its kernels.

    Raises:
        ValueError: The image is not (H, W, 3) uint8 with at least one pixel.
    """

    def __init__(self, image: np.ndarray, num_labels: int, kernels: CrfKernel) -> None:
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
            raise ValueError(f"image must be (H, W, 3) uint8, not {image.shape} {image.dtype}")
        height, width = image.shape[:2]
        self._shape = (num_labels, height, width)
        self._iterations = kernels.iterations
        self._field = densecrf.DenseCRF2D(width, height, num_labels)
        self._field.addPairwiseGaussian(sxy=kernels.gaussian_sxy, compat=kernels.gaussian_weight)
        self._field.addPairwiseBilateral(
            sxy=kernels.bilateral_sxy,
            srgb=kernels.bilateral_srgb,
            rgbim=np.array(image, order="C"),  # the library wants a writable array
            compat=kernels.bilateral_weight,
        )

    def refine(self, scores: np.ndarray) -> np.ndarray:
        """Compute the posterior of each label at each pixel.

        The unary is `-ln(clip(scores, 1e-5, 1))`, without normalisation over the labels (PSA,
        `tool/imutils.py`).

        Args:
            scores: Scores >= 0 (L, H, W), background first; above 1 they count as 1.

        Returns:
            Posteriors (L, H, W) float32, which sum to 1 over the labels.

        Raises:
            ValueError: The scores have another shape.
            NotFiniteError: The scores or the posteriors are not finite.
        """
        if scores.shape != self._shape:
            raise ValueError(f"scores must be {self._shape}, not {scores.shape}")
        finite(scores, "scores before the CRF")
        unary = -np.log(np.clip(scores.astype(np.float32, copy=False), 1e-5, 1.0))
        self._field.setUnaryEnergy(np.ascontiguousarray(unary.reshape(self._shape[0], -1)))
        posterior = self._field.inference(self._iterations)
        found = np.array(posterior, dtype=np.float32).reshape(self._shape)
        return finite(found, "posteriors of the CRF")


def decide(scores: np.ndarray, image: np.ndarray, kernels: CrfKernel) -> np.ndarray:
    """Return the (H, W) positions of the winning labels, after a CRF unless it has no iterations.

    Args:
        scores: (L, H, W) float32 >= 0.
        image: (H, W, 3) uint8 RGB.
        kernels: the CRF; `iterations` 0 = none.

    Raises:
        NotFiniteError: the scores are not finite, before the CRF or after it.
    """
    if kernels.iterations:
        scores = ImageCRF(image, len(scores), kernels).refine(scores)
    return finite(scores, "scores").argmax(0)
