"""Vision transformers of the library timm (Wightman), by their names there."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from math import isqrt
from typing import Any, cast

import timm
import torch
from timm.layers.pos_embed import resample_abs_pos_embed
from timm.models.eva import Eva
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn

from wsss.errors import UserError
from wsss.nn.backbones.base import TAPS
from wsss.nn.backbones.timm import OWN, TimmEncoder, known
from wsss.ops.resize import plane, resize_bilinear

_POSITIONS = OWN + "pos_embed"


class Vit(TimmEncoder):
    """A vision transformer, whose taps are its patch tokens on their grid.

    ``conv1`` to ``conv5`` are the outputs of blocks at a fifth, two fifths, ... of its depth;
    ``conv6`` is that of the last block behind the final norm. All of them have the same width
    (``channels``) and the stride of the patches (``strides``). No layer is frozen.

    Images of any size are stretched to whole patches bilinearly, so that the cells of a tap tile
    the image. Position embeddings are interpolated to that grid, as timm does (bicubic). The patch
    tokens alone are returned; class and register tokens stay inside.

    Args:
        name: ``timm/`` and the name of the encoder, with or without the tag of its weights.
        output_stride: Side of a patch, or ``None``.

    Raises:
        UserError: For an encoder that timm does not know, that is no such transformer, or has
            patches of another size.
    """

    encoder: Any  # timm's transformers share no base class
    patch: int

    def __init__(self, name: str, output_stride: int | None = None) -> None:
        super().__init__(name, _transformer(name))
        encoder = self.encoder
        (self.patch,) = {level["reduction"] for level in encoder.feature_info}
        if output_stride not in (None, self.patch):
            raise UserError(
                f"output_stride {output_stride}: backbone {name} has patches of {self.patch} pixels"
            )
        self.depth = len(encoder.blocks)
        blocks = [-(-self.depth * fifths // 5) - 1 for fifths in range(1, 6)]
        self._blocks = dict(zip(TAPS, blocks, strict=True))
        self.channels = dict.fromkeys(TAPS, encoder.embed_dim)
        self.strides = dict.fromkeys(TAPS, self.patch)
        self.freeze()

    def add_tap(self, tap: str, block: int) -> None:
        """Return the output of one more block from now on.

        Args:
            tap: Its name.
            block: Position of the block; negative ones count from the last, which is -1.

        Raises:
            UserError: There is no such block.
        """
        if not -self.depth <= block < self.depth:
            raise UserError(f"block {block}: backbone {self.name} has {self.depth} blocks")
        self._blocks[tap] = block % self.depth
        self.channels[tap], self.strides[tap] = self.channels["conv6"], self.patch

    def own_names(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return weights of the whole timm model with the names of its features here.

        Position embeddings of another resolution are interpolated to that of this model.
        """
        named = super().own_names(state)
        if _POSITIONS in named and self.encoder.pos_embed is not None:
            named[_POSITIONS] = self._resampled(named[_POSITIONS])
        return named

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Compute the taps.

        Args:
            x: (B, 3, H, W) normalised RGB.

        Returns:
            Tap -> (B, channels[tap], ceil(H / strides[tap]), ceil(W / strides[tap])).
        """
        height, width = ((side + self.patch - 1) // self.patch * self.patch for side in plane(x))
        if plane(x) != (height, width):
            x = resize_bilinear(x, (height, width))
        blocks = sorted({*self._blocks.values()})
        found = self.encoder.forward_intermediates(
            x * self.scale + self.shift, indices=blocks, intermediates_only=True
        )
        tokens = dict(zip(blocks, found, strict=True))
        taps = {tap: tokens[block] for tap, block in self._blocks.items()}
        return taps | {"conv6": self._normed(taps["conv6"])}

    def attend(self, x: Tensor, blocks: int) -> dict[str, Tensor]:
        """Compute the taps, and the attention between patches.

        Args:
            x: (B, 3, H, W) normalised RGB.
            blocks: Number of last blocks whose attention is averaged, with that of their heads.

        Returns:
            The taps, and ``attention`` (B, N, N) of the N = h * w patches, row by row; its rows
            are queries, and lack what the class and register tokens get.
        """
        found: list[Tensor] = []
        with ExitStack() as stack:
            for layer in self.encoder.blocks[-blocks:].modules():
                if hasattr(layer, "fused_attn"):
                    stack.enter_context(_kept(layer, found))
            taps = self(x)
        prefix = self.encoder.num_prefix_tokens
        mean = torch.stack(found).mean(0)
        return taps | {"attention": mean[:, prefix:, prefix:]}

    def _normed(self, tokens: Tensor) -> Tensor:
        """Apply the final norm, which some encoders have behind their pooling, to (B, D, h, w)."""
        x = self.encoder.fc_norm(self.encoder.norm(tokens.permute(0, 2, 3, 1)))
        return cast(Tensor, x.permute(0, 3, 1, 2).contiguous())

    def _resampled(self, positions: Tensor) -> Tensor:
        """Interpolate position embeddings (1, prefix + n * n, D) to the grid of this model.

        Those of another kind stay as they are, so that their shape is refused.
        """
        own = self.encoder.pos_embed
        prefix = 0 if self.encoder.no_embed_class else self.encoder.num_prefix_tokens
        if positions.ndim != own.ndim or positions.shape[2] != own.shape[2]:
            return positions
        cells = positions.shape[1] - prefix
        if positions.shape == own.shape or cells < 1 or isqrt(cells) ** 2 != cells:
            return positions
        grid = list(self.encoder.patch_embed.grid_size)
        return resample_abs_pos_embed(positions, new_size=grid, num_prefix_tokens=prefix)


@contextmanager
def _kept(layer: nn.Module, found: list[Tensor]) -> Iterator[None]:
    """Append the attention (B, N, N) of a layer of timm, averaged over its heads, to a list."""
    fused, layer.fused_attn = layer.fused_attn, False  # type: ignore[assignment]
    handle = layer.get_submodule("attn_drop").register_forward_hook(
        lambda _layer, _inputs, attention: found.append(attention.mean(1))
    )
    try:
        yield
    finally:
        handle.remove()
        layer.fused_attn = fused


def _transformer(name: str) -> VisionTransformer | Eva:
    """Return an encoder of timm without its head, for images of any size."""
    try:
        net: object = timm.create_model(known(name), num_classes=0, dynamic_img_size=True)
    except TypeError:  # timm hands the option to encoders that lack it
        net = None
    if not isinstance(net, VisionTransformer | Eva):
        raise UserError(f"backbone {name}: not a vision transformer for images of any size")
    net.attn_pool = None  # type: ignore[assignment]  # as timm itself does
    return net
