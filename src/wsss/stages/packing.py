"""Packing of a trained network and the settings of its inference into one file."""

import argparse
from pathlib import Path

from wsss.config.section import Section
from wsss.engine.checkpoint import load_model, save_again
from wsss.io.index import Index
from wsss.io.provenance import file_digest
from wsss.stages.options import add_config_argument


def add_pack_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the stages that pack a network."""
    parser.add_argument("--index", type=Path, required=True, help="table of the training images")
    parser.add_argument("--model", type=Path, required=True, help="model.pt of the training")
    parser.add_argument("--out", type=Path, required=True, help="model.pt to write")
    add_config_argument(parser)


def pack(args: argparse.Namespace, kind: str, infer: Section) -> None:
    """Write the network with the settings of its inference, and what it was trained on.

    Args:
        args: options of the stage.
        kind: classifier or segmenter.
        infer: the settings.

    Raises:
        UserError: the network or the table is damaged.
    """
    items = Index.read(args.index).items
    save_again(
        args.out,
        load_model(args.model, kind),
        inference=infer.model_dump(mode="json"),
        white=max(item.white for item in items),
        data={"images": len(items), "index": file_digest(args.index)},
    )
