"""Segmenters of the library segmentation-models-pytorch (Iakubovskii): its heads on our backbones.

Deviations: the backbone's taps are the features, resized to the strides that a head takes, so that
any backbone and its weights serve; BatchNorm of one value (see
:class:`wsss.nn.segmenters.layers.PooledBatchNorm`); DPT without readout tokens.
"""

from collections.abc import Callable, Mapping, Sequence
from inspect import signature
from typing import Any

import segmentation_models_pytorch as smp
import torch.nn.functional as F
from segmentation_models_pytorch.decoders.dpt.decoder import DPTDecoder, DPTSegmentationHead
from torch import Tensor, nn

from wsss.errors import UserError
from wsss.nn.backbones import TAPS, Backbone
from wsss.nn.segmenters.base import Segmenter
from wsss.nn.segmenters.layers import PooledBatchNorm
from wsss.ops.resize import plane, resize_bilinear

_CELLS = {"PAN": 128}
"""Sides in pixels that a head divides evenly, if not 32."""

_NAME = "wsss"
"""Name of the features in the library's table of encoders."""

_FIXED: dict[str, Any] = {
    "encoder_name": _NAME,
    "encoder_weights": None,
    "in_channels": 3,
    "activation": None,
    "aux_params": None,
}
"""Arguments that are not the user's."""


class _Features(nn.Module):
    """Channels and strides of the taps, for the constructors of the library.

    Args:
        channels: Of the image and the taps.
        depth: Number of taps that the head takes.
        output_stride: Stride of the last one, at the most.
    """

    def __init__(self, channels: Sequence[int], depth: int, output_stride: int) -> None:
        super().__init__()
        self.out_channels = [*channels[: depth + 1]]
        self.strides = [min(2 ** (i + 1), output_stride) for i in range(depth)]
        self.output_stride = self.strides[-1]

    def set_in_channels(self, *_: object, **__: object) -> None:
        """Keep the channels: images are RGB."""

    def make_dilated(self, _: int) -> None:
        """Keep the strides: the taps are resized."""


class _Dpt(nn.Module):
    """Decoder of DPT for features without readout tokens.

    Args:
        *args: Arguments of the library's class.
        **options: The same.
    """

    def __init__(self, *args: object, **options: object) -> None:
        super().__init__()
        self.decoder = DPTDecoder(*args, readout="ignore", **options)

    def forward(self, features: list[Tensor]) -> Tensor:
        """Map the image and four features to (B, D, H/2, W/2)."""
        found: Tensor = self.decoder(features[1:], [None] * (len(features) - 1))
        return found


class Smp(Segmenter):
    """A head of the library on the taps of a backbone.

    Args:
        architecture: Class of the library.
        backbone: Feature extractor (taps conv1 to conv6).
        num_labels: Number of labels L, background included.
        decoder: Arguments of the class, such as ``decoder_channels``.

    Raises:
        UserError: If the class does not take these arguments.
    """

    align_corners = False

    def __init__(
        self,
        architecture: str,
        backbone: Backbone,
        num_labels: int,
        decoder: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self.backbone = backbone
        channels = [backbone.channels[tap] for tap in TAPS]
        self._taps: dict[str, int] = dict(zip(TAPS[1:], (4, 8, 16, 32), strict=True))
        if architecture == "DPT":
            options = _checked(architecture, DPTDecoder, decoder or {}, _OF_DPT)
            width = options.setdefault("fusion_channels", 256)
            strides = [*self._taps.values()]
            self.decoder: nn.Module = _Dpt(channels[1:], strides, **options)
            self.segmentation_head: nn.Module = DPTSegmentationHead(width, num_labels)
        else:
            net = _network(architecture, channels, num_labels, decoder or {})
            self.decoder, self.segmentation_head = net.decoder, net.segmentation_head
            self._taps = dict(zip(TAPS, net.encoder.strides, strict=False))
        self._cell = _CELLS.get(architecture, 32)
        for norm in self.decoder.modules():
            if type(norm) is nn.BatchNorm2d:
                norm.__class__ = PooledBatchNorm

    def from_scratch(self) -> tuple[nn.Module, ...]:
        """Return the modules that never start from pretrained weights: the head."""
        return (self.decoder, self.segmentation_head)

    def forward(self, x: Tensor) -> Tensor:
        """Segment.

        Args:
            x: (B, 3, H, W) normalised RGB of any size; it is padded to a multiple of 32 pixels,
                for PAN of 128.

        Returns:
            (B, L, H, W) logits.
        """
        height, width = plane(x)
        cell = self._cell
        # ONNX rounds the quotient of negative numbers the other way
        rows, columns = ((side + cell - 1) // cell * cell for side in (height, width))
        padded = F.pad(x, (0, columns - width, 0, rows - height))
        found = self.backbone(padded)
        taps = [
            resize_bilinear(found[tap], (rows // stride, columns // stride))
            for tap, stride in self._taps.items()
        ]
        logits = self.segmentation_head(self.decoder([padded, *taps]))
        return resize_bilinear(logits, plane(padded))[:, :, :height, :width]


_OF_DPT = {"encoder_out_channels", "encoder_output_strides", "encoder_has_prefix_tokens", "readout"}


def _network(
    architecture: str, channels: Sequence[int], num_labels: int, decoder: Mapping[str, Any]
) -> Any:  # noqa: ANN401 a model of the library, which has no types
    """Return a model of the library whose encoder is a table of channels."""
    make = getattr(smp, architecture)
    options = _checked(architecture, make, decoder, {*_FIXED, "classes"})
    # the way that the library documents for encoders of others
    smp.encoders.encoders[_NAME] = {"encoder": _Features, "params": {"channels": [3, *channels]}}
    dilated = "encoder_output_stride" in signature(make).parameters
    stride = {"encoder_output_stride": 16} if dilated else {}
    try:
        return make(**_FIXED, classes=num_labels, **stride | options)
    except (TypeError, ValueError, LookupError) as error:
        reason = str(error).partition("\n")[0]
        raise UserError(f"segment.smp.decoder: smp/{architecture}: {reason}") from error


def _checked(
    architecture: str, make: Callable[..., object], given: Mapping[str, Any], fixed: set[str]
) -> dict[str, Any]:
    """Return arguments that a class takes; the library ignores others."""
    own = {
        name
        for name, parameter in signature(make).parameters.items()
        if parameter.kind == parameter.POSITIONAL_OR_KEYWORD and name not in fixed
    }
    if unknown := sorted(given.keys() - own):
        raise UserError(
            f"segment.smp.decoder.{unknown[0]}: smp/{architecture} has no such argument; it has "
            f"{', '.join(sorted(own))}"
        )
    return {key: tuple(v) if isinstance(v, list) else v for key, v in given.items()}
