"""Small SAM and SAM 2 with random weights, of the real architectures and tensor names."""

import torch

SIDE = 64


def save_sam(folder, kind="sam"):
    """Save a network of `model_type` sam, sam2 or sam2_video as transformers does; return it."""
    import transformers

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    torch.manual_seed(0)
    net = _sam(transformers) if kind == "sam" else _sam2(transformers, kind == "sam2_video")
    with torch.no_grad():
        for name, weight in net.named_parameters():
            weight.copy_(torch.randn_like(weight) * (0.1 if weight.dim() > 1 else 0.02))
            if "norm" in name and name.endswith("weight"):
                weight.add_(1)
            # SAM is sure of its masks
            if "iou_prediction_head" in name and "proj_out.bias" in name:
                weight.add_(4)
    net.eval().save_pretrained(folder)
    return net


def _sam(t):
    heads = {"num_hidden_layers": 2, "num_attention_heads": 2, "mlp_dim": 16}
    vision = t.SamVisionConfig(
        hidden_size=16, output_channels=8, image_size=SIDE, patch_size=8, window_size=4,
        global_attn_indexes=[1], num_pos_feats=4, **heads,
    )  # fmt: skip
    prompts = t.SamPromptEncoderConfig(
        hidden_size=8, image_size=SIDE, patch_size=8, mask_input_channels=4
    )
    decoder = t.SamMaskDecoderConfig(hidden_size=8, iou_head_hidden_dim=8, **heads)
    parts = {"vision": vision, "prompt_encoder": prompts, "mask_decoder": decoder}
    return t.SamModel(t.SamConfig(**{f"{k}_config": v.to_dict() for k, v in parts.items()}))


def _sam2(t, video):
    hiera = t.Sam2HieraDetConfig(
        hidden_size=8, image_size=[SIDE, SIDE], num_attention_heads=1,
        blocks_per_stage=[1, 1, 2, 1], embed_dim_per_stage=[8, 16, 32, 64],
        num_attention_heads_per_stage=[1, 2, 4, 8], window_size_per_stage=[8, 4, 14, 7],
        global_attention_blocks=[3], window_positional_embedding_background_size=[4, 4],
    )  # fmt: skip
    vision = t.Sam2VisionConfig(
        backbone_config=hiera, backbone_channel_list=[64, 32, 16, 8], fpn_hidden_size=32,
        backbone_feature_sizes=[[16, 16], [8, 8], [4, 4]], fpn_top_down_levels=[2, 3],
    )  # fmt: skip
    shape = {"hidden_size": 32, "image_size": SIDE, "patch_size": 16, "mask_input_channels": 4}
    heads = {"hidden_size": 32, "num_attention_heads": 2, "mlp_dim": 16, "iou_head_hidden_dim": 8}
    if not video:
        return t.Sam2Model(
            t.Sam2Config(
                vision_config=vision,
                prompt_encoder_config=t.Sam2PromptEncoderConfig(**shape),
                mask_decoder_config=t.Sam2MaskDecoderConfig(num_hidden_layers=2, **heads),
            )
        )
    return t.Sam2VideoModel(
        t.Sam2VideoConfig(
            vision_config=vision,
            prompt_encoder_config=t.Sam2VideoPromptEncoderConfig(**shape),
            mask_decoder_config=t.Sam2VideoMaskDecoderConfig(num_hidden_layers=2, **heads),
            image_size=SIDE,
            mask_downsampler_embed_dim=32,
            **_MEMORY,
        )
    )


_MEMORY = {
    "memory_attention_hidden_size": 32,
    "memory_attention_num_layers": 1,
    "memory_attention_feed_forward_hidden_size": 32,
    "memory_attention_rope_feat_sizes": [4, 4],
    "memory_encoder_hidden_size": 32,
    "memory_encoder_output_channels": 8,
    "memory_fuser_embed_dim": 32,
    "memory_fuser_intermediate_dim": 32,
    "memory_fuser_num_layers": 1,
}
"""The memory of SAM 2 for videos, which images have no use for."""
