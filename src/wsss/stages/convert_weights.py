"""Convert pretrained weights of a backbone into one validated checkpoint."""

import argparse
from collections.abc import Collection
from pathlib import Path

from wsss.engine.checkpoint import save_model
from wsss.nn.backbones import Backbone, build
from wsss.nn.licences import origin, report, require
from wsss.nn.pretrained import pretrained
from wsss.nn.weights import backbone_state, load_state


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the stage."""
    parser.add_argument("--backbone", required=True, help="name of the architecture")
    parser.add_argument("--source", required=True, help="a file of weights, imagenet or packaged")
    parser.add_argument("--out", type=Path, required=True, help="file to write")
    parser.add_argument(
        "--accept", nargs="*", default=[], help="licences that are not open and may be used"
    )


def run(args: argparse.Namespace) -> None:
    """Read or download the weights, check them against the backbone, and save them."""
    backbone = pretrained_backbone(args.backbone, args.source, accepted=args.accept)
    save_model(args.out, backbone, "backbone", weights=backbone.origins)


def pretrained_backbone(
    name: str, source: str, output_stride: int | None = None, accepted: Collection[str] = ()
) -> Backbone:
    """Return a backbone with its pretrained weights; their licence is logged.

    Args:
        name: the architecture.
        source: a file of weights, imagenet or packaged.
        output_stride: input pixels per feature cell; None = the architecture's own.
        accepted: licences that are accepted although they are not open.

    Raises:
        UserError: there are no such weights, they belong to another architecture, or their licence
            is not accepted.
    """
    found = origin(name, source)
    require(found, accepted)
    report(found)
    state = pretrained(name, source)
    backbone = build(name, output_stride)
    load_state(backbone, backbone_state(name, state, source), source)
    backbone.origins = [found.model_dump()]
    return backbone
