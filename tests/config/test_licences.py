import json

import pytest
import timm
from safetensors.numpy import save_file

from wsss.config import segmenters
from wsss.config.licences import OPEN, of_timm, stated
from wsss.config.resolve import load, runs
from wsss.errors import UserError
from wsss.nn.licences import Origin, require

NC = {"backbone": {"name": "timm/convnextv2_tiny", "weights": "imagenet"}}


def test_licences_of_timm_are_those_that_it_states():
    for name in {*timm.list_pretrained(), *timm.list_models(pretrained=True)}:
        licence = timm.get_pretrained_cfg(name).license or ""
        assert of_timm(name) == ("" if licence in OPEN | {"unknown"} else licence), name


def resolved(**keys):
    return runs(load({"dataset": {"source": "csv", "root": "."}} | keys))


@pytest.mark.parametrize("accepted", ["cc-by-nc-4.0", ["mit", "cc-by-nc-4.0"]])
def test_accepted_licences(accepted):
    assert resolved(accept_license=accepted, **NC)


@pytest.mark.parametrize(
    ("keys", "place"),
    [
        (NC, "backbone.weights"),
        ({"runs": {"x": NC}}, "runs.x.backbone.weights"),
        ({"segment": NC | {"train": {"init": "backbone"}}}, "segment.backbone.weights"),
    ],
)
def test_a_licence_that_is_not_open_stops_the_check(keys, place):
    with pytest.raises(UserError) as error:
        resolved(**keys)
    assert str(error.value) == (
        f"config: {place}: the weights timm/convnextv2_tiny have the licence cc-by-nc-4.0, which "
        "is not open: read its terms, and set accept_license: cc-by-nc-4.0 if they suit your use"
    )


def test_weights_that_are_not_used_need_no_licence():
    file = {"backbone": {"name": "timm/convnextv2_tiny", "weights": __file__}}
    assert resolved(**file)
    own = {"segment": {"segmenter": "deeplab_v3plus"}, "runs": {"x": None, "y": {}}}
    assert resolved(**own)


def test_the_stage_asks_again():
    found = Origin(backbone="timm/x", source="timm's x", licence="cc-by-nc-4.0")
    with pytest.raises(UserError, match=r"of timm/x from timm's x have the licence cc-by-nc-4.0"):
        require(found, ["mit"])
    require(found, ["cc-by-nc-4.0"])
    require(found.model_copy(update={"licence": "unknown: given as a file"}), [])


@pytest.mark.parametrize(
    ("text", "licence"),
    [
        ("---\nlicense: mit\n---\n# Net", "mit"),
        ("---\nlicense: other\nlicense_name: dinov3\n---\n", "dinov3"),
        ("# no head", ""),
        ("---\n- list\n---\n", ""),
        ("---\n{\n---\n", ""),
    ],
)
def test_licence_of_a_card(tmp_path, text, licence):
    (tmp_path / "README.md").write_text(text)
    assert stated(tmp_path / "README.md") == licence


def hf(weights, architecture="eomt", **keys):
    segment = {"segmenter": f"hf/{architecture}", "hf": {"weights": weights}}
    return resolved(segment=segment, **keys)


@pytest.fixture
def net(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "eomt"}))
    save_file({}, tmp_path / "model.safetensors")
    return tmp_path


def test_a_network_in_a_folder(net):
    assert hf(str(net))
    (net / "README.md").write_text("---\nlicense: cc-by-nc-4.0\n---\n")
    assert hf(str(net), accept_license="cc-by-nc-4.0")
    with pytest.raises(UserError, match=r"segment.hf.weights: the weights .* licence cc-by-nc-4"):
        hf(str(net))


WRONG = {
    "missing": ("mask2former", r"config.json is that of eomt, not of mask2former"),
    "pickle": ("eomt", r"has no model.safetensors; weights as pickles \(.bin\) are not loaded"),
    "bare": ("eomt", "has no config.json of transformers"),
    "short": ("eomt", r"model.safetensors: damaged"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_folders_without_a_network(net, kind):
    architecture, text = WRONG[kind]
    if kind == "pickle":
        (net / "model.safetensors").rename(net / "pytorch_model.bin")
    if kind == "short":
        (net / "model.safetensors").write_bytes(b"short")
    if kind == "bare":
        (net / "config.json").unlink()
    with pytest.raises(UserError, match=f"^config: segment.hf.weights: .*{text}"):
        hf(str(net), architecture)


@pytest.mark.parametrize(
    ("weights", "text"),
    [
        (None, "starts from a pretrained network"),
        ("/nowhere/net", "no such folder: /nowhere/net"),
        ("nvidia/net", "licence other, which is not open: .* set accept_license: other"),
        ("some/net@v1", "licence .* is not known here: .* set accept_license: some/net@v1"),
    ],
)
def test_names_of_networks(weights, text):
    with pytest.raises(UserError, match=f"^config: segment.hf.weights: .*{text}"):
        hf(weights)


def test_accepted_networks_of_the_hub():
    assert hf("some/net@v1", accept_license="some/net@v1")
    assert hf("openmmlab/upernet-swin-tiny", "upernet")


@pytest.mark.parametrize(
    ("segment", "text"),
    [
        ({"segmenter": "smp/unet"}, "did you mean smp/Unet"),
        (
            {"segmenter": "smp/Unet", "backbone": {"name": "smp/mit_b0"}},
            "mit_b0 is not used: .*NVI",
        ),
        ({"segmenter": "hf/eomt", "backbone": {"name": "tiny"}}, "hf/eomt has its own backbone"),
    ],
)
def test_segmenters_that_are_refused(segment, text):
    with pytest.raises(UserError, match=text):
        resolved(segment=segment)


def test_a_missing_library_is_named_with_its_remedy(monkeypatch):
    monkeypatch.setattr(segmenters, "find_spec", lambda _: None)
    with pytest.raises(
        UserError, match=r'segment.segmenter: smp/FPN needs .*pip install "wsss\[smp'
    ):
        resolved(segment={"segmenter": "smp/FPN"})
    assert resolved(segment={"segmenter": "smp/FPN"}, until="walk")
