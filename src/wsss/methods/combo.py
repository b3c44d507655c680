"""Several methods on one network: the first builds it and draws the CAMs, the others add losses.

``psa+eader`` is the published "PSA w/ EADER" (Stammes et al. 2020): PSA's classifier, inference
and everything after it, with EADER's adversarial erasing in the training (eader.md 14).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn

from wsss.methods.base import Method
from wsss.nn.task import Batch, Clock, Losses, Task


class Combo(Task):
    """A method whose training step is extended by the losses of others.

    Args:
        base: Builds the network, draws the maps.
        addons: Methods that were built on the network of ``base``.
    """

    def __init__(self, base: Method, addons: Sequence[Method]) -> None:
        super().__init__()
        self.net = base.net
        self.base = base
        self.addons = nn.ModuleList(addons)

    def players(self) -> dict[str, nn.Module]:
        """Return the players of all methods; the network is shared."""
        players = {}
        for method in (self.base, *self.addons):
            players |= method.players()
        return players

    def recipes(self) -> dict[str, dict[str, object]]:
        """Return what the players of the add-ons do differently."""
        recipes = {}
        for method in (self.base, *self.addons):
            recipes |= method.recipes()
        return recipes

    def scratch(self) -> tuple[nn.Module, ...]:
        """Return the modules of the network that start from random weights."""
        return self.base.scratch()

    def batch_size(self, base: int, epoch: int) -> int:
        """Return the number of samples per step that the first method asks for."""
        return self.base.batch_size(base, epoch)

    def forward(self, batch: Batch, clock: Clock) -> Losses:
        """Take the step of the first method and add the losses of the others.

        The add-ons see the features that the first method computed for the whole images, so the
        trunk runs once. In a step that belongs to an add-on alone no other loss is returned.
        """
        for addon in self.addons:
            if addon.alone(clock):
                with torch.no_grad():
                    taps = self.net.backbone(batch["image"])
                    features = self.net.features(taps)
                return addon.extra(batch, clock, features)
        with _first_taps(self.net.backbone) as taps:
            losses = self.base(batch, clock)
        features = self.net.features(taps[0])
        for addon in self.addons:
            for player, named in addon.extra(batch, clock, features).items():
                losses.setdefault(player, {}).update(named)
        return losses

    def cam(self, image: Tensor) -> Tensor:
        """Draw the maps of the first method: (B, 3, H, W) to (B, C, h, w)."""
        return self.base.cam(image)

    def draw(self, image: Tensor, size: tuple[int, int]) -> Tensor:
        """Draw the maps of the first method at a size: (B, 3, H, W) to (B, C, *size)."""
        return self.base.draw(image, size)

    def normalise(self, total: np.ndarray) -> np.ndarray:
        """Scale summed maps (K, H, W) as the first method does."""
        return self.base.normalise(total)


@contextmanager
def _first_taps(backbone: nn.Module) -> Iterator[list[dict[str, Tensor]]]:
    """Yield a list that receives what the backbone computes, call by call."""
    calls: list[dict[str, Tensor]] = []
    handle = backbone.register_forward_hook(lambda _module, _inputs, taps: calls.append(taps))
    try:
        yield calls
    finally:
        handle.remove()
