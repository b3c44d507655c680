"""Colour statistics of the networks' inputs."""

import numpy as np

MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)
"""Mean and standard deviation of ImageNet's RGB channels, scaled to [0, 1].

Source: docs/methods/common.md 2.4.
"""

CAFFE_MEAN = (122.675, 116.669, 104.008)
"""Mean colour of Caffe's networks, RGB from 0 to 255.

Source: docs/methods/psa.md 2.1, docs/methods/retrain.md B1.
"""


def wrapped(image: np.ndarray) -> np.ndarray:
    """Return the colours given to the CRF of kazuto1011/deeplab-pytorch.

    Its `crf` command casts the image less Caffe's mean to 8 bits, so that values below the mean
    wrap around (docs/methods/retrain.md B6.1). The published metrics with CRF include this.

    Args:
        image: (H, W, 3) uint8 RGB.

    Returns:
        (H, W, 3) uint8 RGB: trunc(v - mean) modulo 256.
    """
    return np.trunc(image - np.array(CAFFE_MEAN, np.float32)).astype(np.int16).astype(np.uint8)
