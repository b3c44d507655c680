import numpy as np
import pytest

from wsss.ops.polygons import fill, trace


def drawn(*rows: str) -> np.ndarray:
    return np.array([[sign == "#" for sign in row] for row in rows])


FRAME = drawn("####", "#..#", "####")
SHAPES = {
    "pixel": drawn("...", ".#.", "..."),
    "line": drawn("###"),
    "diagonal": drawn("#..", ".#.", "..#"),
    "square": drawn("##", "##"),
    "frame": FRAME,
    "nested": np.pad(np.pad(FRAME, 1), 1, constant_values=True),
    "two holes": drawn("#######", "#.##..#", "#.#.#.#", "#######"),
    "spike": drawn("#######", "..#....", "..#...."),
}


def filled(polygons, size):
    return sum(fill(points, size).astype(int) for points in polygons)


@pytest.mark.parametrize("mask", SHAPES.values(), ids=SHAPES)
def test_polygons_fill_the_mask_they_are_traced_from(mask):
    np.testing.assert_array_equal(filled(trace(mask), mask.shape), mask)


@pytest.mark.parametrize("seed", range(20))
def test_any_mask_comes_back(seed):
    rng = np.random.default_rng(seed)
    mask = rng.random((24, 31)) < (seed + 1) / 21
    np.testing.assert_array_equal(filled(trace(mask), mask.shape), mask)


def test_a_hole_is_cut_out_by_a_seam():
    (points,) = trace(np.pad(FRAME, 1, constant_values=True))
    seam = {(0, 2), (1, 2)}
    assert seam & set(map(tuple, points.tolist())) and len(points) > 8
    (square,) = trace(np.ones((5, 4), bool))
    assert sorted(square.tolist()) == [[0, 0], [0, 4], [3, 0], [3, 4]]


def test_a_tolerance_leaves_out_points_and_little_of_the_mask():
    y, x = np.mgrid[:80, :80]
    radius = np.hypot(y - 40, x - 40)
    ring = (radius < 30) & (radius > 12)
    ((exact,), (rough,)) = trace(ring), trace(ring, 1.0)
    assert len(rough) < len(exact) / 2
    wrong = fill(rough, ring.shape) != ring
    assert 0 < wrong.sum() < 0.05 * ring.sum()
    assert not fill(rough, ring.shape)[40, 40]
    assert [len(points) for points in trace(SHAPES["pixel"], 1.0)] == [3]


@pytest.mark.parametrize(
    ("points", "message"),
    [
        ([[0, 0], [1, 1]], "three points"),
        ([0, 1, 2], "three points"),
        ([[0, 0], [1, 1], [900, 0]], "far outside"),
        ([[0, 0], [1, 1], [float("nan"), 0]], "far outside"),
    ],
)
def test_no_polygon(points, message):
    with pytest.raises(ValueError, match=message):
        fill(np.array(points, float), (10, 10))
