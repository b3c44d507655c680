import pytest
import torch

from tests.accelerator import DEVICE, accelerator
from wsss.engine.tta import sum_views
from wsss.errors import UserError


def test_mirrored_views_are_mirrored_back():
    image = torch.arange(6.0).reshape(1, 1, 2, 3).expand(1, 3, 2, 3)
    total = sum_views([image], lambda batch: batch, (2, 3), flip=True)
    assert torch.equal(total, 2 * image[0])


def test_scales_are_brought_to_one_size():
    views = [torch.ones(1, 3, 2, 2), torch.full((1, 3, 4, 4), 2.0)]
    assert torch.equal(
        sum_views(views, lambda batch: batch, (3, 5), flip=False), torch.full((3, 3, 5), 3.0)
    )


def test_corners_may_be_aligned():
    views = [torch.tensor([[[[0.0, 1.0]]]])]
    total = sum_views(views, lambda batch: batch, (1, 3), flip=False, align_corners=True)
    assert total.tolist() == [[[0.0, 0.5, 1.0]]]


def limited(limit, seen):
    """Return a score whose memory holds `limit` views."""

    def score(batch):
        seen.append(len(batch))
        if len(batch) > limit:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return batch

    return score


def test_a_cpu_computes_single_views():
    view, seen = torch.rand(1, 3, 4, 6), []
    sum_views([view], limited(1, seen), (4, 6), flip=True)
    assert seen == [1, 1]


def test_views_that_are_too_large_together_are_computed_one_by_one():
    view, seen = torch.rand(1, 3, 4, 6), []
    with accelerator():
        there = view.to(DEVICE)
        total = sum_views([there], limited(1, seen), (4, 6), flip=True)
    assert torch.equal(total.held, 2 * view[0])
    assert seen == [2, 1, 1]


@pytest.mark.parametrize("flip", [False, True])
def test_a_view_too_large_for_the_memory_is_a_clear_mistake(flip):
    message = r"too small for an image of 6 x 4 pixels: leave out the largest .* scales"
    with pytest.raises(UserError, match=message):
        sum_views([torch.rand(1, 3, 4, 6)], limited(0, []), (4, 6), flip)
