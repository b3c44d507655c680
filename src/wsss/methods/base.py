"""What a method is: a task on image labels whose network draws class activation maps."""

from typing import ClassVar

from torch import Tensor, nn

from wsss.config.section import Section
from wsss.nn.backbones import Backbone
from wsss.nn.task import Task


class Method(Task):
    """A task that is trained with image labels and draws CAMs.

    A subclass sets ``Params``, builds ``self.net`` in its constructor and implements
    ``forward`` and ``cam``; ``batch["label"]`` is (B, C) float, 1 where the class is present.

    Args:
        backbone: Where the features come from.
        num_classes: Number of foreground classes C.
        params: An instance of ``Params``.

    Attributes:
        Params: The method's slice of the configuration.
        needs: Sample keys that it reads besides ``image`` and ``label``.
    """

    Params: ClassVar[type[Section]] = Section
    needs: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, backbone: Backbone, num_classes: int, params: Section) -> None:
        super().__init__()
        self.net = self.build(backbone, num_classes, params)

    def build(self, backbone: Backbone, num_classes: int, params: Section) -> nn.Module:
        """Build the network that a checkpoint of this method holds."""
        raise NotImplementedError

    def cam(self, image: Tensor) -> Tensor:
        """Draw the class activation maps of all classes.

        Args:
            image: (B, 3, H, W) normalised RGB.

        Returns:
            (B, C, h, w) maps >= 0, unnormalised, at the network's output stride.
        """
        raise NotImplementedError
