import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from wsss.ops.outlines import class_boundaries


def by_definition(labels, label):
    """The docstring of `class_boundaries`, pixel by pixel."""
    out = np.zeros(labels.shape, bool)
    for y, x in np.ndindex(labels.shape):
        near = labels[max(0, y - 1) : y + 2, max(0, x - 1) : x + 2] == label
        out[y, x] = near.any() and not near.all()
    return out


@given(st.integers(1, 7), st.integers(1, 7), st.integers(0, 99))
def test_boundaries_are_as_defined(height, width, seed):
    labels = np.random.default_rng(seed).integers(0, 3, (height, width))
    edges = class_boundaries(labels, 4)
    assert edges.dtype == bool and edges.shape == (4, height, width)
    assert not edges[3].any()
    assert all(np.array_equal(edges[k], by_definition(labels, k)) for k in range(3))


def test_a_straight_boundary_has_two_pixels_and_both_regions_share_it():
    labels = np.repeat([0, 1], 4)[None].repeat(5, axis=0)
    edges = class_boundaries(labels, 2)
    assert edges.any(axis=1).astype(int).tolist() == [[0, 0, 0, 1, 1, 0, 0, 0]] * 2


def test_an_object_at_the_border_is_open_there():
    labels = np.zeros((6, 6), int)
    labels[:, 3:] = 1
    assert not class_boundaries(labels, 2)[1, :, 5].any()
