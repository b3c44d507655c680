"""Networks are built again from what their files say, or the file is named."""

import numpy as np
import pytest
import torch

from wsss import methods
from wsss.engine.checkpoint import load_model, save_model
from wsss.errors import UserError
from wsss.nn import segmenters
from wsss.nn.affinitynet import AffinityNet
from wsss.nn.backbones import build
from wsss.ops.finite import NotFiniteError
from wsss.stages.classifiers import load_method
from wsss.stages.infer_segmenter import make_segmenter
from wsss.stages.inference import for_inference, winners
from wsss.stages.random_walk import load_affinity

TINY = {"name": "tiny", "output_stride": None}


def classifier():
    kind = methods.get("psa")
    meta = {"method": "psa", "params": {"psa": {}}, "backbone": TINY, "classes": ["cat"]}
    return kind(build("tiny"), 1, kind.Params()).net, meta, load_method


def affinity():
    return AffinityNet(build("tiny")), {"radius": 5, "backbone": TINY}, load_affinity


def segmenter():
    net = segmenters.build("deeplab_v3plus", build("tiny"), 2, width=8)
    meta = {"segmenter": "deeplab_v3plus", "options": {"width": 8}, "backbone": TINY}
    return (
        net,
        meta | {"classes": ["cat"]},
        lambda p: make_segmenter(load_model(p, "segmenter"), p),
    )


KINDS = {"classifier": classifier, "affinity": affinity, "segmenter": segmenter}


@pytest.mark.parametrize("kind", KINDS)
def test_a_sound_file_gives_its_network(tmp_path, kind):
    net, meta, load = KINDS[kind]()
    save_model(tmp_path / "model.pt", net, kind, **meta)
    assert load(tmp_path / "model.pt")


BAD = [
    ("classifier", {"method": "psaa"}, "unknown method 'psaa'"),
    ("classifier", {"params": {"psaa": {}}}, "unknown method 'psaa'"),
    ("classifier", {"params": {"psa": {"depth": 3}}}, "depth"),
    ("classifier", {"params": {}}, "psa"),
    ("classifier", {"backbone": {"name": "tinny", "output_stride": 8}}, "unknown backbone"),
    ("affinity", {"backbone": {"name": "tiny", "output_stride": 7}}, "stride"),
    ("segmenter", {"segmenter": "deeplab_v9"}, "unknown segmenter 'deeplab_v9'"),
    ("segmenter", {"options": {"depth": 3}}, "depth"),
]


@pytest.mark.parametrize(("kind", "wrong", "said"), BAD)
def test_a_file_that_describes_no_network_is_named(tmp_path, kind, wrong, said):
    net, meta, load = KINDS[kind]()
    save_model(tmp_path / "model.pt", net, kind, **(meta | wrong))
    with pytest.raises(UserError, match=rf"model\.pt: damaged, .*{said}.*; train again") as error:
        load(tmp_path / "model.pt")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("kind", KINDS)
def test_a_network_that_diverged_is_not_used(tmp_path, kind):
    net, meta, load = KINDS[kind]()
    save_model(tmp_path / "model.pt", net, kind, **meta)
    content = torch.load(tmp_path / "model.pt", weights_only=True)
    content["state"]["backbone.stem.weight"].fill_(torch.nan)
    torch.save(content, tmp_path / "model.pt")
    with pytest.raises(UserError, match=r"model\.pt: backbone\.stem\.weight in it is not finite"):
        load(tmp_path / "model.pt")


@torch.no_grad()
@pytest.mark.parametrize("name", ["mobilenet_v2", "resnet50", "tiny"])
def test_a_network_without_its_norms_computes_the_same(name):
    torch.manual_seed(0)
    net, image = build(name).eval(), torch.randn(1, 3, 33, 40)
    for layer in net.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.running_mean.uniform_(-0.1, 0.1)
            layer.running_var.uniform_(0.8, 1.2)
    before = net(image)["conv6"]
    after = for_inference(net, 1, "auto")(image)["conv6"]
    torch.testing.assert_close(after, before, rtol=1e-4, atol=1e-4)


def test_the_largest_score_wins_and_the_first_of_equals():
    scores = torch.tensor([[[0.0, 2.0, 1.0]], [[1.0, 0.0, 1.0]]])
    assert winners(scores).tolist() == [[1, 0, 0]] and winners(scores).dtype == np.uint8
    with pytest.raises(NotFiniteError):
        winners(scores / scores)
