import pytest
import torch

from wsss.ops.edges import canny, derivatives, wrapped_bytes


@pytest.mark.parametrize(
    ("value", "byte"),
    [(0.99, 0), (1.5, 1), (2.64, 2), (-0.99, 0), (-1.0, 255), (-1.99, 255), (-2.1, 254)],
)
def test_the_cast_wraps(value, byte):
    image = torch.zeros(1, 3, 1, 2)
    image[0, 1, 0, 1] = value
    assert wrapped_bytes(image).tolist() == [[[[0, 0, 0], [0, byte, 0]]]]


def step(low, high):
    """A grey image whose right half has another value."""
    image = torch.full((1, 3, 16, 16), low)
    image[..., 8:] = high
    return image


def test_canny_fires_where_the_cast_wraps():
    edges = canny(step(-0.9, -1.1))
    assert edges.shape == (1, 1, 16, 16) and edges.dtype == torch.float32
    assert set(edges.unique().tolist()) == {0, 255}
    assert edges[..., 7:9].any() and not edges[..., :6].any() and not edges[..., 10:].any()


def test_canny_is_blind_to_a_bright_half():
    assert not canny(step(0.0, 2.6)).any()


def test_canny_sees_each_image_alone():
    images = torch.randn(3, 3, 24, 20)
    assert torch.equal(canny(images), torch.cat([canny(image[None]) for image in images]))


def test_canny_passes_no_gradient():
    assert not canny(torch.randn(1, 3, 8, 8, requires_grad=True)).requires_grad


def test_filters_of_a_ramp():
    along, across, laplacian = derivatives(torch.arange(5.0).expand(2, 3, 5, 5))
    inner = (..., slice(1, -1), slice(1, -1))
    assert along.shape == (2, 3, 5, 5)
    assert (along[inner] == 8).all() and (across[inner] == 0).all()
    assert (laplacian[inner] == 0).all()


def test_filters_of_a_point_are_their_kernels_turned():
    point = torch.zeros(1, 1, 3, 3)
    point[..., 1, 1] = 1
    along, across, laplacian = (f[0, 0] for f in derivatives(point))
    assert along.tolist() == [[1, 0, -1], [2, 0, -2], [1, 0, -1]]
    assert torch.equal(across, along.mT)
    assert laplacian.tolist() == [[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]]


def test_filters_see_zeros_around_the_map():
    assert [f[0, 0, 0, 0].item() for f in derivatives(torch.ones(1, 1, 4, 4))] == [3, 3, 5]


def test_maps_are_filtered_one_by_one():
    maps = torch.randn(2, 3, 5, 6)
    single = derivatives(maps[1:, 2:])
    for all_, one in zip(derivatives(maps), single, strict=True):
        torch.testing.assert_close(all_[1:, 2:], one)
