"""The dense CRF in PyTorch, for GPUs: the images of a batch share the tables of their lattices."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from wsss.config.crf import CrfKernel
from wsss.ops.crf_cpu import appearance, filled, positions
from wsss.ops.permutohedral import first_key, numbering, simplices


class _Lattice(NamedTuple):
    """The lattice of one kernel; see `lattice_kernels.Lattice`.

    Attributes:
        vertices: (d + 1, pixels) int64.
        weights: (d + 1, pixels) float32.
        neighbours: (d + 1, 2, vertices) int64.
    """

    vertices: Tensor
    weights: Tensor
    neighbours: Tensor

    def filter(self, values: Tensor) -> Tensor:
        """Splat values (pixels, channels), blur along each axis, and slice."""
        count = self.neighbours.shape[-1]
        sums = values.new_zeros(count + 1, values.shape[1])
        for vertices, weights in zip(self.vertices, self.weights, strict=True):
            sums.index_add_(0, vertices, values * weights[:, None])
        for ahead, behind in self.neighbours:
            sums[:-1] += (sums[ahead] + sums[behind]) / 2
        parts = zip(self.vertices, self.weights, strict=True)
        return sum((sums[v] * w[:, None] for v, w in parts), torch.zeros_like(values))


def _build(batch: Sequence[list[np.ndarray]], weight: float, device: torch.device) -> _Lattice:
    """Build the lattice of the features of several images, which the keys keep apart."""
    pixels = [len(features[0]) for features in batch]
    batch = [filled(features) for features in batch]
    counts = torch.tensor([len(features[0]) for features in batch])
    used = torch.cat([torch.arange(c) < n for c, n in zip(counts, pixels, strict=True)]).to(device)
    joined = (np.concatenate(same) for same in zip(*batch, strict=True))
    planes = [torch.from_numpy(plane).to(device) for plane in joined]
    keys = numbering([float(plane.max()) for plane in planes], len(batch))
    found = simplices(torch, planes)
    images = torch.arange(len(batch)).repeat_interleave(counts).to(device)
    first = first_key(torch, found, keys) + images * keys.total
    rest, size = torch.stack(found.rest), len(found.rest)
    places = size - 1 - torch.stack(found.rank).long()
    along = torch.tensor(keys.along, device=device)
    steps = torch.empty_like(places).scatter_(0, places, along[:, None].expand_as(places))
    ordered = torch.empty_like(rest).scatter_(0, places, rest)
    weights = (ordered - ordered.roll(1, 0)) / size
    weights[0] += 1
    numbers, vertices = (first + steps.cumsum(0) - steps).unique(return_inverse=True)
    wanted = numbers + torch.stack([along, -along], 1)[..., None]
    at = torch.searchsorted(numbers, wanted).clamp(max=len(numbers) - 1)
    neighbours = torch.where(numbers[at] == wanted, at, len(numbers))
    return _normalised(_Lattice(vertices[:, used], weights[:, used], neighbours), weight)


def _normalised(lattice: _Lattice, weight: float) -> _Lattice:
    """Scale the weights as `crf_kernels.normalise` does."""
    scale = 1 / (1 + 2.0 ** (1 - len(lattice.weights)))
    total = lattice.filter(lattice.weights.new_ones(lattice.weights.shape[1], 1))[:, 0]
    factor = (scale * weight / (scale * total + 1e-20)).sqrt()
    return lattice._replace(weights=lattice.weights * factor)


class Fields:
    """The two lattices of a batch of images.

    Args:
        images: (H, W, 3) uint8 each, of any sizes.
        kernels: steps, widths and weights.
        device: where to compute.
    """

    def __init__(
        self, images: Sequence[np.ndarray], kernels: CrfKernel, device: torch.device
    ) -> None:
        smooth = [positions(image.shape[:2], kernels.gaussian_sxy, 2) for image in images]
        colours = [appearance(image, kernels) for image in images]
        self._lattices = (
            _build(smooth, kernels.gaussian_weight, device),
            _build(colours, kernels.bilateral_weight, device),
        )
        self._iterations, self._device = kernels.iterations, device

    def posteriors(self, logits: Sequence[np.ndarray], rest: bool = False) -> list[np.ndarray]:
        """Return the posteriors of the logits (N, L, H, W) float32 of each image.

        N is the same for all; an image with less labels than another has none of the others.
        """
        most = max(one.shape[1] for one in logits)
        flat = [
            np.pad(
                one.reshape(*one.shape[:2], -1),
                [(0, 0), (0, most - one.shape[1]), (0, 0)],
                constant_values=-np.inf,
            )
            for one in logits
        ]
        unary = torch.from_numpy(np.concatenate(flat, 2)).to(self._device).permute(2, 0, 1)
        posterior = unary.softmax(-1)
        for _ in range(self._iterations):
            values = posterior.flatten(1)
            smooth, similar = (lattice.filter(values) for lattice in self._lattices)
            pairwise = (smooth + similar).view_as(unary)
            if rest:
                pairwise[..., -1] = 0
            posterior = (unary + pairwise).softmax(-1)
        ends = np.cumsum([one[0, 0].size for one in logits])[:-1]
        parts = np.split(posterior.permute(1, 2, 0).cpu().numpy(), ends, axis=2)
        return [
            part[:, : one.shape[1]].reshape(one.shape)
            for part, one in zip(parts, logits, strict=True)
        ]


class Field:
    """A batch of one image.

    Args:
        image: (H, W, 3) uint8.
        kernels: steps, widths and weights.
        device: where to compute.
    """

    def __init__(self, image: np.ndarray, kernels: CrfKernel, device: torch.device) -> None:
        self._fields = Fields([image], kernels, device)

    def posteriors(self, logits: np.ndarray, rest: bool = False) -> np.ndarray:
        """Return the posteriors of logits (N, L, H, W) float32."""
        return self._fields.posteriors([logits], rest)[0]
