"""A plain vision transformer in numpy, from the weights of timm's, and its heads."""

import numpy as np
from scipy.special import erf, softmax


def resampling(old, new):
    """The matrix (new, old) of bicubic interpolation with antialiasing, as Pillow has it."""
    scale = old / new
    wide = max(scale, 1.0)
    centres = (np.arange(new)[:, None] + 0.5) * scale
    x = np.abs((np.arange(old)[None] + 0.5 - centres) / wide)
    near = 1.5 * x**3 - 2.5 * x**2 + 1
    far = -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
    weights = np.where(x < 1, near, np.where(x < 2, far, 0))
    return weights / weights.sum(1, keepdims=True)


def positions(table, grid, prefix=1):
    """Position embeddings (prefix + n * n, D) on another grid, those of prefix tokens first."""
    side = round((len(table) - prefix) ** 0.5)
    cells = table[prefix:].reshape(side, side, -1)
    rows, columns = (resampling(side, new) for new in grid)
    cells = np.einsum("ij,jkd,lk->ild", rows, cells, columns)
    return np.concatenate([table[:prefix], cells.reshape(-1, table.shape[1])])


def norm(x, state, name):
    x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-6)
    return x * state[f"{name}.weight"] + state[f"{name}.bias"]


def linear(x, state, name):
    return x @ state[f"{name}.weight"].T + state[f"{name}.bias"]


def attention(x, state, name, heads):
    """Return the mixed values (N, D) and the attention (heads, N, N)."""
    qkv = linear(x, state, f"{name}.qkv").reshape(len(x), 3, heads, -1)
    q, k, v = qkv.transpose(1, 2, 0, 3)
    weights = softmax(q @ k.transpose(0, 2, 1) / np.sqrt(q.shape[-1]), -1)
    mixed = (weights @ v).transpose(1, 0, 2).reshape(x.shape)
    return linear(mixed, state, f"{name}.proj"), weights


def blocks(image, state, patch, depth, heads):
    """Tokens (1 + N, D) behind every block, and the attention in it.

    Args:
        image: (3, H, W) with the normalisation of the weights, whole patches.
        state: Weights under timm's names, as float64 arrays.
        patch: Side of a patch.
        depth: Number of blocks.
        heads: Number of heads.
    """
    h, w = (side // patch for side in image.shape[1:])
    cells = image.reshape(3, h, patch, w, patch).transpose(1, 3, 0, 2, 4).reshape(h * w, -1)
    kernel = state["patch_embed.proj.weight"].reshape(-1, cells.shape[1])
    x = np.concatenate([state["cls_token"][0], cells @ kernel.T + state["patch_embed.proj.bias"]])
    x = x + positions(state["pos_embed"][0], (h, w))
    for number in range(depth):
        name = f"blocks.{number}"
        mixed, weights = attention(norm(x, state, f"{name}.norm1"), state, f"{name}.attn", heads)
        x = x + mixed
        hidden = linear(norm(x, state, f"{name}.norm2"), state, f"{name}.mlp.fc1")
        hidden = hidden * (1 + erf(hidden / np.sqrt(2))) / 2
        x = x + linear(hidden, state, f"{name}.mlp.fc2")
        yield x, weights
