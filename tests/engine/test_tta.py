import torch

from wsss.engine.tta import sum_views


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
