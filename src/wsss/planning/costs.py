"""Measured sizes and seconds, for the forecast.

Those of backbones are in `wsss.config.backbones`, those of methods in their files. Sizes come from
the maps of 24 images of PASCAL VOC, seconds from one core of a server CPU (2.5 GHz, AVX-512) in
32-bit arithmetic, on images of 192 to 500 pixels.
"""

from typing import NamedTuple

PACKED = {"cam": 0.61, "crf": 0.082, "boundaries": 0.016, "labels": 0.021, "tiles": 1.8}
"""Compressed bytes per byte; of label maps and tiles, bytes per pixel."""

TRAINING = 2.9
"""Seconds of a training step per second of prediction."""


class Head(NamedTuple):
    """A segmenter around its backbone.

    Attributes:
        seconds: per megapixel at the usual width.
        parameters: millions of weights at that width.
        width: its channels, None = it has no such option.
    """

    seconds: float
    parameters: float
    width: int | None


HEADS = {
    "deeplab_v1": Head(5.3, 19.1, 512),
    "deeplab_v2": Head(2.5, 1.5, None),
    "deeplab_v3": Head(1.1, 16.1, 256),
    "deeplab_v3plus": Head(2.8, 16.8, 256),
}
"""Segmenter -> its head, on the backbones that it was published with."""

START = 5.0
"""Seconds for the imports of a job with a network or a CRF."""

CHECK = 0.03
"""Seconds per megapixel to decode and hash an image and its mask."""

CONVERT = 0.02
"""Seconds per megapixel to draw a mask and write it."""

CUT = 0.3
"""Seconds per megapixel to cut tiles and write them as PNGs."""

OUTLINE = 0.3
"""Seconds per megapixel to compute boundary maps."""

CRF_LATTICE = 0.65
"""Seconds per megapixel to build the lattices of a dense CRF."""

CRF_STEP = (0.115, 0.019)
"""Seconds per megapixel of one mean-field step: at all, and per label."""

AFFINITY = 1.1
"""Cost of AffinityNet in times of its backbone."""

WALK = 0.7
"""Seconds per megapixel to build the transition matrix of a random walk."""

WALK_STEP = 0.0015
"""Seconds per megapixel of one step of a random walk."""

EVALUATE = 0.2
"""Seconds per megapixel to evaluate all stages but the CRF."""

EVALUATE_ALPHA = 0.06
"""Seconds per megapixel to evaluate the CRF maps of one exponent."""
