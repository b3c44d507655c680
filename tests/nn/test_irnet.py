import pytest
import torch

from wsss.config.backbones import BACKBONES
from wsss.nn.backbones import build
from wsss.nn.irnet import IrnCamNet, IRNet, MeanShift
from wsss.nn.weights import load_state, read_state


@pytest.fixture
def net():
    torch.manual_seed(0)
    return IRNet(build("tiny"))


@pytest.mark.parametrize("size", [(64, 48), (49, 65), (9, 1)])
@pytest.mark.parametrize("name", ["tiny", "mobilenet_v2"])
def test_both_heads_lie_on_the_stride_4_grid(name, size):
    net = IRNet(build(name))
    taps = net.taps(torch.randn(2, 3, *size))
    grid = tuple(-(-side // 4) for side in size)
    assert net.edges(taps).shape == (2, 1, *grid)
    assert net.displacements(taps).shape == (2, 2, *grid)


CONVOLUTIONAL = [
    (name, stride)
    for name, entry in BACKBONES.items()
    if not entry.segmenter_only
    for stride in entry.strides
]


@pytest.mark.parametrize(
    ("name", "stride"), [*CONVOLUTIONAL, ("timm/convnext_atto", 32), ("timm/resnet18", 16)]
)
def test_any_convolutional_backbone_has_both_heads_on_that_grid(name, stride):
    with torch.device("meta"):
        net = IRNet(build(name, stride))
        taps = net.taps(torch.empty(1, 3, 65, 48))
        shapes = [tuple(net.edges(taps).shape), tuple(net.displacements(taps).shape)]
    assert shapes == [(1, 1, 17, 12), (1, 2, 17, 12)]


def test_heads_have_the_published_number_of_parameters():
    with torch.device("meta"):
        net = IRNet(build("resnet50"))
    count = {"fc_edge": 0, "fc_dp": 0}
    for name, parameter in net.named_parameters():
        for head in count:
            count[head] += parameter.numel() * name.startswith(head)
    assert count == {"fc_edge": 125_409, "fc_dp": 1_269_120}


def test_the_backbone_is_held_and_sees_no_gradient(net):
    taps = net.train().taps(torch.randn(2, 3, 32, 32))
    (net.edges(taps).sum() + net.displacements(taps).sum()).backward()
    assert not any(p.requires_grad for p in net.backbone.parameters())
    assert not any(
        m.training for m in net.backbone.modules() if isinstance(m, torch.nn.BatchNorm2d)
    )
    heads = [p for name, p in net.named_parameters() if name.startswith("fc_")]
    assert all(p.grad is not None for p in heads)


def test_displacements_learn_from_scratch_and_boundaries_do_not(net):
    fresh = {id(p) for module in net.from_scratch() for p in module.parameters()}
    names = {n.partition(".")[0] for n, p in net.named_parameters() if id(p) in fresh}
    assert names == {f"fc_dp{number}" for number in range(1, 8)}


def test_the_mean_is_subtracted_in_evaluation_alone():
    shift = MeanShift()
    shift.running_mean[:] = torch.tensor([1.0, -2.0])
    dp = torch.zeros(1, 2, 2, 3)
    assert torch.equal(shift.train()(dp), dp)
    assert shift.eval()(dp)[0, :, 0, 0].tolist() == [-1, 2]


LAYERS = ["conv1", "bn1", "layer1", "layer2", "layer3", "layer4"]


@pytest.mark.parametrize(("freeze", "trained"), [(True, LAYERS[4:]), (False, LAYERS), ("all", [])])
def test_a_classifier_trains_whole_layers_and_dilates_none(freeze, trained):
    with torch.device("meta"):
        backbone = IrnCamNet(build("resnet50", freeze=freeze), 2).train().backbone
    for name in LAYERS:
        learnt = {p.requires_grad for p in backbone.get_submodule(name).parameters()}
        assert learnt == {name in trained}
    assert backbone.bn1.training == backbone.layer4[0].bn1.training == (freeze is False)
    assert backbone.layer4[1].conv2.dilation == (1, 1)


def repeated(net):
    """The state dict of a published checkpoint, with its repetitions and buffers."""
    state = {net.official_name(name): t for name, t in net.state_dict().items()}
    return state | {"stage1.0.weight": state["resnet50.stem.weight"]}


def test_a_published_checkpoint_is_loaded(tmp_path):
    torch.manual_seed(0)
    net, other = (IRNet(build("tiny")) for _ in range(2))
    state = repeated(net) | {"edge_layers.0.0.weight": net.fc_edge1[0].weight}
    state |= {"fc_dp7.4.running_mean": torch.zeros(2), "disp_target": torch.zeros(1, 2, 152, 1)}
    state |= {f"path_indices{number}": torch.zeros(2, 2, 9).int() for number in range(20)}
    torch.save(state, tmp_path / "irn.pth")
    load_state(other, read_state(tmp_path / "irn.pth"), "irn.pth")
    assert all(torch.equal(t, other.state_dict()[name]) for name, t in net.state_dict().items())


def test_a_published_classifier_is_loaded(tmp_path):
    torch.manual_seed(0)
    net, other = (IrnCamNet(build("tiny"), 20) for _ in range(2))
    torch.save(repeated(net) | {"newly_added.0.weight": net.fc8.weight}, tmp_path / "cam.pth")
    load_state(other, read_state(tmp_path / "cam.pth"), "cam.pth")
    assert torch.equal(net.fc8.weight, other.fc8.weight)
    assert torch.equal(net.backbone.norm.weight, other.backbone.norm.weight)
