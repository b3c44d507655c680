"""Layers that trainings put around a state dict: dictionaries and prefixes of names."""

from collections.abc import Mapping

from torch import Tensor

_KEYS = (
    "state_dict",
    "model_state_dict",
    "model_state",
    "state",
    "model",
    "net",
    "network",
    "module",
    "localizer",
    "weights",
    "params",
    "backbone",
    "encoder",
    "teacher",
    "student",
    "state_dict_ema",
    "model_ema",
    "ema",
    "params_ema",
)
"""Keys that checkpoints keep a state dict under, the first one of several is taken.

`localizer` is EADER's (docs/methods/eader.md 12)."""

_INSIDE = ("_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module", "_forward_module")
"""Parts of names that PyTorch and Lightning insert where a layer is compiled or wrapped."""

_PREFIXES = ("module.", "model.", "net.", "network.", "_module.")
"""Beginnings of names: attributes that hold the network, of parallel and of training modules."""

_COUNTER = "n_averaged"
"""Tensor beside the weights of `torch.optim.swa_utils.AveragedModel`."""


def unwrapped(content: object) -> dict[object, object] | None:
    """Return the state dict in the content of a file; None if there is none.

    Dictionaries within dictionaries are looked through, by the usual keys; under other keys a
    state dict is found if it is the only one.
    """
    if not isinstance(content, dict) or not content:
        return None
    known = [unwrapped(content[key]) for key in _KEYS if isinstance(content.get(key), dict)]
    if inner := next(filter(None, known), None):
        return inner
    if any(isinstance(value, Tensor) for value in content.values()):
        return content
    others = [value for value in content.values() if _is_state(value)]
    return others[0] if len(others) == 1 else None


def _is_state(value: object) -> bool:
    return (
        isinstance(value, dict)
        and bool(value)
        and all(isinstance(k, str) and isinstance(t, Tensor) for k, t in value.items())
    )


def bare_names(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return a state dict without the prefixes that most of its names have, in any combination."""
    kept = {_without_parts(key): t for key, t in state.items() if key != _COUNTER}
    while prefix := next((p for p in _PREFIXES if _is_common(p, kept)), None):
        kept = {key.removeprefix(prefix): t for key, t in kept.items()}
    return kept


def _without_parts(name: str) -> str:
    return ".".join(part for part in name.split(".") if part not in _INSIDE)


def _is_common(prefix: str, state: Mapping[str, Tensor]) -> bool:
    """True if most names start with a prefix, and none of them is another one without it."""
    given = [name for name in state if name.startswith(prefix)]
    others = state.keys() - set(given)
    return 2 * len(given) > len(state) and others.isdisjoint(n[len(prefix) :] for n in given)
