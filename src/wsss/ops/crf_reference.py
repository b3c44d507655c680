"""The dense CRF by pydensecrf, the library that the published methods use."""

import numpy as np
import pydensecrf.densecrf as densecrf

from wsss.config.crf import CrfKernel


class Field:
    """The CRF of an image for one field of logits after the other.

    Args:
        image: (H, W, 3) uint8.
        kernels: steps, widths and weights.
    """

    def __init__(self, image: np.ndarray, kernels: CrfKernel) -> None:
        self._image, self._kernels = np.array(image, order="C"), kernels  # it wants to write, too

    def posteriors(self, logits: np.ndarray, rest: bool = False) -> np.ndarray:
        """Return the posteriors of logits (N, L, H, W) float32.

        Raises:
            ValueError: a rest is asked for, which the library does not know.
        """
        if rest:
            raise ValueError("pydensecrf has no rest")
        labels, height, width = logits.shape[1:]
        kernels = self._kernels
        solver = densecrf.DenseCRF2D(width, height, labels)
        solver.addPairwiseGaussian(sxy=kernels.gaussian_sxy, compat=kernels.gaussian_weight)
        solver.addPairwiseBilateral(
            sxy=kernels.bilateral_sxy,
            srgb=kernels.bilateral_srgb,
            rgbim=self._image,
            compat=kernels.bilateral_weight,
        )
        found = []
        for field in logits:
            solver.setUnaryEnergy(np.ascontiguousarray(-field.reshape(labels, -1)))
            found.append(np.array(solver.inference(kernels.iterations), np.float32))
        return np.stack(found).reshape(logits.shape)
