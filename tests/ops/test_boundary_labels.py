import numpy as np
import pytest

from wsss.config.irn import IrnCrf
from wsss.io.labels import IGNORE
from wsss.ops.boundary_labels import boundary_labels


def test_what_the_thresholds_agree_on_is_kept():
    """Three stripes of their own colours: no activation, a weak one, a strong one."""
    image = np.zeros((24, 36, 3), np.uint8)
    image[:, 12:24], image[:, 24:] = 120, 250
    cam = np.zeros((2, 24, 36), np.float32)
    cam[1, :, 12:24], cam[1, :, 24:] = 0.15, 0.9
    labels = boundary_labels(image, cam, 0.3, 0.05, IrnCrf())
    assert [np.unique(part).tolist() for part in np.split(labels, 3, axis=1)] == [
        [0],
        [IGNORE],
        [2],
    ]


@pytest.mark.parametrize("size", [(9, 20), (1, 1)])
def test_an_image_without_classes_is_background(size):
    image = np.zeros((*size, 3), np.uint8)
    labels = boundary_labels(image, np.zeros((0, *size), np.float32), 0.3, 0.05, IrnCrf())
    assert labels.shape == size and labels.dtype == np.uint8 and not labels.any()
