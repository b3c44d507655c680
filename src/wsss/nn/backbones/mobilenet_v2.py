"""MobileNetV2 1.0 (Sandler et al. 2018) on torchvision's modules and names."""

import torch
from torch import Tensor

from wsss.nn.backbones.base import Backbone
from wsss.nn.backbones.dilate import dilate

_TAP_OF = {0: "conv1", 3: "conv3", 6: "conv4", 13: "conv5", 18: "conv6"}


class MobileNetV2(Backbone):
    """MobileNetV2 with dilations instead of the strides beyond ``output_stride``, 2.2 M weights.

    features.0 to features.3 are never trained and BatchNorm is held.
    """

    name = "mobilenet_v2"
    output_strides = (16, 8)
    frozen = ("features.0", "features.1", "features.2", "features.3")
    freeze_bn = True

    def __init__(self, output_stride: int | None = None) -> None:
        from torchvision.models import mobilenet_v2  # two seconds, for those who want it

        super().__init__()
        stride = self.check_stride(output_stride)
        self.channels = {"conv1": 32, "conv3": 24, "conv4": 32, "conv5": 96, "conv6": 1280}
        self.strides = {"conv1": 2, "conv3": 4, "conv4": 8, "conv5": stride, "conv6": stride}
        self.features = mobilenet_v2(weights=None).features
        rate = 16 // stride
        if rate > 1:
            dilate(self.features[7:14], dilation=rate, previous=1)
        dilate(self.features[14:18], dilation=2 * rate, previous=rate)
        self.freeze()

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Compute the taps.

        Args:
            x: (B, 3, H, W) normalised RGB.

        Returns:
            conv1 (B, 32, H/2, W/2), conv3 (B, 24, H/4, W/4), conv4 (B, 32, H/8, W/8),
            conv5 (B, 96, ..), conv6 (B, 1280, ..); sizes follow ``strides``, rounded up.
        """
        # Depthwise convolutions are several times faster in this layout.
        x = x.contiguous(memory_format=torch.channels_last)
        taps = {}
        for i, block in enumerate(self.features):
            x = block(x)
            if i in _TAP_OF:
                taps[_TAP_OF[i]] = x
        return taps
