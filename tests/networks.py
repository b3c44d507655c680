"""Tiny networks of transformers with random weights, in folders as its users have them."""

import transformers
from transformers import PreTrainedModel


def _swin():
    return transformers.SwinConfig(
        embed_dim=8,
        depths=[1, 1, 1, 1],
        num_heads=[1, 1, 2, 2],
        window_size=4,
        image_size=64,
        out_features=["stage1", "stage2", "stage3", "stage4"],
    )


def _mask2former():
    sizes = dict.fromkeys(("feature_size", "mask_feature_size", "hidden_dim"), 64)
    config = transformers.Mask2FormerConfig(
        backbone_config=_swin(),
        **sizes,
        encoder_feedforward_dim=16,
        encoder_layers=1,
        decoder_layers=2,
        num_attention_heads=2,
        dim_feedforward=16,
        num_queries=5,
        num_labels=7,
    )
    return transformers.Mask2FormerForUniversalSegmentation(config)


def _eomt():
    config = transformers.EomtConfig(
        hidden_size=16,
        num_hidden_layers=3,
        num_attention_heads=2,
        image_size=64,
        num_blocks=1,
        num_queries=5,
        num_upscale_blocks=1,
        num_labels=7,
    )
    return transformers.EomtForUniversalSegmentation(config)


def _segformer():
    config = transformers.SegformerConfig(
        depths=[1] * 4,
        hidden_sizes=[8, 8, 16, 16],
        num_attention_heads=[1, 1, 2, 2],
        decoder_hidden_size=16,
        num_labels=7,
    )
    return transformers.SegformerForSemanticSegmentation(config)


def _upernet():
    config = transformers.UperNetConfig(
        backbone_config=_swin(),
        hidden_size=16,
        auxiliary_channels=8,
        auxiliary_in_channels=32,
        num_labels=7,
    )
    return transformers.UperNetForSemanticSegmentation(config)


_MAKE = {"mask2former": _mask2former, "eomt": _eomt, "segformer": _segformer, "upernet": _upernet}


def network(architecture: str) -> PreTrainedModel:
    """Return a tiny network of an architecture of `wsss.config.segmenters.LIBRARIES["hf"]`."""
    return _MAKE[architecture]()
