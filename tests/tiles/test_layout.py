from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wsss.tiles.layout import Window, blend, blend_rows, layout, most_central, stitch, weights


@st.composite
def layouts(draw):
    """An image size, a tile and an overlap."""
    size = draw(st.tuples(st.integers(1, 16), st.integers(1, 16)))
    tile = draw(st.integers(1, 10))
    return size, tile, draw(st.integers(0, tile - 1))


properties = settings(max_examples=50)


def scores(size):
    return np.random.default_rng(0).random((3, *size), np.float32)


@properties
@given(layouts())
def test_tiles_cover_the_image_and_stay_inside(case):
    size, tile, _ = case
    windows = layout(*case)
    covered = np.zeros(size, int)
    for window in windows:
        assert covered[window.slices].shape == (window.height, window.width)
        assert window[2:] == (min(tile, size[0]), min(tile, size[1]))
        covered[window.slices] += 1
    assert (covered > 0).all()
    assert len(set(windows)) == len(windows)


@properties
@given(layouts())
def test_neighbours_overlap_enough_and_evenly(case):
    _, tile, overlap = case
    windows = layout(*case)
    for starts in ({w.top for w in windows}, {w.left for w in windows}):
        steps = [b - a for a, b in pairwise(sorted(starts))]
        assert all(tile - step >= overlap for step in steps)
        assert max(steps, default=0) - min(steps, default=0) <= 1


def test_no_more_tiles_than_needed():
    assert [w.left for w in layout((4, 10), 4, 1)] == [0, 3, 6]
    assert layout((4, 4), 4, 3) == [Window(0, 0, 4, 4)]
    assert layout((3, 6), 4, 0) == [Window(0, 0, 3, 4), Window(0, 2, 3, 4)]


@pytest.mark.parametrize("overlap", [-1, 4])
def test_overlap_must_leave_something_to_step(overlap):
    with pytest.raises(ValueError, match="overlap must be in"):
        layout((9, 9), 4, overlap)


@pytest.mark.parametrize("side", [1, 2, 7, 512])
def test_weights_are_positive_and_fall_to_the_borders(side):
    row = weights(side, side)[side // 2]
    half = row[: (side + 1) // 2]
    assert row.min() > 0 and row.max() <= 1
    assert (np.diff(half) > 0).all()
    np.testing.assert_allclose(row, row[::-1], rtol=1e-4)


@properties
@given(layouts())
def test_blended_crops_give_the_map_back(case):
    size, windows = case[0], layout(*case)
    whole = scores(size)
    parts = (whole[:, *window.slices] for window in windows)
    np.testing.assert_allclose(blend(parts, windows, size), whole, rtol=1e-5)


@properties
@given(layouts())
def test_rows_come_in_order_and_once(case):
    size, windows = case[0], layout(*case)
    bands = list(blend_rows([scores(w[2:]) for w in windows], windows, size))
    assert sum(band.shape[1] for band in bands) == size[0]
    assert all(band.shape[::2] == (3, size[1]) for band in bands)
    assert max(band.shape[1] for band in bands) <= case[1]


def test_a_blend_leads_over_from_tile_to_tile():
    windows = layout((8, 12), 8, 4)
    row = blend([np.full((1, 8, 8), value, float) for value in (0, 1)], windows, (8, 12))[0, 0]
    assert row[3] == 0 and row[8] == 1 and (np.diff(row[3:9]) > 0).all()
    np.testing.assert_allclose(row + row[::-1], 1, atol=1e-6)


def test_every_window_needs_its_part():
    with pytest.raises(ValueError, match="zip"):
        blend([scores((4, 4))], layout((4, 6), 4, 0), (4, 6))


@properties
@given(layouts())
def test_stitched_crops_give_the_label_map_back(case):
    size, windows = case[0], layout(*case)
    labels = np.random.default_rng(1).integers(0, 256, size, np.uint8)
    parts = (labels[window.slices] for window in windows)
    np.testing.assert_array_equal(stitch(parts, windows, size), labels)


def test_a_pixel_belongs_to_the_tile_whose_middle_is_nearest():
    owner = most_central(layout((4, 6), 4, 2), (4, 6))
    assert (owner == [0, 0, 0, 1, 1, 1]).all()
    parts = [np.full((4, 4), label, np.uint8) for label in (1, 2)]
    assert stitch(parts, layout((4, 6), 4, 2), (4, 6))[0].tolist() == [1, 1, 1, 2, 2, 2]
