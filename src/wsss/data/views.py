"""Scaled and mirrored copies of an image for multi-scale inference."""

from collections.abc import Iterator, Sequence

import cv2
import numpy as np

from wsss.data.transforms import normalise, resize, scaled


def views(
    image: np.ndarray, scales: Sequence[float], flip: bool, resampling: str = "pillow"
) -> Iterator[np.ndarray]:
    """Yield scaled and mirrored copies of an image, one scale after the other.

    Args:
        image: (H, W, 3) uint8 RGB.
        scales: factors on the image's size.
        flip: add the mirrored copy to each scale.
        resampling: `pillow` scales the image to (round(H s), round(W s)), half to even, bicubic
            with antialiasing (docs/methods/common.md 5); `opencv` the normalised pixels, bicubic
            without (docs/methods/retrain.md A4).

    Yields:
        Per scale (1, 3, h, w) float32 normalised, or (2, 3, h, w) with the mirrored copy second.
    """
    for scale in scales:
        if resampling == "opencv":
            pixels = opencv_scaled(normalise(image), scale, cv2.INTER_CUBIC)
        else:
            pixels = normalise(resize(image, scaled(image.shape[:2], scale)))
        view = pixels.transpose(2, 0, 1)
        yield np.stack([view, view[..., ::-1]] if flip else [view])


def opencv_scaled(array: np.ndarray, factor: float, interpolation: int) -> np.ndarray:
    """Resize (H, W, ...) by a factor with OpenCV: without antialiasing, on the factor's grid."""
    array = np.ascontiguousarray(array)
    if min(array.shape[:2]) * factor <= 0.5:  # OpenCV refuses sides of 0 pixels
        height, width = scaled(array.shape[:2], factor)
        return cv2.resize(array, (width, height), interpolation=interpolation)
    return cv2.resize(array, None, fx=factor, fy=factor, interpolation=interpolation)
