"""Image towers of CLIP from the library timm, with the projection to the space of the texts."""

from collections.abc import Mapping
from typing import NamedTuple, cast

import timm
import torch
import torch.nn.functional as F
from timm.layers.attention import Attention
from timm.models.vision_transformer import Block, VisionTransformer
from torch import Tensor, nn

from wsss.config.backbones import CLIP, TIMM
from wsss.errors import UserError
from wsss.nn.backbones.base import Backbone
from wsss.nn.backbones.timm import known
from wsss.ops.colour import MEAN, STD
from wsss.ops.resize import plane, resize_bilinear

_OWN = "encoder."
_VISUAL = "visual."
"""Beginning of the names of the image tower in the state dicts of OpenAI and open_clip."""

_RENAMED = {
    "conv1.": "patch_embed.proj.",
    "ln_pre.": "norm_pre.",
    "ln_post.": "norm.",
    "transformer.resblocks.": "blocks.",
    ".ln_1.": ".norm1.",
    ".ln_2.": ".norm2.",
    ".attn.in_proj_": ".attn.qkv.",
    ".attn.out_proj.": ".attn.proj.",
    ".mlp.c_fc.": ".mlp.fc1.",
    ".mlp.c_proj.": ".mlp.fc2.",
}
"""Parts of these names, and timm's for them."""

_ATTENTIVE = 8
"""Last blocks whose attention is averaged (docs/methods/clip_es.md 4)."""


class Encoded(NamedTuple):
    """Tokens of images before the last block.

    Attributes:
        tokens: (B, 1 + N, D), that of the class first.
        attention: (B, N, N) between patches, mean over heads and the last blocks, the last one
            included.
        grid: rows and columns of patches, whose product is N.
    """

    tokens: Tensor
    attention: Tensor
    grid: tuple[int, int]


