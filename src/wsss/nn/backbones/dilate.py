"""Trade stride for dilation in an existing network."""

from collections.abc import Iterable

from torch import nn


def dilate(blocks: Iterable[nn.Module], dilation: int, previous: int) -> None:
    """Undo the stride of a stage in place and dilate it instead.

    The first block's 3x3 convolutions lose their stride and keep the dilation of the stage
    before; all others get ``dilation`` (what torchvision's ``replace_stride_with_dilation``
    does). Weights and names do not change.

    Args:
        blocks: The blocks of the stage, first one first.
        dilation: Dilation of the stage.
        previous: Dilation of the stage before.
    """
    for i, block in enumerate(blocks):
        rate = previous if i == 0 else dilation
        for conv in block.modules():
            if isinstance(conv, nn.Conv2d) and conv.kernel_size == (3, 3):
                conv.stride = (1, 1)
                conv.dilation = conv.padding = (rate, rate)
