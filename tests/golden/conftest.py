"""Numbers of the published code, and how closely ours must agree with them.

`WSSS_GOLDEN` names another folder with the same file and key names (other seeds, images, sizes), so
no test here hard-codes a size, a seed or a class: everything is read from the file.

* `golden(name)` opens `{name}.npz`: `ref = golden("crf")`, `ref["image"]`, `ref.keys()`,
  `ref.starting("psa_")`, `ref.agree("psa_alpha4", got)`.
* `agree(name, key, got)` is the same check without the opened file.
* `fill(module, seed, gain)` gives a network the weights of the reference run.
"""

import json
import math
import os
import zlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

FOLDER = Path(os.environ.get("WSSS_GOLDEN") or Path(__file__).parent)


def _deviation(kind: str, got: np.ndarray, ref: np.ndarray) -> float:
    """How far `got` is from `ref`, in the unit of the tolerance `kind`."""
    if kind in {"exact", "labels"}:
        return float((got != ref).mean()) if ref.size else 0.0
    got, ref = got.astype(np.float64), ref.astype(np.float64)
    assert np.array_equal(np.isnan(got), np.isnan(ref)), "NaN in other places"
    worst = float(np.nanmax(np.abs(got - ref), initial=0.0))
    scale = float(np.nanmax(np.abs(ref), initial=0.0)) if kind == "close" else 1.0
    return worst / max(scale, 1e-30)


class Golden:
    """One file of reference arrays with its tolerances."""

    def __init__(self, name: str) -> None:
        self.name = name
        with np.load(FOLDER / f"{name}.npz", allow_pickle=False) as arrays:
            self._arrays = dict(arrays)
        everything = json.loads((FOLDER / "tolerances.json").read_text(encoding="utf-8"))
        self._tolerances = everything[f"{name}.npz"]

    def __getitem__(self, key: str) -> np.ndarray:
        return self._arrays[key]

    def __contains__(self, key: str) -> bool:
        return key in self._arrays

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def keys(self) -> list[str]:
        """The names of the arrays."""
        return list(self._arrays)

    def starting(self, prefix: str, end: str = "") -> list[str]:
        """The names of the arrays that start and end so, of which there is at least one."""
        found = [key for key in self if key.startswith(prefix) and key.endswith(end)]
        assert found, f"{self.name}: no array is called {prefix}...{end}"
        return found

    def agree(self, key: str, got: object) -> None:
        """Fail unless `got` (array, tensor, number or list) is `self[key]` within its tolerance."""
        got = got.detach().cpu().numpy() if isinstance(got, torch.Tensor) else np.asarray(got)
        ref, rule = self[key], self._tolerances[key]
        assert rule["kind"] != "input", f"{self.name}:{key} is an input, not a result"
        assert got.shape == ref.shape, f"{self.name}:{key} has shape {got.shape}, not {ref.shape}"
        far = _deviation(rule["kind"], got, ref)
        limit = rule.get("tol", 0.0)
        assert far <= limit, f"{self.name}:{key} {rule['kind']}: {far:.3g} > {limit:g}"


@pytest.fixture(scope="session")
def golden():
    """`golden(name) -> Golden`, each file read once."""
    return cache(Golden)


@pytest.fixture(scope="session")
def agree(golden):
    """`agree(name, key, got)` fails unless `got` agrees with that array of that file."""
    return lambda name, key, got: golden(name).agree(key, got)


def recipe(name: str, shape: tuple[int, ...], seed: int, gain: float) -> np.ndarray:
    """The reference value of the parameter or buffer with this official name (golden README)."""
    last = name.rsplit(".", maxsplit=1)[-1]
    if last == "num_batches_tracked":
        return np.zeros(shape, dtype=np.int64)
    # the published numbers were made with the legacy generator, so it has to be this one
    legacy = np.random.RandomState(zlib.crc32(name.encode()) ^ seed)
    noise = legacy.standard_normal(shape)
    if last == "running_var":
        noise = 1 + 0.1 * np.abs(noise)
    elif last != "running_mean" and len(shape) >= 2:
        noise = noise * gain / math.sqrt(math.prod(shape[1:]))
    elif last == "weight":
        noise = 1 + 0.1 * noise
    else:
        noise = 0.1 * noise
    return noise.astype(np.float32)


@pytest.fixture(scope="session")
def fill():
    """`fill(module, seed, gain) -> module` with the weights of the reference run, in place."""

    def apply(module: torch.nn.Module, seed: object, gain: object) -> torch.nn.Module:
        from wsss.nn.weights import official_names

        state = module.state_dict()
        for official, ours in official_names(module).items():
            value = recipe(official, tuple(state[ours].shape), int(seed), float(gain))
            state[ours].copy_(torch.from_numpy(value))
        return module

    return apply