class ClipTower(Backbone):
    """A vision transformer of CLIP whose last block can be run on its own.

    It takes images normalised as usual and of any size, and resizes them to whole patches. Its only
    tap, conv6, are the patch tokens behind the last norm. Nothing of it is trained.

    Args:
        name: ``clip/`` and timm's name of the tower. Weights that were trained with QuickGELU get
            it, even if timm's network of this name has a GELU.
        output_stride: ``None``; it is the side of a patch.

    Raises:
        UserError: For an encoder that timm does not know, or that is no such tower.
    """

    name = "clip"

    scale: Tensor
    shift: Tensor

    def __init__(self, name: str, output_stride: int | None = None) -> None:
        super().__init__()
        self.name = name
        self.encoder = _tower(name)
        self.patch = self.encoder.patch_embed.patch_size[0]
        if output_stride not in (None, self.patch):
            raise UserError(f"output_stride {output_stride}: {name} can do {self.patch}")
        self.channels, self.strides = {"conv6": self.encoder.embed_dim}, {"conv6": self.patch}
        colours = cast("dict[str, tuple[float, float, float]]", self.encoder.pretrained_cfg)
        mean, std = (torch.tensor(colours[key]).view(3, 1, 1) for key in ("mean", "std"))
        self.register_buffer("scale", 1 / (255 * std), persistent=False)
        self.register_buffer("shift", -mean / std, persistent=False)
        self.hold()

    @property
    def width(self) -> int:
        """Length E of an embedding."""
        return cast(nn.Linear, self.encoder.head).out_features

    def fingerprint(self) -> Tensor:
        """Return the mean size (D,) of the weights of every filter, which tells towers apart."""
        return cast(Tensor, self.encoder.patch_embed.proj.weight).detach().abs().mean((1, 2, 3))

    def own_names(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return weights under timm's names, or OpenAI's and open_clip's, with those used here.

        Text towers beside it keep their names.
        """
        theirs = any(key.startswith(_VISUAL) for key in state)
        found = _of_open_clip(state) if theirs else dict(state)
        parts = {key.partition(".")[0] for key in self.encoder.state_dict()}
        return {
            _OWN + key if key.partition(".")[0] in parts and not key.startswith(_OWN) else key: t
            for key, t in found.items()
        }

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Compute the tap.

        Args:
            x: (B, 3, H, W) normalised RGB.

        Returns:
            conv6: (B, D, ceil(H / patch), ceil(W / patch)).
        """
        encoded = self.encode(x)
        tokens = self.finish(encoded.tokens, self.last_input(encoded.tokens))
        return {"conv6": tokens[:, 1:].mT.unflatten(2, encoded.grid)}

    def encode(self, x: Tensor) -> Encoded:
        """Run all blocks but the last one on images (B, 3, H, W), normalised RGB."""
        patches = self.encoder.patch_embed.proj(self._fitted(x))
        grid = plane(patches)
        first = cast(Tensor, self.encoder.cls_token).expand(len(x), -1, -1)
        tokens = torch.cat([first, patches.flatten(2).mT], 1) + self._positions(grid)
        tokens = self.encoder.norm_pre(tokens)
        *blocks, last = cast("list[Block]", list(self.encoder.blocks))
        quiet = max(0, len(blocks) + 1 - _ATTENTIVE)
        for block in blocks[:quiet]:
            tokens = block(tokens)
        found = []
        for block in blocks[quiet:]:
            mixed, attention = _attend(block, block.norm1(tokens))
            tokens = _behind(block, tokens, mixed)
            found.append(attention)
        found.append(_attend(last, last.norm1(tokens))[1])
        return Encoded(tokens, torch.stack(found).mean(0), grid)

    def last_input(self, tokens: Tensor) -> Tensor:
        """Normalise tokens (B, 1 + N, D) as the attention of the last block takes them."""
        return cast(Block, self.encoder.blocks[-1]).norm1(tokens)

    def finish(self, tokens: Tensor, normed: Tensor) -> Tensor:
        """Run the last block and the norm behind it.

        Args:
            tokens: (B, 1 + N, D) before it.
            normed: (B, 1 + N, D) of `last_input`, which the attention sees.
        """
        block = cast(Block, self.encoder.blocks[-1])
        tokens = _behind(block, tokens, cast(Attention, block.attn)(normed))
        return self.encoder.norm(tokens)

    def embed(self, tokens: Tensor) -> Tensor:
        """Project the mean of the patches behind `finish` to (B, E), of length 1."""
        return F.normalize(self.encoder.head(tokens[:, 1:].mean(1)), dim=1)

    def _fitted(self, x: Tensor) -> Tensor:
        """Return images in whole patches, resized in grey levels and normalised as CLIP's are."""
        std, mean = (x.new_tensor(values)[:, None, None] for values in (STD, MEAN))
        levels = (255 * (x * std + mean)).round()
        rows, columns = (-(-side // self.patch) * self.patch for side in plane(x))
        # as Pillow does, first the rows and then the columns, each in whole levels
        for size in ((x.shape[2], columns), (rows, columns)):
            if size != plane(levels):
                sized = F.interpolate(levels, size=size, mode="bicubic", antialias=True)
                levels = sized.round().clamp(0, 255)
        return levels * self.scale + self.shift

    def _positions(self, grid: tuple[int, int]) -> Tensor:
        """Return the position embedding (1, 1 + N, D) of a grid of patches."""
        given = cast(Tensor, self.encoder.pos_embed)
        trained = self.encoder.patch_embed.grid_size
        cells = given[:, 1:].mT.unflatten(2, trained)
        return torch.cat([given[:, :1], resize_bilinear(cells, grid).flatten(2).mT], 1)


def _tower(name: str) -> VisionTransformer:
    """Return timm's network of an image tower."""
    encoder = known(name)
    config = timm.get_pretrained_cfg(encoder)
    quick = config and any("quickgelu" in note for note in config.notes or ())
    if quick and "quickgelu" not in encoder:
        encoder = encoder.replace("_clip_", "_clip_quickgelu_")
    net = cast(VisionTransformer, timm.create_model(encoder))
    # others are classifiers that were fine-tuned
    if "_ft_" in encoder or not _is_tower(net):
        raise UserError(
            f"{name.replace(CLIP, TIMM)}: not an image tower of CLIP with a class token and a "
            "projection; name one such as timm/vit_base_patch16_clip_quickgelu_224.openai"
        )
    return net


def _is_tower(net: nn.Module) -> bool:
    return (
        isinstance(net, VisionTransformer)
        and not isinstance(net.norm_pre, nn.Identity)
        and net.global_pool == "token"
        and net.num_prefix_tokens == 1
        and not net.no_embed_class
        and isinstance(net.head, nn.Linear)
        and all(type(b) is Block and type(b.attn) is Attention for b in net.blocks)
    )


def _of_open_clip(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return a state dict of a CLIP with timm's names for its image tower."""
    found: dict[str, Tensor] = {}
    for key, tensor in state.items():
        if not key.startswith(_VISUAL):
            found[f"text.{key}"] = tensor
            continue
        name, value = key.removeprefix(_VISUAL), tensor.float()
        for theirs, timms in _RENAMED.items():
            name = name.replace(theirs, timms)
        if name == "proj":
            found |= {"head.weight": value.mT, "head.bias": value.new_zeros(value.shape[-1])}
        elif name == "class_embedding":
            found["cls_token"] = value[None, None]
        elif name == "positional_embedding":
            found["pos_embed"] = value[None]
        else:
            found[name] = value
    return found


def _attend(block: Block, normed: Tensor) -> tuple[Tensor, Tensor]:
    """Return what the attention of a block gives, and its weights between patches.

    Args:
        block: The block.
        normed: (B, 1 + N, D) behind its first norm.

    Returns:
        (B, 1 + N, D), and the mean (B, N, N) over heads.
    """
    attn = cast(Attention, block.attn)
    batch, count, _ = normed.shape
    qkv = attn.qkv(normed).view(batch, count, 3, attn.num_heads, attn.head_dim)
    mixed, total = [], torch.zeros((), device=normed.device)
    # one head at a time, as the weights of all of them may not fit the memory
    for query, key, value in zip(*(part.unbind(2) for part in qkv.unbind(2)), strict=True):
        weights = (attn.scale * query @ key.mT).softmax(-1)
        mixed.append(weights.to(value.dtype) @ value)
        total = total + weights[:, 1:, 1:].float()
    return attn.proj(torch.cat(mixed, -1)), total / attn.num_heads


def _behind(block: Block, tokens: Tensor, mixed: Tensor) -> Tensor:
    """Return the tokens behind a block, from those before it and what its attention gave."""
    tokens = tokens + mixed
    return tokens + block.mlp(block.norm2(tokens))
