import pytest
import torch

from tests.methods.cases import EARLY, make, sample, total
from wsss.nn.task import Progress

ADVERSARY_TURN = Progress(step=2, total=4, epoch=0)


@pytest.fixture
def combo():
    return make("psa+eader").train()


def test_losses_of_both_are_added(combo):
    batch = sample()
    losses = combo(batch, EARLY)
    assert set(losses["net"]) == {"cls", "eader/am", "eader/reg"}
    assert set(losses) == {"net"}


def test_the_network_is_shared_and_the_adversary_is_not(combo):
    players = combo.players()
    assert set(players) == {"net", "adversary"}
    assert players["net"] is combo.base.net is combo.addons["eader"].net
    shared = {id(p) for p in players["net"].parameters()}
    assert not shared & {id(p) for p in players["adversary"].parameters()}


def test_the_adversarys_turn_leaves_the_network_alone(combo):
    losses = combo(sample(), ADVERSARY_TURN)
    assert set(losses) == {"adversary"}
    total(losses).backward()
    assert all(p.grad is None for p in combo.net.parameters())


def test_the_trunk_runs_once(combo):
    calls = []
    combo.net.backbone.register_forward_hook(lambda *_: calls.append(1))
    combo(sample(), EARLY)
    assert len(calls) == 1


def test_the_first_method_draws(combo):
    image = torch.randn(1, 3, 64, 64)
    plain = make("psa").eval()
    plain.net.load_state_dict(combo.net.state_dict())
    with torch.no_grad():
        first, second = (m.eval().infer(image, (16, 16), torch.arange(2)) for m in (combo, plain))
    assert torch.equal(first, second)
