import math

import pytest
import torch

from wsss.losses.equivariance import (
    aligned,
    cross_target,
    hardest,
    max_onehot,
    min_pooling,
    siamese_losses,
)


def views(large=12, small=6):
    """Maps of two views, two images, three classes."""
    return [tuple(torch.randn(2, 4, side, side) for _ in range(2)) for side in (large, small)]


def test_one_class_per_pixel_remains():
    maps = torch.tensor([[0.1, 0.2], [0.5, 0.3], [0.4, 0.3]]).view(1, 3, 1, 2)
    expected = torch.tensor([[0.1, 0.2], [0.5, 0.3], [0.0, 0.3]])
    assert torch.equal(max_onehot(maps)[0, :, 0], expected)


def test_min_pooling_by_hand():
    # strongest per pixel: -2, 1, 2, ..., 7; a quarter are -2 and 1, the negative one costs nothing
    strongest = torch.tensor([-2.0, 1, 2, 3, 4, 5, 6, 7])
    maps = torch.stack([strongest, strongest - 1]).view(1, 2, 2, 4)
    assert min_pooling(maps).item() == 0.5


def test_min_pooling_spares_active_pixels():
    maps = torch.rand(2, 3, 4, 4, requires_grad=True)
    min_pooling(maps).backward()
    assert (maps.grad != 0).sum() == 2 * 4


def test_hardest_fifth_of_each_image():
    maps = torch.zeros(2, 2, 1, 5)
    maps[0, :, 0, 3], maps[1, 0, 0, 0] = torch.tensor([3.0, -5.0]), 2.0
    assert hardest(torch.zeros_like(maps), maps).item() == pytest.approx((4 + 1) / 2)


def test_absent_classes_are_zero_on_the_grid_of_the_small_view():
    label = torch.tensor([[1.0, 0, 1], [0, 1, 0]])
    for maps in (m for view in aligned(*views(), label) for m in view):
        assert maps.shape == (2, 4, 6, 6)
        assert torch.equal(maps.amax((2, 3))[:, 1:] > 0, label > 0)
        assert (maps[:, 0].amax((1, 2)) > 0).all()


def test_target_has_the_complement_as_background():
    maps = torch.rand(2, 4, 3, 3, requires_grad=True)
    target = cross_target(maps)
    assert not target.requires_grad
    torch.testing.assert_close(target.sum(1), torch.ones(2, 3, 3))


def test_equal_views_are_equivariant():
    cam, refined = views()[0]
    losses = siamese_losses((cam, refined), (cam, refined), torch.ones(2, 3))
    assert losses["er"] == 0
    assert losses["ecr"] > 0


def test_silent_maps_cost_log_2_only():
    zeros = (torch.zeros(2, 4, 8, 8),) * 2
    losses = siamese_losses(zeros, zeros, torch.eye(3)[:2])
    assert losses["cls"].item() == pytest.approx(math.log(2))
    # the background is 1 in both targets and 0 in the refined maps: a quarter of the entries
    assert [losses[k].item() for k in ("rvmin", "er", "ecr")] == [0, 0, 2]


def test_who_learns_from_what():
    first, second = (tuple(m.requires_grad_() for m in view) for view in views())
    losses = siamese_losses(first, second, torch.ones(2, 3))
    for names, learns in ((("cls", "er"), (True, False)), (("rvmin", "ecr"), (False, True))):
        for view in (first, second):
            loss = losses[names[0]] + losses[names[1]]
            grads = torch.autograd.grad(loss, view, retain_graph=True, allow_unused=True)
            assert tuple(g is not None for g in grads) == learns


def test_background_of_the_classifier_learns_nothing():
    first, second = views()
    first[0].requires_grad_()
    sum(siamese_losses(first, second, torch.ones(2, 3)).values()).backward()
    assert not first[0].grad[:, 0].any()
    assert first[0].grad[:, 1:].any()
