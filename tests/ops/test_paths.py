import pytest
import torch

from wsss.ops.pairs import offsets, pair_indices
from wsss.ops.paths import path, path_affinity, walk_between_boundaries


def test_paths_by_hand():
    assert path(0, 3) == [(0, 0), (0, 1), (0, 2), (0, 3)]
    assert path(1, -1) == [(0, -1), (0, 0), (1, -1), (1, 0)]
    assert path(2, 2) == [(0, 0), (0, 1), (1, 0), (1, 1), (1, 2), (2, 1), (2, 2)]


@pytest.mark.parametrize("step", offsets(10))
def test_a_path_joins_both_cells_and_is_mirrored_with_them(step):
    cells = path(*step)
    assert {(0, 0), step} <= {*cells}
    assert {(y, -x) for y, x in cells} == {*path(step[0], -step[1])}
    assert {(step[0] - y, step[1] - x) for y, x in cells} == {*cells}


def wall(height=6, width=9, column=4):
    """Boundaries with a column that nothing crosses."""
    edge = torch.zeros(height, width)
    edge[:, column] = 1
    return edge


def test_a_boundary_parts_what_is_on_its_sides():
    affinity = path_affinity(wall()[None], 3)[0]
    source, target = pair_indices(6, 9, 3)
    sides = [(cells % 9 - 4).sign() for cells in (source.expand_as(target), target)]
    together = (sides[0] * sides[1] == 1).float()
    assert torch.equal(affinity * together, together)
    assert not affinity[(sides[0] * sides[1]) <= 0].any()


def test_affinity_is_one_less_the_strongest_cell_of_the_path():
    edge = torch.rand(2, 5, 8, dtype=torch.float64, requires_grad=True)
    source, _ = pair_indices(5, 8, 3)
    found = path_affinity(edge, 3)
    for number, step in enumerate(offsets(3)):
        cells = [edge.flatten(1)[:, source + y * 8 + x] for y, x in path(*step)]
        assert torch.equal(found[:, number], 1 - torch.stack(cells).amax(0))
    assert torch.autograd.gradcheck(lambda x: path_affinity(x, 3), edge)


def test_half_precision_is_computed_in_single():
    assert path_affinity(torch.rand(1, 5, 8).bfloat16(), 3).dtype == torch.float32


def dense(maps, edge, radius, beta, steps):
    """The walk with a matrix of all pairs, path by path."""
    height, width = edge.shape
    weight = torch.eye(height * width)
    for y in range(height):
        for x in range(width):
            for dy, dx in offsets(radius):
                if y + dy < height and 0 <= x + dx < width:
                    strongest = max(edge[y + py, x + px] for py, px in path(dy, dx))
                    here, there = y * width + x, (y + dy) * width + x + dx
                    weight[here, there] = weight[there, here] = (1 - strongest) ** beta
    matrix = torch.linalg.matrix_power(weight / weight.sum(0), steps)
    return ((maps * (1 - edge)).flatten(1) @ matrix).view(maps.shape)


@pytest.mark.parametrize("size", [(1, 1), (1, 6), (5, 4), (7, 9)])
def test_a_walk_is_that_of_all_pairs_at_the_border_too(size):
    torch.manual_seed(0)
    maps, edge = torch.rand(2, *size), torch.rand(size)
    found = walk_between_boundaries(maps, edge, 3, 2.0, 16)
    torch.testing.assert_close(found, dense(maps, edge, 3, 2.0, 16))


def test_a_walk_stays_on_its_side_and_fills_it():
    maps = torch.zeros(1, 6, 9)
    maps[0, 2, 1] = 1
    walked = walk_between_boundaries(maps, wall(), 5, 10.0, 256)
    assert not walked[..., 4:].any()
    side = walked[0, :, :4]
    torch.testing.assert_close(side, side.mean().expand(6, 4))
    assert side.mean() > 0.01
