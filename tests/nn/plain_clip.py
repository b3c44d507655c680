"""CLIP-ES in plain NumPy, by the names of OpenAI's state dict, as the fact sheet describes it.

Gradients are finite differences, hence everything is in 64 bits.
"""

import cv2
import numpy as np

MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)


def softmax(logits):
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


class PlainClip:
    """An image tower of CLIP.

    Args:
        state: its weights, without the prefix of the image tower.
        heads: number of heads.
    """

    def __init__(self, state, heads):
        self.w = {name: np.asarray(value, np.float64) for name, value in state.items()}
        self.heads = heads
        self.depth = 1 + max(int(n.split(".")[2]) for n in state if "resblocks" in n)
        self.patch = self.w["conv1.weight"].shape[-1]

    def norm(self, name, x):
        x = x - x.mean(-1, keepdims=True)
        x = x / np.sqrt((x**2).mean(-1, keepdims=True) + 1e-5)
        return x * self.w[f"{name}.weight"] + self.w[f"{name}.bias"]

    def linear(self, name, x):
        return x @ self.w[f"{name}.weight"].T + self.w[f"{name}.bias"]

    def attention(self, name, y):
        """What the attention gives for normalised tokens (1 + N, D), and its weights over heads."""
        qkv = y @ self.w[f"{name}.in_proj_weight"].T + self.w[f"{name}.in_proj_bias"]
        query, key, value = np.split(qkv, 3, -1)
        side = y.shape[1] // self.heads
        given, weights = [], []
        for head in range(self.heads):
            part = slice(head * side, (head + 1) * side)
            one = softmax(query[:, part] @ key[:, part].T / np.sqrt(side))
            weights.append(one)
            given.append(one @ value[:, part])
        return self.linear(f"{name}.out_proj", np.concatenate(given, -1)), np.mean(weights, 0)

    def block(self, number, x, normed=None):
        name = f"transformer.resblocks.{number}"
        given, weights = self.attention(
            f"{name}.attn", self.norm(f"{name}.ln_1", x) if normed is None else normed
        )
        x = x + given
        hidden = self.linear(f"{name}.mlp.c_fc", self.norm(f"{name}.ln_2", x))
        hidden = hidden / (1 + np.exp(-1.702 * hidden))
        return x + self.linear(f"{name}.mlp.c_proj", hidden), weights

    def before_last(self, pixels):
        """Tokens before the last block of an image (H, W, 3) in whole patches, and attentions."""
        x = (pixels / 255 - MEAN) / STD
        rows, columns = (side // self.patch for side in x.shape[:2])
        x = x.reshape(rows, self.patch, columns, self.patch, 3).transpose(0, 2, 4, 1, 3)
        width = len(self.w["conv1.weight"])
        x = x.reshape(rows * columns, -1) @ self.w["conv1.weight"].reshape(width, -1).T
        x = np.concatenate([self.w["class_embedding"][None], x]) + self.positions(rows, columns)
        x, found = self.norm("ln_pre", x), []
        for number in range(self.depth - 1):
            x, weights = self.block(number, x)
            found.append(weights)
        found.append(self.block(self.depth - 1, x)[1])
        return x, found, (rows, columns)

    def positions(self, rows, columns):
        given = self.w["positional_embedding"]
        side = round(np.sqrt(len(given) - 1))
        cells = given[1:].reshape(side, side, -1)
        sized = [
            cv2.resize(cells[..., i], (columns, rows), interpolation=cv2.INTER_LINEAR)
            for i in range(cells.shape[-1])
        ]
        return np.concatenate([given[:1], np.stack(sized, -1).reshape(rows * columns, -1)])

    def probabilities(self, x, normed, rows, scale):
        """Softmax over texts (T, E) of tokens before the last block; its attention sees others."""
        x, _ = self.block(self.depth - 1, x, normed)
        embedding = self.norm("ln_post", x)[1:].mean(0) @ self.w["proj"]
        return softmax(scale * (rows @ embedding) / np.linalg.norm(embedding))

    def grad_cam(self, pixels, rows, scale, number):
        """The map (h, w) of text `number`, in [0, 1]."""
        x, _, grid = self.before_last(pixels)
        normed = self.norm(f"transformer.resblocks.{self.depth - 1}.ln_1", x)
        weights = np.zeros(x.shape[1])
        for channel in range(x.shape[1]):
            # the sum over patches of derivatives is that along all of them
            step = np.zeros_like(normed)
            step[1:, channel] = 1e-5
            up, down = (
                self.probabilities(x, normed + sign * step, rows, scale)[number] for sign in (1, -1)
            )
            weights[channel] = (up - down) / 2e-5 / (len(x) - 1)
        return scaled(scaled(np.maximum(normed[1:] @ weights, 0))).reshape(grid)

    def refined(self, pixels, rows, scale, number):
        """The map (h, w) of text `number` behind the attention affinity."""
        cam = self.grad_cam(pixels, rows, scale, number)
        _, found, grid = self.before_last(pixels)
        t = np.mean([weights[1:, 1:] for weights in found[-8:]], 0)
        for _ in range(3):
            t = t / t.sum(0, keepdims=True)
            t = t / t.sum(1, keepdims=True)
        t = (t + t.T) / 2
        t = t @ t
        return scaled((t * boxes(cam).reshape(1, -1)) @ cam.ravel()).reshape(grid)


def scaled(flat):
    flat = flat - flat.min()
    return flat / (flat.max() + 1e-7)


def boxes(cam):
    """The union of boxes around 8-connected regions, which end before the last row and column."""
    levels = (cam * 255).astype(np.uint8)
    count, regions = cv2.connectedComponents((levels > int(0.4 * levels.max())).astype(np.uint8))
    inside = np.zeros(cam.shape)
    for number in range(1, count):
        rows, columns = np.nonzero(regions == number)
        inside[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1] = 1
    inside[-1], inside[:, -1] = 0, 0
    return inside
