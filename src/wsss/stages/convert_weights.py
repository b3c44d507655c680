"""Convert pretrained weights of a backbone into one validated checkpoint."""

import argparse
from pathlib import Path

from wsss.engine.checkpoint import save_model
from wsss.io.progress import log
from wsss.nn.backbones import build
from wsss.nn.weights import backbone_state, fetch_imagenet, load_state, read_state


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the stage."""
    parser.add_argument("--backbone", required=True, help="name of the architecture")
    parser.add_argument("--source", required=True, help="a file of weights, or imagenet")
    parser.add_argument("--out", type=Path, required=True, help="file to write")


def run(args: argparse.Namespace) -> None:
    """Read or download the weights, check them against the backbone, and save them."""
    log.info("convert_weights: %s from %s", args.backbone, args.source)
    fetch = args.source == "imagenet"
    state = fetch_imagenet(args.backbone) if fetch else read_state(Path(args.source))
    backbone = build(args.backbone)
    load_state(backbone, backbone_state(args.backbone, state, args.source), args.source)
    save_model(args.out, backbone, "backbone", source=args.source)
