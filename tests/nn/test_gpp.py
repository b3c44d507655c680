import pytest
import torch

from wsss.nn.heads.gpp import SignedGate, gated_pyramid, pool_to, signed_score


def gates(classes=2, zero=False):
    torch.manual_seed(0)
    three = [SignedGate(classes) for _ in range(3)]
    for p in (p for gate in three for p in gate.parameters() if zero):
        torch.nn.init.zeros_(p)
    return three


@pytest.mark.parametrize("value", [3.0, -2.0])
def test_constant_map_and_silent_gates(value):
    cam = torch.full((1, 2, 5, 7), value)
    pooled = gated_pyramid(cam, gates(zero=True))
    torch.testing.assert_close(pooled, 11 / 32 * cam)
    expected = torch.full((1, 2), 11 / 32 * value * abs(value))
    torch.testing.assert_close(signed_score(cam, pooled), expected)


def test_a_gate_is_odd_when_both_signs_are_weighed_alike():
    gate = gates()[0]
    gate.att_n.load_state_dict(gate.att_p.state_dict())
    x, y = torch.randn(2, 1, 2, 4, 4)
    torch.testing.assert_close(gate(-x, -y), -gate(x, y))


def test_a_gate_keeps_the_sign_where_both_maps_agree():
    x, y = torch.randn(2, 1, 2, 6, 6)
    agree = x.sign() == y.sign()
    assert torch.equal(gates()[0](x, y).sign()[agree], x.sign()[agree])


def test_weights_have_the_official_names_and_shapes():
    shapes = {name: tuple(p.shape) for name, p in gates(classes=20)[0].named_parameters()}
    assert shapes == {"att_p.0.weight": (2, 40, 3, 3), "att_n.0.weight": (2, 40, 3, 3)}


def test_signs_that_disagree_count_nothing():
    cam = torch.tensor([[[[2.0, 1.0, -1.0, -4.0]]]])
    pooled = torch.tensor([[[[3.0, -1.0, 1.0, -1.0]]]])
    assert signed_score(cam, pooled).item() == (6 - 4) / 4


def test_grid_as_fine_as_the_map_changes_nothing():
    cam = torch.randn(1, 3, 4, 4)
    torch.testing.assert_close(pool_to(cam, 4), cam)


@pytest.mark.parametrize("size", [(1, 1), (1, 5), (3, 2), (17, 33)])
def test_any_map_size(size):
    cam = torch.randn(2, 2, *size)
    pooled = gated_pyramid(cam, gates())
    assert pooled.shape == cam.shape
    assert pooled.isfinite().all()
