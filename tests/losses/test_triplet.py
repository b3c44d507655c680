import pytest
import torch

from wsss.losses.triplet import (
    attraction,
    erasing_mask,
    pick_negatives,
    presence,
    repulsion,
    residue,
)

LABEL = torch.tensor([[1.0, 0.0]])


def peak():
    """Maps of two classes; the first is strongest in the left half, the second in the right."""
    first = torch.tensor([[4.0, 3.0, 1.0, 0.0], [4.0, 2.0, 0.0, -9.0]])
    return torch.stack([first, first.flip(1)])[None]


def test_strong_parts_are_erased_and_weak_ones_dimmed():
    mask = erasing_mask(peak(), LABEL, (2, 4), erase=0.6)
    expected = torch.tensor([[0, 0, 0.25, 0], [0, 0.5, 0, 0]])
    torch.testing.assert_close(mask[0, 0], expected, atol=1e-4, rtol=0)


def test_only_labelled_classes_draw_the_mask():
    both = erasing_mask(peak(), torch.ones(1, 2), (2, 4), erase=0.9)
    one = erasing_mask(peak(), LABEL, (2, 4), erase=0.9)
    assert both[0, 0, 0, 2] == pytest.approx(0.75, abs=1e-4)
    assert one[0, 0, 0, 2] == pytest.approx(0.25, abs=1e-4)
    assert not erasing_mask(peak(), torch.zeros(1, 2), (2, 4), erase=0.9).any()


def test_the_mask_passes_gradients_to_the_parts_that_stay():
    cam = peak().requires_grad_()
    erasing_mask(cam, LABEL, (2, 4), erase=0.6)[0, 0, 0, 2].backward()
    assert cam.grad[0, 0, 0, 2] == pytest.approx(0.25, abs=1e-4)
    assert not cam.grad[0, 1].any()


def test_presence_is_the_mean_of_the_positive_part():
    pooled = torch.tensor([[[[2.0, -2.0]], [[1.0, 1.0]]]])
    assert presence(pooled, LABEL).tolist() == [[1.0, 0.0]]


def test_residue_is_the_mean_outside_of_the_activation():
    cam = torch.tensor([[[[10.0, 1.0, 0.0, 0.0]], [[0.0, 0.0, 0.0, 0.0]]]])
    pooled = torch.tensor([[[[4.0, -2.0, -2.0, 1.0]], [[1.0, 1.0, 1.0, 1.0]]]])
    weak, whole = (residue(cam, pooled, LABEL, below) for below in (0.2, 1.0))
    assert weak[0].tolist() == pytest.approx([-0.25, 0], abs=1e-4)
    assert whole[0].tolist() == pytest.approx([1 / 16, 0], abs=1e-4)


def test_flat_and_silent_maps_stay_finite():
    maps = torch.zeros(1, 2, 3, 3, requires_grad=True)
    embedding = residue(maps, maps, LABEL, 0.2)
    mask = erasing_mask(maps, LABEL, (6, 6), 0.6)
    (embedding.sum() + mask.sum()).backward()
    assert not embedding.any()
    assert maps.grad.isfinite().all()


def test_attraction_counts_absent_classes():
    anchor, positive = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.5, 0.0]])
    assert attraction(anchor, positive).item() == 0.25


def test_repulsion_averages_the_pairs_that_are_too_close():
    anchor = torch.zeros(7, 2)
    negative = torch.tensor([[0.5, 0.5]] * 4 + [[0.0, 0.0]] + [[3.0, 0.0]] * 2)
    assert repulsion(anchor, negative, margin=1.0).item() == pytest.approx((4 * 0.5 + 1) / 5)


@pytest.mark.parametrize(("close", "loss"), [(4, 0.0), (5, 0.5)])
def test_few_close_pairs_cost_nothing(close, loss):
    pairs = torch.zeros(close, 3)
    assert repulsion(pairs, pairs, margin=0.5).item() == loss


def test_repulsion_without_pairs_has_a_gradient():
    anchor = torch.zeros(2, 3, requires_grad=True)
    repulsion(anchor[:0], torch.zeros(0, 3), margin=0.5).backward()
    assert not anchor.grad.any()


def test_negatives_share_no_class_and_every_one_is_picked():
    label = torch.tensor([[1.0, 0, 0], [0, 1, 0], [0, 1, 1], [0, 0, 1]])
    torch.manual_seed(0)
    picks = [pick_negatives(label) for _ in range(50)]
    assert all(anchors.tolist() == [0, 1, 2, 3] for anchors, _ in picks)
    by_anchor = [{negatives[i].item() for _, negatives in picks} for i in range(4)]
    assert by_anchor == [{1, 2, 3}, {0, 3}, {0}, {0, 1}]


def test_images_without_a_partner_are_left_out():
    label = torch.tensor([[1.0, 1], [1, 0], [0, 1]])
    anchors, negatives = pick_negatives(label)
    assert (anchors.tolist(), negatives.tolist()) == ([1, 2], [2, 1])
    assert pick_negatives(torch.ones(3, 2))[0].tolist() == []
    assert pick_negatives(torch.zeros(1, 2))[0].tolist() == []
