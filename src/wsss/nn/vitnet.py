"""Classifier on the patch tokens of a vision transformer (ToCo, CVPR 2023).

Source: ``model/model_seg_neg.py`` of rulixiang/ToCo; docs/methods/vit.md 2.
"""

from torch import Tensor, nn

from wsss.nn.backbones.vit import Vit
from wsss.nn.classnet import ClassNet

_AUXILIARY = "auxiliary"
"""Tap of the tokens that the auxiliary classifier reads."""


class VitNet(ClassNet):
    """Two bias-free 1x1 classifiers, on the final tokens and on those of an earlier block.

    Tokens are pooled by their maximum over space, channel by channel, before they are classified.
    The weights of a published network load; its segmentation and projection heads are left out.

    Args:
        backbone: Vision transformer.
        num_classes: Number of foreground classes C.
        block: Block of the auxiliary classifier; negative ones count from the last, which is -1.

    Raises:
        UserError: The backbone has no such block.
    """

    linear = False
    unused = ("decoder.", "proj_head", "encoder.head")

    backbone: Vit

    def __init__(self, backbone: Vit, num_classes: int, block: int) -> None:
        super().__init__()
        backbone.add_tap(_AUXILIARY, block)
        self.backbone = backbone
        width = backbone.channels["conv6"]
        self.classifier = nn.Conv2d(width, num_classes, 1, bias=False)
        self.aux_classifier = nn.Conv2d(width, num_classes, 1, bias=False)

    def from_scratch(self) -> tuple[nn.Module, ...]:
        """Return the modules that never start from pretrained weights: the classifiers."""
        return (self.classifier, self.aux_classifier)

    def class_weight(self) -> Tensor:
        """Return the weights (C, D) that turn final tokens into class maps."""
        return self.classifier.weight.flatten(1)

    def classify(self, features: Tensor, size: tuple[int, int]) -> Tensor:  # noqa: ARG002
        """Classify: classifier(max over space of the tokens).

        Args:
            features: Final tokens (B, D, h, w).
            size: (H, W) of the image; not used here.

        Returns:
            (B, C) logits.
        """
        return _pooled(self.classifier, features)

    def classify_early(self, taps: dict[str, Tensor]) -> Tensor:
        """Classify the tokens of the earlier block: logits (B, C)."""
        return _pooled(self.aux_classifier, taps[_AUXILIARY])

    def maps(self, taps: dict[str, Tensor]) -> Tensor:
        """Compute the signed class maps (B, C, h, w) of the final tokens."""
        return self.classifier(taps["conv6"])

    def early_maps(self, taps: dict[str, Tensor]) -> Tensor:
        """Compute the signed class maps (B, C, h, w) of the tokens of the earlier block."""
        return self.aux_classifier(taps[_AUXILIARY])


def _pooled(classifier: nn.Module, tokens: Tensor) -> Tensor:
    """Classify the maxima over space of tokens (B, D, h, w): logits (B, C)."""
    logits: Tensor = classifier(tokens.amax((2, 3), keepdim=True))
    return logits.flatten(1)
