import pytest
import torch

from wsss.ops.pairs import fit_radius, offsets, pair_indices


def test_offsets_of_a_small_radius():
    assert offsets(2) == [(0, 1), (1, -1), (1, 0), (1, 1)]


def test_radius_five_has_34_offsets():
    rows = [dy for dy, _ in offsets(5)]
    assert [rows.count(dy) for dy in range(5)] == [4, 9, 9, 7, 5]


def test_no_offset_is_the_reverse_of_another():
    steps = set(offsets(6))
    assert not steps & {(-dy, -dx) for dy, dx in steps}


def test_pairs_of_a_small_grid():
    source, target = pair_indices(3, 4, 2)
    assert source.tolist() == [1, 2, 5, 6]
    assert target[:, 0].tolist() == [2, 4, 5, 6]


@pytest.mark.parametrize(("h", "w"), [(5, 9), (9, 11), (12, 14)])
def test_targets_are_their_offsets_away(h, w):
    source, target = pair_indices(h, w, 5)
    assert source.shape == ((h - 4) * (w - 8),)
    assert target.max() < h * w
    for (dy, dx), there in zip(offsets(5), target, strict=True):
        assert torch.equal(there // w - source // w, torch.full_like(source, dy))
        assert torch.equal(there % w - source % w, torch.full_like(source, dx))


@pytest.mark.parametrize(("size", "radius"), [(1, 0), (3, 1), (10, 4), (11, 5), (63, 5)])
def test_fit_radius(size, radius):
    assert fit_radius(size, 99, 5) == fit_radius(99, size, 5) == radius


@pytest.mark.parametrize("size", [(h, w) for h in (1, 2, 5, 8) for w in (1, 3, 7)])
def test_a_fitted_radius_always_works(size):
    source, target = pair_indices(*size, fit_radius(*size, 5))
    assert target.shape[1] == len(source) > 0


def test_one_cell_has_no_pairs():
    assert pair_indices(1, 1, fit_radius(1, 1, 5))[1].shape == (0, 1)


def test_too_small_a_grid_is_refused():
    with pytest.raises(ValueError, match="fit_radius"):
        pair_indices(8, 8, 5)
