"""Instances of the training images from IRNet and class activation maps."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from wsss.data.views import scaled_copies, views
from wsss.errors import UserError
from wsss.export import instances
from wsss.io.index import Index
from wsss.io.maps import MapsReader
from wsss.io.names import relative_files
from wsss.io.progress import log, track
from wsss.nn.irnet import CELL, IRNet
from wsss.ops.instances import Instance, clusters, fragments
from wsss.ops.paths import walk_between_boundaries
from wsss.stages.finite import finite_scores
from wsss.stages.inference import device, for_inference
from wsss.stages.parts import read_with_coarse_cam
from wsss.stages.walk_irn import boundaries, full_size, load_irnet, padded

RADIUS, BETA, STEPS, BACKGROUND = 5, 10.0, 256, 0.25
"""Walk of the official code: radius, exponent, steps, score of the background."""


def export_instances(
    model: Path, maps: Sequence[Path], index: Sequence[Path], out: Path, threads: int
) -> None:
    """Write the objects of all images that have maps.

    Args:
        model: `model.pt` of IRNet.
        maps: records of class activation maps.
        index: tables of their images.
        out: JSON file to write.
        threads: CPU threads.

    Raises:
        UserError: a file is missing or damaged, or no image has maps.
    """
    table, cams = Index.read(*index), MapsReader(maps)
    items = [item for item in table.items if item.image_id in cams.ids]
    if not items:
        raise UserError(f"{index[0]}: none of its images has maps in {maps[0]}")
    net, side = load_irnet(model)
    for_inference(net, threads, "auto")
    files = relative_files({item.image_id: item.image for item in items})

    def found() -> Iterator[instances.Objects]:
        for item in track(items, "instances", len(items)):
            image, cam = read_with_coarse_cam(cams, item)
            with finite_scores(item.image, model):
                objects = objects_of(net, side, image, cam)
            height, width = image.shape[:2]
            own = [(item.classes[one.position], one) for one in objects]
            yield files[item.image_id], (height, width), own

    count = instances.write(found(), table.class_names, out)
    log.info("export: %d instances of %d images in %s", count, len(items), out)


@torch.no_grad()
def objects_of(net: IRNet, side: int, image: np.ndarray, cam: np.ndarray) -> list[Instance]:
    """Return the objects of an image (docs/methods/irn.md 8).

    Every map is divided among the groups of cells with a common centre; the parts are walked like
    maps of classes, and compete with each other.

    Args:
        net: the network.
        side: of its crops.
        image: (H, W, 3) uint8 RGB.
        cam: (K, ceil(H / 4), ceil(W / 4)) float32.
    """
    if not len(cam):
        return []
    height, width = image.shape[:2]
    edge = boundaries(net, side, image, "auto")
    groups = torch.from_numpy(clusters(displacements(net, side, image))).to(device())
    maps = torch.from_numpy(cam).to(device()).clamp(min=0)
    seeds = (maps[:, None] * groups).flatten(0, 1)
    active = seeds.amax((1, 2)) > 0
    positions = torch.arange(len(maps), device=device()).repeat_interleave(len(groups))[active]
    if not len(positions):
        return []
    walked = walk_between_boundaries(seeds[active], edge, RADIUS, BETA, STEPS)
    background = walked.new_full((1, height, width), BACKGROUND)
    scores = torch.cat([background, full_size(walked, height, width)])
    return fragments(scores.cpu().numpy(), positions.cpu().numpy())


def displacements(net: IRNet, side: int, image: np.ndarray) -> Tensor:
    """Return the displacements (2, ceil(H / 4), ceil(W / 4)) float32 of an image, in cells."""
    height, width = image.shape[:2]
    (view,) = views(scaled_copies(image, [1.0], "torch").copies, device())
    dp = net.displacements(net.taps(padded(view, side)))[0]
    return dp[:, : -(-height // CELL), : -(-width // CELL)]
