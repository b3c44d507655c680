"""Vision transformers go with some parts of a run, and some methods with them alone."""

import pytest

from wsss.config.backbones import is_vit
from wsss.config.merging import merge
from wsss.config.resolve import load, runs
from wsss.errors import UserError

NAME = "timm/vit_small_patch14_dinov2.lvd142m"
BASE = {
    "dataset": {"source": "csv", "root": "."},
    "backbone": {"name": NAME},
    "segment": {"segmenter": "deeplab_v1"},
}
CNN = {"name": "mobilenet_v2"}
OTHER = {"segmenter": "deeplab_v3plus", "train": {"init": "backbone"}}


def mistakes(change):
    with pytest.raises(UserError) as error:
        runs(load(merge(BASE, change)))
    return str(error.value)


@pytest.mark.parametrize(
    "change",
    [
        {"method": "vit"},
        {"method": "psa"},
        {"method": "vit+eader", "affinity": {"source": "features"}},
        {"method": "vit", "segment": {"segmenter": "deeplab_v3"}},
        {"segment": {"segmenter": "deeplab_v3plus"}, "until": "walk"},
        {"affinity": {"source": "irn"}, "until": "refine"},
        {
            "segment": {
                "segmenter": "deeplab_v3plus",
                "backbone": CNN,
                "train": {"init": "backbone"},
            }
        },
    ],
)
def test_what_works_together(change):
    assert runs(load(merge(BASE, change)))


REFUSED = {
    "backbone.name: method vit reads the tokens of a vision transformer, such as "
    "timm/deit_base_patch16_224 (got mobilenet_v2)": {"method": "vit", "backbone": CNN},
    f"backbone.name: method sb reads feature maps of stride 4; those of {NAME} have the stride of "
    "its patches; use a convolutional one": {"method": "sb"},
    f"affinity.source: irn reads feature maps of stride 4; those of {NAME} have the stride of its "
    "patches; use features or learned": {"affinity": {"source": "irn"}},
    f"segment.segmenter: deeplab_v3plus reads feature maps of stride 4; those of {NAME} have the "
    "stride of its patches; use upernet or another one, or ": {
        "segment": {"segmenter": "deeplab_v3plus"}
    },
    f"backbone.output_stride: {NAME} has that of its patches; leave it null": {
        "backbone": {"output_stride": 8}
    },
}


@pytest.mark.parametrize("message", REFUSED)
def test_what_is_refused_with_its_reason(message):
    assert f"config: {message}" in mistakes(REFUSED[message])


def test_a_segmenter_of_its_own_is_checked():
    change = {"backbone": CNN, "segment": OTHER | {"backbone": {"name": NAME}}}
    assert "segment.segmenter: deeplab_v3plus reads" in mistakes(change)


@pytest.mark.parametrize("name", ["tiny", "resnet50", "timm/resnet18", "timm/swin_tiny", "vit_x"])
def test_others_are_no_transformers(name):
    assert not is_vit(name)
