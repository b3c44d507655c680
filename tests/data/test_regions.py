from array import array

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from pycocotools import mask as official

from wsss.data.sources.regions import Region, draw, encode, problem, text_counts

MASKS = arrays(
    np.uint8, array_shapes(min_dims=2, max_dims=2, max_side=20), elements=st.integers(0, 1)
)
POINTS = st.lists(st.tuples(*[st.floats(-10, 30, width=32)] * 2), min_size=3, max_size=8)


def compressed(mask):
    run = official.encode(np.asfortranarray(mask))
    return {"size": list(mask.shape), "counts": run["counts"].decode()}


def runs(mask):
    """Run lengths down the columns, the first of zeros."""
    flat = np.concatenate([[0], mask.ravel("F"), [2]])
    ends = np.flatnonzero(np.diff(flat))
    return {"size": list(mask.shape), "counts": np.diff(np.append(0, ends)).tolist()}


@given(MASKS)
@settings(max_examples=50)
def test_run_lengths_of_both_kinds_draw_their_mask(mask):
    for region in (compressed(mask), runs(mask)):
        assert problem(region, mask.shape) == ""
        assert draw([Region(1, False, region)], mask.shape).tolist() == mask.tolist()


@given(MASKS)
def test_the_text_of_run_lengths_is_understood(mask):
    assert text_counts(compressed(mask)["counts"]) == runs(mask)["counts"]


# pycocotools has room for six characters a run, of five bits each, sign included, but then none
# for the end of its text: longer runs write beyond
@given(st.lists(st.integers(0, 2**23), min_size=1))
def test_long_runs_are_understood(counts):
    run = official.frPyObjects({"size": [1, 1], "counts": counts}, 1, 1)
    assert text_counts(run["counts"].decode()) == counts


@given(st.lists(POINTS, min_size=1, max_size=3))
@settings(max_examples=50)
def test_polygons_are_drawn_as_the_official_tool_does(polygons):
    flat = [[float(n) for point in polygon for n in point] for polygon in polygons]
    packed, size = [array("d", polygon) for polygon in flat], (20, 20)
    expected = official.decode(official.merge(official.frPyObjects(flat, *size)))
    assert problem(packed, (20, 20)) == ""
    assert draw([Region(1, False, packed)], size).tolist() == expected.tolist()


@given(MASKS, st.data())
@settings(max_examples=50)
def test_every_pixel_is_that_of_a_region_that_covers_it(mask, data):
    other = data.draw(arrays(np.uint8, mask.shape, elements=st.integers(0, 1)))
    regions = [Region(2, False, compressed(mask)), Region(3, False, compressed(other))]
    labels = draw(regions, mask.shape)
    smaller = 2 if mask.sum() < other.sum() else 3
    assert (labels[mask + other == 2] == smaller).all()
    assert (labels[mask + other == 0] == 0).all()


@given(MASKS)
@settings(max_examples=50)
def test_the_order_of_regions_does_not_matter_to_crowds(mask):
    whole = runs(np.ones_like(mask))
    regions = [Region(1, False, compressed(mask)), Region(2, True, whole)]
    expected = np.where(mask, 1, 255).tolist()
    assert (
        draw(regions, mask.shape).tolist() == draw(regions[::-1], mask.shape).tolist() == expected
    )


@given(MASKS)
def test_a_text_that_was_cut_off_is_noticed(mask):
    region = compressed(mask)
    assert problem({**region, "counts": region["counts"][:-1]}, mask.shape)


def test_a_region_is_encoded_like_the_official_one():
    square = [array("d", [1, 1, 4, 1, 4, 4, 1, 4])]
    assert official.area(encode(square, (6, 8))) == 9
