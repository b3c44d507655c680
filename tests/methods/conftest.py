import pytest

from tests.methods.cases import COMBINATIONS, TRAINED, VIT, fitting, make


@pytest.fixture(params=[*TRAINED, *COMBINATIONS])
def name(request):
    """Every method and some combinations."""
    return request.param


@pytest.fixture(params=["tiny", "mobilenet_v2"])
def method(name, request):
    """Every method on two backbones, in training mode."""
    if fitting(name, "tiny") == VIT and request.param != "tiny":
        pytest.skip("needs a transformer, as with the first backbone")
    return make(name, request.param).train()
