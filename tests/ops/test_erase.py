import pytest
import torch

from wsss.ops.erase import erase, soft_mask


@pytest.mark.parametrize(
    ("attention", "mask"),
    [(0.45, 0.00669), (0.49, 0.26894), (0.5, 0.5), (0.51, 0.73106), (0.55, 0.99331)],
)
def test_mask_values_of_the_sheet(attention, mask):
    assert soft_mask(torch.tensor(attention)).item() == pytest.approx(mask, abs=5e-6)


def test_steepness_and_threshold():
    assert soft_mask(torch.tensor(0.3), omega=1, sigma=0.3).item() == 0.5
    assert soft_mask(torch.tensor([0.2, 0.4]), omega=1e4, sigma=0.3).tolist() == [0, 1]


def test_a_map_of_zeros_erases_nothing():
    image = torch.randn(1, 3, 2, 2)
    assert torch.equal(erase(image, soft_mask(torch.zeros(1, 1, 2, 2))), image)


def test_mask_is_float32_under_half_precision():
    assert soft_mask(torch.tensor([0.501], dtype=torch.bfloat16)).dtype == torch.float32


def test_one_mask_for_all_channels():
    image = torch.tensor([1.0, 2.0, 3.0])[None, :, None, None].expand(1, 3, 1, 2)
    erased = erase(image, torch.tensor([[[[0.25, 1.0]]]]))
    assert erased[0, :, 0].tolist() == [[0.75, 0], [1.5, 0], [2.25, 0]]
