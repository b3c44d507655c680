import numpy as np
import pytest
import torch
from torch import nn

from wsss.config.segmenter import SegmenterInfer
from wsss.nn.segmenters import Segmenter
from wsss.stages.infer_segmenter import segment_tiles
from wsss.tiles.layout import layout


class Red(Segmenter):
    """Label 1 where a pixel is more red than green, from the pixel alone."""

    def __init__(self):
        super().__init__()
        self.factor = nn.Parameter(torch.ones(()))

    def forward(self, x):
        return self.factor * torch.stack([x[:, 1], x[:, 0]], dim=1)


@pytest.fixture
def net():
    return Red().requires_grad_(False)


def settings(**more):
    return SegmenterInfer(scales=[1.0], flip=False, **more)


@pytest.fixture
def image():
    return np.random.default_rng(0).integers(0, 256, (70, 90, 3), np.uint8)


@pytest.mark.parametrize("iterations", [0, 1])
def test_tiles_leave_no_seams(net, image, iterations):
    infer = settings(crf={"iterations": iterations})
    whole = segment_tiles(net, image, infer, ())
    tiled = segment_tiles(net, image, infer, layout((70, 90), 32, 9))
    np.testing.assert_array_equal(tiled, whole)
    assert set(np.unique(whole)) == {0, 1}


def test_the_crf_sees_the_colours_asked_for(net, image):
    crf = {"iterations": 2, "bilateral_weight": 30}
    masks = [
        segment_tiles(net, image, settings(crf=crf, crf_image=c), ()) for c in ("photo", "wrapped")
    ]
    assert (masks[0] != masks[1]).any()
