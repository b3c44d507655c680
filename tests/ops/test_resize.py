import torch

from wsss.ops.resize import resize_bilinear


def test_corners_are_inside_without_alignment():
    ramp = torch.tensor([[[[0.0, 1.0]]]])
    assert resize_bilinear(ramp, (1, 4)).flatten().tolist() == [0.0, 0.25, 0.75, 1.0]


def test_corners_stay_with_alignment():
    ramp = torch.tensor([[[[0.0, 3.0]]]])
    assert torch.allclose(resize_bilinear(ramp, (1, 4), True).flatten(), torch.arange(4.0))


def test_same_size_changes_nothing():
    x = torch.rand(2, 3, 5, 4)
    assert torch.equal(resize_bilinear(x, (5, 4)), x)
