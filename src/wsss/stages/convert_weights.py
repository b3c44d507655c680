"""Convert pretrained weights of a backbone into one validated checkpoint."""

import argparse
from pathlib import Path

from wsss.engine.checkpoint import save_model
from wsss.nn.backbones import build
from wsss.nn.licences import origin, report
from wsss.nn.pretrained import pretrained
from wsss.nn.weights import backbone_state, load_state


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the stage."""
    parser.add_argument("--backbone", required=True, help="name of the architecture")
    parser.add_argument("--source", required=True, help="a file of weights, imagenet or packaged")
    parser.add_argument("--out", type=Path, required=True, help="file to write")


def run(args: argparse.Namespace) -> None:
    """Read or download the weights, check them against the backbone, and save them."""
    state = pretrained(args.backbone, args.source)
    found = origin(args.backbone, args.source)
    report(found)
    backbone = build(args.backbone)
    load_state(backbone, backbone_state(args.backbone, state, args.source), args.source)
    save_model(args.out, backbone, "backbone", weights=[found.model_dump()])
