"""Interface of the backbones, and the freezing of their first layers."""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Self

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from wsss.errors import UserError

TAPS = ("conv1", "conv3", "conv4", "conv5", "conv6")
"""The feature taps that every backbone has, shallow to deep (names of PSA/SEAM/SB)."""


class Backbone(nn.Module):
    """A feature extractor with the taps ``conv1`` (finest) to ``conv6`` (final features).

    ``conv3`` has stride 4 and ``conv4`` stride 8; all taps of a vision transformer have that of its
    patches (:class:`wsss.nn.backbones.vit.Vit`).

    A subclass calls :meth:`freeze` at the end of its constructor, so that a freshly built
    backbone and one after ``train()`` agree on what is trained.

    Attributes:
        name: The backbone's name in the registry.
        output_strides: Supported strides of the last tap; the first one is the default.
        frozen: Names of the submodules that are never trained.
        freeze_bn: Every BatchNorm keeps its running statistics and its affine parameters
            (PSA, ``train()`` of ``resnet38d.py``; docs/methods/common.md 2.3).
        freeze_affine: With ``freeze_bn``: the affine parameters, too, not the statistics alone.
        edge_taps: The four taps of SB's boundary branch (docs/methods/sb.md 2.1).
        sqrt_cam: Class maps are square-rooted (PSA's VGG-16, docs/methods/psa.md 2.2).
        affinity_groups: Groups of the GroupNorms that AffinityNet puts behind its narrowed
            conv4, conv5, conv6; ``None`` for no norms (docs/methods/psa.md 2.3).
        origins: Sources and licences of the weights it starts from, see :mod:`wsss.nn.licences`.
        channels: Tap -> number of channels.
        strides: Tap -> pixels per cell.
    """

    name: str
    output_strides: ClassVar[tuple[int, ...]] = (8,)
    frozen: tuple[str, ...] = ()
    freeze_bn: bool = False
    freeze_affine: bool = True
    edge_taps: ClassVar[tuple[str, str, str, str]] = ("conv1", "conv3", "conv5", "conv6")
    sqrt_cam: ClassVar[bool] = False
    affinity_groups: ClassVar[tuple[int, int, int] | None] = None
    origins: Sequence[Mapping[str, str]] = ()

    channels: dict[str, int]
    strides: dict[str, int]

    @classmethod
    def check_stride(cls, output_stride: int | None) -> int:
        """Validate an output stride; ``None`` gives the default.

        Raises:
            UserError: If this backbone does not support it.
        """
        stride = cls.output_strides[0] if output_stride is None else output_stride
        if stride not in cls.output_strides:
            can = ", ".join(map(str, sorted(cls.output_strides)))
            raise UserError(f"output_stride {stride}: backbone {cls.name} can do {can}")
        return stride

    def freeze(self) -> None:
        """Switch off the gradients of ``frozen`` layers and hold BatchNorm if ``freeze_bn``."""
        for name in self.frozen:
            self.get_submodule(name).requires_grad_(False)
        if self.freeze_bn:
            for module in self.modules():
                if isinstance(module, _BatchNorm):
                    module.eval()
                    if self.freeze_affine:
                        module.requires_grad_(False)

    def unfreeze(self) -> Self:
        """Train every layer from now on, BatchNorm included (EADER)."""
        self.frozen, self.freeze_bn = (), False
        return self.requires_grad_(True).train(self.training)

    def hold(self) -> Self:
        """Train no layer from now on."""
        self.frozen, self.freeze_bn = ("",), True
        return self.train(self.training)

    def for_affinity(self) -> None:
        """Apply AffinityNet's modifications to the backbone (no-op by default)."""

    def for_irn(self) -> None:
        """Apply IRN's modifications to the backbone (no-op by default)."""

    def for_deeplab_v3plus(self) -> None:
        """Apply DeepLab v3+'s modifications to the backbone (no-op by default)."""

    def own_names(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Rename the weights of a library's state dict to the names of this backbone."""
        return dict(state)

    def train(self, mode: bool = True) -> Self:
        """Switch the mode; frozen layers and held BatchNorms stay as they are."""
        super().train(mode)
        self.freeze()
        return self

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Compute all taps.

        Args:
            x: (B, 3, H, W) normalised RGB.

        Returns:
            Tap -> (B, channels[tap], ceil(H / strides[tap]), ceil(W / strides[tap])).
        """
        raise NotImplementedError
