import pytest
import torch

from wsss.ops import correlate
from wsss.ops.correlate import refine, winner_maps


def test_sources_by_hand():
    logits = torch.tensor([[9.0, 9.0, 9.0], [4.0, 1.0, -1.0], [1.0, 2.0, 0.0]])
    got = winner_maps(logits.view(1, 3, 1, 3), eps=0.0).flatten(1).view(3, 3)
    assert got.tolist() == [[0, 0, 1], [1, 0, 0], [0, 1, 0]]


def test_ties_have_several_sources():
    logits = torch.tensor([[0.0, 0.0], [2.0, 1.0], [8.0, 4.0], [1.0, 4.0]]).view(1, 4, 1, 2)
    got = winner_maps(logits, eps=0.0)[0, :, 0]
    assert got.tolist() == [[0, 0], [1, 0], [1, 0], [0, 1]]


def test_eps_is_taken_from_the_maps_and_added_to_the_maximum():
    got = winner_maps(torch.tensor([[0.0, 0.0], [1.0, 0.5]]).view(1, 2, 1, 2), eps=0.25)
    assert got[0, 1].tolist() == [[0.6000000238418579, 0.20000000298023224]]


def test_sources_have_no_gradient():
    assert not winner_maps(torch.randn(1, 3, 4, 4, requires_grad=True)).requires_grad


def test_cells_of_one_direction_share_their_mean():
    features = torch.tensor([[1.0, 0.0], [2.0, 0.0], [0.0, 3.0]]).T.reshape(1, 2, 1, 3)
    maps = torch.tensor([0.0, 1.0, 5.0]).view(1, 1, 1, 3)
    assert refine(maps, features).flatten().tolist() == pytest.approx([0.5, 0.5, 5.0], rel=1e-4)


def test_opposite_cells_do_not_mix():
    maps, features = torch.tensor([[[[1.0, 2.0]]]]), torch.tensor([[[[1.0, -1.0]]]])
    torch.testing.assert_close(refine(maps, features), maps, atol=0, rtol=1e-4)


def test_refined_maps_are_means():
    maps, features = torch.rand(2, 3, 5, 4), torch.randn(2, 6, 5, 4)
    got, ones = refine(maps, features), refine(torch.ones_like(maps), features)
    assert (got <= maps.amax((2, 3), keepdim=True)).all()
    assert (got >= 0.999 * maps.amin((2, 3), keepdim=True)).all()
    torch.testing.assert_close(ones, torch.ones_like(maps), atol=1e-4, rtol=0)


def test_blocks_change_nothing(monkeypatch):
    maps, features = torch.rand(2, 3, 5, 4), torch.randn(2, 6, 5, 4)
    whole = refine(maps, features)
    monkeypatch.setattr(correlate, "BLOCK", 7)
    torch.testing.assert_close(refine(maps, features), whole)


def test_features_of_zeros_have_finite_gradients():
    features = torch.zeros(1, 2, 3, 3, requires_grad=True)
    got = refine(torch.rand(1, 2, 3, 3), features)
    got.sum().backward()
    assert not got.any()
    assert features.grad.isfinite().all()


def test_autocast_does_not_reach_the_affinities():
    maps, features = torch.rand(1, 3, 6, 6), torch.randn(1, 8, 6, 6)
    with torch.autocast("cpu", torch.bfloat16):
        got = refine(maps, features)
    assert torch.equal(got, refine(maps, features))


def test_grids_must_agree():
    with pytest.raises(ValueError, match="do not fit"):
        refine(torch.rand(1, 3, 4, 4), torch.rand(1, 8, 5, 4))
