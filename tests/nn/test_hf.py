import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.networks import network
from wsss.config.segmenters import LIBRARIES
from wsss.errors import UserError
from wsss.nn.licences import GIVEN
from wsss.nn.segmenters import build
from wsss.nn.segmenters.hf import semantic_logits

NAMES = LIBRARIES["hf"].architectures


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def test_semantic_scores_pixel_by_pixel():
    rng = np.random.default_rng(0)
    classes, masks = rng.normal(size=(2, 3, 5)), rng.normal(size=(2, 3, 2, 4))
    found = semantic_logits(torch.tensor(classes), torch.tensor(masks)).softmax(1).numpy()
    for image in range(2):
        labels = softmax(classes[image])
        for row in range(2):
            for column in range(4):
                scores = np.zeros(4)
                for query in range(3):
                    inside = 1 / (1 + np.exp(-masks[image, query, row, column]))
                    scores += labels[query, :4] * inside
                expected = scores / scores.sum()
                np.testing.assert_allclose(found[image, :, row, column], expected, rtol=1e-6)


def test_queries_that_find_nothing_leave_finite_logits():
    nothing = torch.tensor([[[0.0, 0.0, 500.0]]])
    assert semantic_logits(nothing, torch.full((1, 1, 1, 1), -500.0)).isfinite().all()


@pytest.fixture(scope="module", params=NAMES)
def folder(request, tmp_path_factory):
    path = tmp_path_factory.mktemp(request.param)
    net = network(request.param)
    net.save_pretrained(path)
    return request.param, path, net.state_dict()


def test_a_network_learns_new_labels_and_is_built_again_without_its_folder(folder):
    name, path, learnt = folder
    net = build(f"hf/{name}", None, 3, weights=str(path)).eval()
    logits = net(torch.randn(1, 3, 33, 45))
    torch.nn.functional.cross_entropy(logits, torch.zeros(1, 33, 45, dtype=torch.long)).backward()
    assert logits.shape == (1, 3, 33, 45)
    new = [p for part in net.from_scratch() for p in part.parameters()]
    assert {len(p) for p in new} <= {3, 4} and all(p.grad is not None for p in new)
    assert net.backbone.origins[0]["licence"] == GIVEN
    # what was learnt before is kept, but for the labels
    of_labels = ("class_predictor.", "criterion.", "decode_head.classifier.")
    for key, t in net.net.state_dict().items():
        assert key.startswith(of_labels) or torch.equal(t, learnt[key]), key
    # from its description alone
    options = json.loads(json.dumps(net.rebuilt_from({"weights": str(path)})))
    other = build(f"hf/{name}", None, 3, **options)
    other.load_state_dict(net.state_dict())
    x = torch.randn(1, 3, 40, 56)
    with torch.no_grad():
        torch.testing.assert_close(other.eval()(x), net.eval()(x))


def test_a_held_backbone_stays_in_evaluation_mode(folder):
    name, path, _ = folder
    net = build(f"hf/{name}", None, 3, weights=str(path))
    net.backbone.hold()
    net.train()
    held = {id(p) for p in net.backbone.parameters()}
    assert held and all(p.requires_grad == (id(p) not in held) for p in net.parameters())


def test_wrong_folders_are_refused_in_a_line(tmp_path):
    network("segformer").save_pretrained(tmp_path / "net")
    file = tmp_path / "net/model.safetensors"
    state = load_file(file)
    with pytest.raises(UserError, match="a network of segformer, not of eomt"):
        build("hf/eomt", None, 3, weights=str(tmp_path / "net"))
    lacking = {key: t for key, t in state.items() if "encoder.block.0" not in key}
    save_file(lacking, file, {"format": "pt"})
    with pytest.raises(UserError, match=r"does not fit its config.json: lacks segformer\."):
        build("hf/segformer", None, 3, weights=str(tmp_path / "net"))
    file.rename(file.with_name("pytorch_model.bin"))
    with pytest.raises(UserError, match=r"cannot read or fetch the network .*net \(") as error:
        build("hf/segformer", None, 3, weights=str(tmp_path / "net"))
    assert "\n" not in str(error.value)
