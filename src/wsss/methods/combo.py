"""Several methods on one network: the first builds it and computes CAMs, the others add losses.

``psa+eader`` is the published "PSA w/ EADER" (Stammes et al. 2020): PSA's classifier, inference
and everything after it, with EADER's adversarial erasing in the training
(docs/methods/eader.md 14). The steps of a training are shared: in the steps that an add-on owns,
the network is not trained.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn

from wsss.methods.base import Method
from wsss.nn.classnet import ClassNet
from wsss.nn.task import Batch, Losses, Progress, Task, check_losses


class Combo(Task):
    """A method whose training step is extended by the losses of others.

    Args:
        base: Builds the network and computes the maps.
        addons: Methods that were built on the network of ``base``, by their names.
    """

    net: ClassNet

    def __init__(self, base: Method, addons: Mapping[str, Method]) -> None:
        super().__init__()
        self.net = base.net
        self.base = base
        self.addons = nn.ModuleDict(addons)
        self._addons = dict(addons)

    def players(self) -> dict[str, nn.Module]:
        """Return the players of all methods; the network is shared."""
        players: dict[str, nn.Module] = {}
        for method in self._methods():
            players |= method.players()
        return players

    def train_overrides(self) -> dict[str, dict[str, object]]:
        """Return the training settings in which players of the add-ons differ."""
        overrides: dict[str, dict[str, object]] = {}
        for method in self._methods():
            overrides |= method.train_overrides()
        return overrides

    def smallest(self) -> int:
        """Return the side in pixels that images must have for the first method."""
        return self.base.smallest()

    def from_scratch(self) -> tuple[nn.Module, ...]:
        """Return the modules of the network that start from random weights."""
        return self.base.from_scratch()

    def batch_size(self, base: int, epoch: int) -> int:
        """Return the batch size that the first method asks for."""
        return self.base.batch_size(base, epoch)

    def check(self, total: int, epochs: int) -> None:
        """Check the length of the training with every method.

        Raises:
            UserError: Something would never happen in that time.
        """
        for method in self._methods():
            method.check(total, epochs)

    def forward(self, batch: Batch, progress: Progress) -> Losses:
        """Compute the losses of the first method and add those of the others.

        The add-ons get the features that the first method computed for ``batch["image"]``, so the
        backbone runs once. A step that an add-on owns returns its losses only. The losses of an
        add-on carry its name, as in ``eader/am``.

        Raises:
            RuntimeError: The first method never ran the backbone on the unchanged images.
        """
        # a step that belongs to one add-on: constant features (B, D, h, w)
        image, backbone = batch["image"], self.net.backbone
        for name, addon in self._addons.items():
            if addon.owns_step(progress):
                with torch.no_grad():
                    features = self.net.features(backbone(image))
                return _named(name, addon.addon_losses(batch, progress, features))

        # losses of the first method, and the backbone's taps on the way
        with _taps_of(image, backbone) as found:
            losses = check_losses(self.base, self.base(batch, progress), self.base.players())
        if not found:
            raise RuntimeError(
                f"{type(self.base).__name__} does not run its backbone on the images"
            )

        # losses of the add-ons on the same features (B, D, h, w)
        features = self.net.features(found[0])
        for name, addon in self._addons.items():
            own = _named(name, addon.addon_losses(batch, progress, features))
            for player, added in own.items():
                losses[player] = losses.get(player, {}) | added
        return losses

    def logits(self, image: Tensor) -> Tensor:
        """Classify as the first method does: (B, 3, H, W) to (B, C)."""
        return self.base.logits(image)

    def cam(self, image: Tensor) -> Tensor:
        """Compute the maps of the first method: (B, 3, H, W) to (B, C, h, w)."""
        return self.base.cam(image)

    def infer(self, image: Tensor, size: tuple[int, int], classes: Tensor) -> Tensor:
        """Compute the first method's maps of classes (K,): (B, 3, H, W) to (B, K, *size)."""
        return self.base.infer(image, size, classes)

    def join_views(self, views: Iterable[Tensor], flip: bool) -> Tensor:
        """Join the maps (K, H, W) of views as the first method does."""
        return self.base.join_views(views, flip)

    def scale_maps(self, total: np.ndarray) -> np.ndarray:
        """Scale joined maps (K, H, W) as the first method does."""
        return self.base.scale_maps(total)

    def _methods(self) -> tuple[Method, ...]:
        return (self.base, *self._addons.values())


def _named(addon: str, losses: Losses) -> Losses:
    """Return the losses of an add-on with its name before theirs."""
    return {
        player: {f"{addon}/{name}": loss for name, loss in part.items()}
        for player, part in losses.items()
    }


@contextmanager
def _taps_of(image: Tensor, backbone: nn.Module) -> Iterator[list[dict[str, Tensor]]]:
    """Yield a list that receives the backbone's taps of the image."""
    found: list[dict[str, Tensor]] = []

    def keep(_module: nn.Module, inputs: tuple[Tensor], taps: dict[str, Tensor]) -> None:
        if inputs[0] is image:
            found.append(taps)

    handle = backbone.register_forward_hook(keep)
    try:
        yield found
    finally:
        handle.remove()
