"""Several methods on one network: the first builds it and draws the CAMs, the others add losses.

``psa+eader`` is the published "PSA w/ EADER" (Stammes et al. 2020): PSA's classifier, inference
and everything after it, with EADER's adversarial erasing in the training (eader.md 14). The steps
of a training are shared: while an add-on has its turn alone, the network is not trained.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn

from wsss.methods.base import Method
from wsss.nn.task import Batch, Losses, Progress, Task


class Combo(Task):
    """A method whose training step is extended by the losses of others.

    Args:
        base: Builds the network, draws the maps.
        addons: Methods that were built on the network of ``base``, by their names.
    """

    def __init__(self, base: Method, addons: Mapping[str, Method]) -> None:
        super().__init__()
        self.net = base.net
        self.base = base
        self.addons = nn.ModuleDict(addons)

    def players(self) -> dict[str, nn.Module]:
        """Return the players of all methods; the network is shared."""
        players = {}
        for method in (self.base, *self.addons.values()):
            players |= method.players()
        return players

    def train_overrides(self) -> dict[str, dict[str, object]]:
        """Return what the players of the add-ons do differently."""
        recipes = {}
        for method in (self.base, *self.addons.values()):
            recipes |= method.train_overrides()
        return recipes

    def from_scratch(self) -> tuple[nn.Module, ...]:
        """Return the modules of the network that start from random weights."""
        return self.base.from_scratch()

    def batch_size(self, base: int, epoch: int) -> int:
        """Return the number of samples per step that the first method asks for."""
        return self.base.batch_size(base, epoch)

    def check(self, total: int) -> None:
        """Let every method look at the length of the training.

        Raises:
            UserError: Something would never happen in that many steps.
        """
        for method in (self.base, *self.addons.values()):
            method.check(total)

    def forward(self, batch: Batch, progress: Progress) -> Losses:
        """Take the step of the first method and add the losses of the others.

        The add-ons see the features that the first method computed for ``batch["image"]``, so the
        trunk runs once. In a step that belongs to an add-on alone no other loss is returned. The
        losses of an add-on carry its name, as in ``eader/am``.

        Raises:
            RuntimeError: The first method never showed the images as they are to the trunk.
        """
        image = batch["image"]
        for name, addon in self.addons.items():
            if addon.owns_step(progress):
                with torch.no_grad():
                    features = self.net.features(self.net.backbone(image))
                return _named(name, addon.addon_losses(batch, progress, features))
        with _taps_of(image, self.net.backbone) as found:
            losses = self.base(batch, progress)
        if not found:
            raise RuntimeError(f"{type(self.base).__name__} does not run its trunk on the images")
        features = self.net.features(found[0])
        for name, addon in self.addons.items():
            for player, added in _named(
                name, addon.addon_losses(batch, progress, features)
            ).items():
                losses[player] = losses.get(player, {}) | added
        return losses

    def cam(self, image: Tensor) -> Tensor:
        """Draw the maps of the first method: (B, 3, H, W) to (B, C, h, w)."""
        return self.base.cam(image)

    def infer(self, image: Tensor, size: tuple[int, int]) -> Tensor:
        """Draw the maps of the first method at a size: (B, 3, H, W) to (B, C, *size)."""
        return self.base.infer(image, size)

    def scale_maps(self, total: np.ndarray) -> np.ndarray:
        """Scale summed maps (K, H, W) as the first method does."""
        return self.base.scale_maps(total)


def _named(addon: str, losses: Losses) -> Losses:
    """Return the losses of an add-on under names that carry its own."""
    return {
        player: {f"{addon}/{name}": loss for name, loss in part.items()}
        for player, part in losses.items()
    }


@contextmanager
def _taps_of(image: Tensor, backbone: nn.Module) -> Iterator[list[dict[str, Tensor]]]:
    """Yield a list that receives what the backbone makes of the image."""
    found: list[dict[str, Tensor]] = []

    def keep(_module: nn.Module, inputs: tuple[Tensor], taps: dict[str, Tensor]) -> None:
        if inputs[0] is image:
            found.append(taps)

    handle = backbone.register_forward_hook(keep)
    try:
        yield found
    finally:
        handle.remove()
