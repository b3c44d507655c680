import pytest
import torch

from wsss.nn.heads.boundary import BoundaryHead, ChannelAttention, ResidualAttention


def taps(channels=(4, 6, 8, 10), sizes=((12, 16), (6, 8), (3, 4), (3, 4))):
    return [torch.randn(2, c, *size) for c, size in zip(channels, sizes, strict=True)]


def test_boundaries_have_the_size_of_the_finest_tap():
    assert BoundaryHead((4, 6, 8, 10), 5)(taps()).shape == (2, 5, 12, 16)


def test_official_names_and_shapes():
    shapes = {
        k: tuple(p.shape) for k, p in BoundaryHead((64, 256, 1024, 2048), 21).named_parameters()
    }
    wanted = {f"conv{n}": (32, c, 1, 1) for n, c in zip("1356", (64, 256, 1024, 2048), strict=True)}
    wanted |= {f"conv8_{n}": (32, 32, 3, 3) for n in "1356"}
    wanted |= {"classifier": (21, 128, 3, 3)}
    wanted |= {f"rcab.body.{i}": (128, 128, 3, 3) for i in (0, 2)}
    wanted |= {"rcab.body.3.conv_du.0": (8, 128, 1, 1), "rcab.body.3.conv_du.2": (128, 8, 1, 1)}
    biases = {f"{name}.bias": shape[:1] for name, shape in wanted.items()}
    assert shapes == {f"{name}.weight": shape for name, shape in wanted.items()} | biases


def test_attention_is_the_same_shift_everywhere():
    attention, x = ChannelAttention(16), torch.randn(2, 16, 5, 6)
    shift = attention(x) - x
    torch.testing.assert_close(shift, shift[..., :1, :1].expand_as(x))
    torch.testing.assert_close(shift[..., :1, :1], attention.conv_du(x.mean((2, 3), keepdim=True)))


def test_a_silent_block_passes_everything_on():
    block, x = ResidualAttention(16), torch.randn(1, 16, 4, 4)
    for p in block.parameters():
        torch.nn.init.zeros_(p)
    assert torch.equal(block(x), x)


@pytest.mark.parametrize("branch", range(4))
def test_every_tap_has_a_say_and_learns(branch):
    torch.manual_seed(0)
    given = [tap.requires_grad_() for tap in taps()]
    BoundaryHead((4, 6, 8, 10), 5)(given).square().sum().backward()
    assert given[branch].grad.any()
