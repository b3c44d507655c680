"""Arithmetic that a device has in hardware."""

import torch


def has_bfloat16(where: torch.device) -> bool:
    """True for a GPU that computes in bfloat16."""
    return where.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
