"""Optimisers and the poly learning rate schedule of PSA (`tool/torchutils.py`)."""

from collections.abc import Iterable
from typing import Any

from torch import nn
from torch.optim import SGD, AdamW, Optimizer


def param_groups(
    net: nn.Module,
    scratch: Iterable[nn.Module],
    lr: float,
    head_lr_factor: float,
    weight_decay: float,
    bias_lr_factor: float = 2,
    decay_biases: bool = False,
) -> list[dict[str, Any]]:
    """Return up to four parameter groups: pretrained weights, their biases, new ones, their biases.

    Learning rates are lr times 1, bias_lr_factor, head_lr_factor, head_lr_factor bias_lr_factor.
    Frozen parameters are in no group.

    Args:
        net: the player whose parameters are grouped.
        scratch: modules that are trained from scratch.
        lr: learning rate of pretrained weights.
        head_lr_factor: factor on lr for the modules in `scratch`.
        weight_decay: L2 penalty of weights.
        bias_lr_factor: factor on the learning rate of biases.
        decay_biases: whether biases have the penalty, too.
    """
    fresh = {id(p) for module in scratch for p in module.parameters()}
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for name, parameter in net.named_parameters():
        if parameter.requires_grad:
            key = (id(parameter) in fresh, name.endswith("bias"))
            groups.setdefault(key, []).append(parameter)
    return [
        {
            "params": params,
            "lr": lr * (head_lr_factor if new else 1) * (bias_lr_factor if bias else 1),
            "weight_decay": 0.0 if bias and not decay_biases else weight_decay,
        }
        for (new, bias), params in sorted(groups.items(), key=lambda item: item[0])
    ]


def make_optimizer(
    name: str, groups: list[dict[str, Any]], momentum: float, fused: bool = False
) -> Optimizer:
    """Return an optimiser.

    Args:
        name: `sgd` or `adamw`; AdamW uses its own betas instead of the momentum.
        groups: see `param_groups`.
        momentum: of SGD.
        fused: update all parameters in one kernel, as on GPUs; equal up to rounding.
    """
    if name == "adamw":
        return AdamW(groups, fused=fused)
    return SGD(groups, momentum=momentum, fused=fused)


class Poly:
    """lr_t = lr_0 (1 - t / T)^power for every group of an optimiser, set before step t.

    Args:
        optimizer: its current learning rates are lr_0.
        total: T, the number of steps.
        power: exponent.
        every: steps between two changes (DeepLab v2: 10, docs/methods/retrain.md B6.6).
        warmup: first steps, in which lr_t = lr_0 t / warmup instead (docs/methods/vit.md 5).
    """

    def __init__(
        self, optimizer: Optimizer, total: int, power: float, every: int = 1, warmup: int = 0
    ) -> None:
        self._optimizer, self._total, self._power, self._every = optimizer, total, power, every
        self._warmup = warmup
        self._initial = [group["lr"] for group in optimizer.param_groups]

    def set(self, step: int) -> None:
        """Set the learning rates of step `step` (0-based)."""
        for group, lr in zip(self._optimizer.param_groups, self._initial, strict=True):
            group["lr"] = lr * self.factor(step)

    def factor(self, step: int) -> float:
        """Return lr_t / lr_0; after the last step it stays at its last value."""
        if step < self._warmup:
            return step / self._warmup
        step = min(step, self._total - 1) // self._every * self._every
        return (1 - step / self._total) ** self._power
