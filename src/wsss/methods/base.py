"""Base class of the methods: a task on image labels whose network computes CAMs.

A method is one file in this folder, named after it (``foo.py``). Its docstring gives paper,
official repository and deviations; it defines two classes:

``class FooParams(MethodParams)``
    The options, under ``cam.foo`` in the configuration: each with a type, a default and a
    docstring. Class variables say what the workflow has to know: ``needs``, ``taps``, ``addon``,
    ``backbones``, ``trained`` and the views of its inference
    (:class:`wsss.config.section.MethodParams`). The file has one class whose name ends in
    ``Params``. It is executed without the rest of the file, hence without torch: it may use imports
    at the top level from the standard library, pydantic, ``wsss.config`` and ``wsss.errors``, and
    constants, functions and classes of the file that use nothing else.

``class Foo(Method)``
    The network and the training step. The file defines one subclass of :class:`Method`. One whose
    ``Params.trained`` is False has ``published`` in the place of a training step.

Files whose names start with ``_`` are no methods; methods may import them. A mistake in a file is
reported by the runs that use the method, and by no others.
"""

from collections.abc import Iterable, Mapping
from functools import reduce
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor, nn

from wsss.config.section import MethodParams
from wsss.errors import UserError
from wsss.io.text_features import TextFeatures
from wsss.nn.backbones import Backbone
from wsss.nn.classnet import ClassNet
from wsss.nn.task import Batch, Losses, Progress, Task
from wsss.ops.cam import scale_by_max
from wsss.ops.resize import resize_bilinear


class Method(Task):
    """A task that is trained with image labels and computes CAMs.

    A subclass sets ``Params`` and implements ``build``, ``forward`` and ``cam``;
    ``batch["label"]`` is (B, C) float, 1 where the class is present. The network that ``build``
    returns is a :class:`wsss.nn.classnet.ClassNet`. For others to be added to it, ``forward`` runs
    the backbone on ``batch["image"]`` itself at some point; a method that can be added
    (``Params.addon``) implements ``owns_step`` and ``addon_losses``.

    Args:
        backbone: Feature extractor.
        num_classes: Number of foreground classes C.
        params: An instance of ``Params``.
        parts: Further backbones by the names of the options that describe them; none when maps
            are inferred.
        net: The network of the method that this one is added to; it then builds none.

    Attributes:
        Params: The method's slice of the configuration.

    Raises:
        UserError: The backbone lacks a tap that the method reads.
    """

    Params: ClassVar[type[MethodParams]] = MethodParams
    params: MethodParams
    net: ClassNet

    def __init__(
        self,
        backbone: Backbone,
        num_classes: int,
        params: MethodParams,
        parts: Mapping[str, Backbone] | None = None,
        net: ClassNet | None = None,
    ) -> None:
        super().__init__()
        missing = [tap for tap in params.taps if tap not in backbone.channels]
        if missing:
            method = type(self).__name__.lower()
            raise UserError(f"method {method} needs the tap {missing[0]}, {backbone.name} has none")
        self.params, self.num_classes = params, num_classes
        self.net = self.build(backbone, num_classes, params) if net is None else net
        self.add_parts(parts or {})

    @classmethod
    def published(
        cls,
        parts: Mapping[str, Backbone],
        num_classes: int,
        params: MethodParams,
        text: TextFeatures | None,
    ) -> Self:
        """Build a method that is not trained (``Params.trained``), with its weights.

        Args:
            parts: Further backbones by the names of the options that describe them, with the
                weights of the result.
            num_classes: Number of foreground classes C.
            params: An instance of the method's own ``Params``.
            text: Features of the class names; ``None`` for random ones.

        Raises:
            UserError: The features do not fit a backbone.
        """
        raise NotImplementedError

    def build(self, backbone: Backbone, num_classes: int, params: Any) -> ClassNet:  # noqa: ANN401
        """Build the network that a checkpoint of this method holds.

        Args:
            backbone: Feature extractor.
            num_classes: Number of foreground classes C.
            params: An instance of the method's own ``Params``.
        """
        raise NotImplementedError

    def add_parts(self, parts: Mapping[str, Backbone]) -> None:
        """Build the networks on the further backbones (none by default)."""

    def check(self, total: int, epochs: int) -> None:
        """Raise a UserError if the training is too short for the method's options."""
        if wrong := self.params.length_problem(total, epochs):
            raise UserError(wrong)

    def smallest(self) -> int:
        """Return the side in pixels that images must have."""
        return self.params.smallest()

    def from_scratch(self) -> tuple[nn.Module, ...]:
        """Return the modules of the network that start from random weights."""
        return self.net.from_scratch()

    def logits(self, image: Tensor) -> Tensor:
        """Classify, as the training does; by default with the network's own classifier.

        Args:
            image: (B, 3, H, W) normalised RGB.

        Returns:
            (B, C) logits.
        """
        return self.net.logits(image)

    def cam(self, image: Tensor) -> Tensor:
        """Compute the class activation maps of all classes.

        Args:
            image: (B, 3, H, W) normalised RGB.

        Returns:
            (B, C, h, w) maps, unnormalised, at the network's output stride.
        """
        raise NotImplementedError

    def infer(self, image: Tensor, size: tuple[int, int], classes: Tensor) -> Tensor:
        """Compute the maps of some classes in one view at the size of the result.

        Args:
            image: (B, 3, H, W) normalised RGB.
            size: (H', W') of the result.
            classes: (K,) integer, numbers of the classes.

        Returns:
            (B, K, H', W') maps, upsampled bilinearly (align_corners False).
        """
        return resize_bilinear(self.cam(image).index_select(1, classes), size)

    @staticmethod
    def join_views(views: Iterable[Tensor], flip: bool) -> Tensor:  # noqa: ARG004
        """Join the maps (K, H, W) of the views of an image; by default their sum.

        Args:
            views: Maps of every scale, each followed by those of its mirrored copy if `flip`.
            flip: There are mirrored copies.
        """
        return reduce(torch.add, views)

    @staticmethod
    def scale_maps(total: np.ndarray) -> np.ndarray:
        """Scale maps (K, H, W) that were joined over views; by default each by its maximum."""
        return scale_by_max(total)

    def owns_step(self, progress: Progress) -> bool:  # noqa: ARG002
        """True for a step that only this method's losses are computed in, as an add-on."""
        return False

    def addon_losses(self, batch: Batch, progress: Progress, features: Tensor) -> Losses:
        """Compute the losses that this method adds to a step of another one on a shared network.

        Args:
            batch: Collated sample.
            progress: Step and epoch of the training.
            features: (B, D, h, w) of the shared network for ``batch["image"]``.
        """
        raise NotImplementedError
