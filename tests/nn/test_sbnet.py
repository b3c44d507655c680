import pytest
import torch

from wsss.nn.backbones import build
from wsss.nn.sbnet import SbNet
from wsss.nn.seamnet import SeamNet
from wsss.ops.edges import canny


def net(backbone="tiny", classes=3):
    torch.manual_seed(0)
    return SbNet(build(backbone), classes)


def test_official_shapes():
    with torch.device("meta"):
        n = SbNet(build("resnet38d"), 20)
    assert n.fuse_canny_edge.weight.shape == (21, 42, 1, 1)
    assert sum(p.numel() for p in n.parameters()) == 105_826_319
    assert len(n.state_dict()) == 259


def test_the_branch_is_not_scratch():
    n = net()
    assert n.from_scratch() == (n.fc8, n.f8_3, n.f8_4, n.f9)


@pytest.mark.parametrize("backbone", ["tiny", "mobilenet_v2"])
@pytest.mark.parametrize("size", [(48, 64), (49, 35), (8, 9)])
def test_boundaries_have_the_size_of_the_image(backbone, size):
    n, x = net(backbone), torch.randn(2, 3, *size)
    assert n.edges(x, n.backbone(x)).shape == (2, 4, *size)


def test_maps_are_those_of_seam():
    n, x = net().eval(), torch.randn(2, 3, 48, 48)
    seam = SeamNet(n.backbone, 3).eval()
    seam.load_state_dict(n.state_dict(), strict=False)
    assert all(torch.equal(*pair) for pair in zip(n(x), seam(x), strict=True))


def test_boundaries_train_the_branch_and_what_it_reads():
    n, x = net(), torch.randn(2, 3, 48, 48)
    n.edges(x, n.backbone(x)).square().sum().backward()
    learnt = {name.partition(".")[0] for name, p in n.named_parameters() if p.grad is not None}
    assert learnt == {"backbone", "edge_layer", "fuse_canny_edge"}


def test_edges_of_the_image_come_after_the_boundaries():
    n, x = net(), -1 + 0.1 * torch.randn(1, 3, 32, 32)
    torch.nn.init.zeros_(n.fuse_canny_edge.weight)
    n.fuse_canny_edge.weight.data[1, 4:, 0, 0] = torch.tensor([1.0, 1, 0, 0])
    drawn = n.edges(x, n.backbone(x))
    assert canny(x).any()
    assert torch.equal(drawn[:, 1:2], 2 * canny(x))
    assert not drawn[:, 0].any()


def test_autocast_yields_float32_boundaries():
    n, x = net(), torch.randn(2, 3, 48, 48)
    with torch.autocast("cpu", torch.bfloat16):
        drawn = n.edges(x, n.backbone(x))
    assert drawn.dtype == torch.float32 and drawn.isfinite().all()
