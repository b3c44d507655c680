import torch

from wsss.nn.affinitynet import AffinityNet
from wsss.nn.backbones import build
from wsss.nn.featureaffinity import FeatureAffinity
from wsss.ops.pairs import pair_indices


class Given(torch.nn.Module):
    """A backbone with the features that it is given."""

    def __init__(self, **taps):
        super().__init__()
        self._taps = taps

    def forward(self, x):
        return self._taps


def test_every_tap_has_the_same_share():
    strong, weak = torch.rand(1, 3, 4, 6) * 100, torch.rand(1, 5, 4, 6) / 100
    net = FeatureAffinity(Given(conv4=strong, conv5=weak), ["conv4", "conv5"])
    found = net.features(torch.zeros(1, 3, 32, 48))
    assert found.shape == (1, 8, 4, 6)
    squares = found.square().mean((0, 2, 3))
    assert torch.allclose(squares[:3].sum(), torch.tensor(1.0))
    assert torch.allclose(squares[3:].sum(), torch.tensor(1.0))


def test_equal_features_have_affinity_one_and_opposite_ones_the_least():
    halves = torch.ones(1, 1, 4, 8)
    halves[..., 4:] = -1
    net = FeatureAffinity(Given(conv4=halves), ["conv4"])
    affinity = net.affinity(net.features(torch.zeros(1, 3, 32, 64)), 2)
    assert set(affinity.unique().tolist()) == {
        1.0,
        torch.exp(torch.tensor(-2.0)).item(),
    }


def test_features_of_zeros_stay_finite():
    net = FeatureAffinity(Given(conv4=torch.zeros(1, 2, 3, 3)), ["conv4"])
    assert net.features(torch.zeros(1, 3, 24, 24)).isfinite().all()


def test_tokens_are_compared_on_the_grid_of_the_walk():
    torch.manual_seed(0)
    backbone, x = build("timm/test_vit").eval(), torch.randn(1, 3, 40, 72)
    net = FeatureAffinity(backbone, ["conv4", "conv6"])
    with torch.no_grad():
        features = net.features(x)
        affinity = net.affinity(features, 3)
        learned = AffinityNet(backbone).features(x)
    assert features.shape == (1, 128, 5, 9) and learned.shape[2:] == (5, 9)
    assert affinity.shape[1:] == pair_indices(5, 9, 3)[1].shape
    # cells within a patch are more alike than those of different patches
    assert affinity.isfinite().all() and affinity.max() <= 1
