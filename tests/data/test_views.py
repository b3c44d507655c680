import numpy as np
import pytest
import torch

from wsss.data.transforms import normalise
from wsss.data.views import scaled_copies, views

CPU = torch.device("cpu")


def picture(height, width):
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


@pytest.mark.parametrize("resampling", ["torch", "pillow"])
def test_copies_have_the_sizes_of_their_scales_in_eight_bits(resampling):
    given = scaled_copies(picture(5, 8), [0.5, 1.0, 1.5], resampling)
    assert given.size == (5, 8)
    assert [copy.shape for copy in given.copies] == [(1, 3, 2, 4), (1, 3, 5, 8), (1, 3, 8, 12)]
    assert {copy.dtype for copy in given.copies} == {torch.uint8}


@pytest.mark.parametrize("resampling", ["torch", "pillow", "opencv"])
def test_a_view_of_the_whole_size_is_the_normalised_image(resampling):
    (view,) = views(scaled_copies(picture(5, 8), [1.0], resampling).copies, CPU)
    assert np.array_equal(view[0], normalise(picture(5, 8)).transpose(2, 0, 1))


@pytest.mark.parametrize("size", [(1, 1), (37, 50), (150, 101)])
@pytest.mark.parametrize("scale", [0.5, 0.75, 1.25, 2.0])
def test_torch_is_at_most_two_grey_levels_from_pillow(size, scale):
    both = (scaled_copies(picture(*size), [scale], name).copies[0] for name in ("torch", "pillow"))
    first, second = (copy.int() for copy in both)
    assert (first - second).abs().max() <= 2
    assert ((first - second).abs() > 0).float().mean() < 0.2
