import pytest
import torch

from wsss.config.segmenters import LIBRARIES
from wsss.errors import UserError
from wsss.nn.backbones import build as backbone
from wsss.nn.segmenters import build


@pytest.mark.parametrize("name", LIBRARIES["smp"].architectures)
def test_heads_learn_on_our_backbones_from_images_of_any_size(name):
    net = build(f"smp/{name}", backbone("tiny"), 4)
    logits = net(torch.randn(1, 3, 33, 45))
    logits.square().mean().backward()
    assert logits.shape == (1, 4, 33, 45)
    head = {id(p) for part in net.from_scratch() for p in part.parameters()}
    assert head == {id(p) for p in net.parameters()} - {id(p) for p in net.backbone.parameters()}
    lazy = [n for n, p in net.named_parameters() if id(p) in head and p.grad is None]
    assert not lazy


def test_arguments_of_the_head():
    net = build("smp/Unet", backbone("tiny"), 4, decoder={"decoder_channels": [16, 8, 8, 4, 4]})
    large = build("smp/Unet", backbone("tiny"), 4)
    assert sum(p.numel() for p in net.parameters()) < sum(p.numel() for p in large.parameters()) / 2


WRONG = {
    "decoder_chanels": (r"decoder\.decoder_chanels: smp/Unet has no such argument; .*channels", 8),
    "encoder_name": ("encoder_name: smp/Unet has no such argument", "resnet34"),
    "decoder_channels": ("segment.smp.decoder: smp/Unet: ", [8]),
}


@pytest.mark.parametrize("key", WRONG)
def test_wrong_arguments_are_named(key):
    text, value = WRONG[key]
    with pytest.raises(UserError, match=text):
        build("smp/Unet", backbone("tiny"), 4, decoder={key: value})
