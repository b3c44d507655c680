import pytest
import torch

from wsss.engine.tta import sum_views
from wsss.errors import UserError


def test_mirrored_views_are_mirrored_back():
    image = torch.arange(6.0).reshape(1, 1, 2, 3).expand(1, 3, 2, 3)
    views = [torch.cat([image, image.flip(-1)])]
    total = sum_views(views, lambda batch: batch, (2, 3))
    assert torch.equal(total, 2 * image[0])


def test_scales_are_brought_to_one_size():
    views = [torch.ones(1, 3, 2, 2), torch.full((1, 3, 4, 4), 2.0)]
    assert torch.equal(sum_views(views, lambda batch: batch, (3, 5)), torch.full((3, 3, 5), 3.0))


def test_corners_may_be_aligned():
    views = [torch.tensor([[[[0.0, 1.0]]]])]
    total = sum_views(views, lambda batch: batch, (1, 3), align_corners=True)
    assert total.tolist() == [[[0.0, 0.5, 1.0]]]


def limited(limit, seen):
    """Return a score whose memory holds `limit` views."""

    def score(batch):
        seen.append(len(batch))
        if len(batch) > limit:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return batch

    return score


def test_views_that_are_too_large_together_are_drawn_one_by_one():
    view, seen = torch.rand(2, 3, 4, 6), []
    small = sum_views([view], limited(1, seen), (4, 6))
    assert torch.equal(small, sum_views([view], lambda batch: batch, (4, 6)))
    assert seen == [2, 1, 1]


@pytest.mark.parametrize("views", [1, 2])
def test_a_view_too_large_for_the_memory_is_a_clear_mistake(views):
    message = r"too small for an image of 6 x 4 pixels: leave out the largest .* scales"
    with pytest.raises(UserError, match=message):
        sum_views([torch.rand(views, 3, 4, 6)], limited(0, []), (4, 6))
