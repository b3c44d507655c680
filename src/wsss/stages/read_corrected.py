"""Read the corrected masks of training images, which replace their pseudo labels."""

import argparse
from pathlib import Path

from wsss import __version__
from wsss.config.slices import canonical
from wsss.data.corrections import find_corrections
from wsss.data.masks import draw_all
from wsss.errors import first_of
from wsss.io.index import Index
from wsss.io.labels import IGNORE, LabelWriter
from wsss.io.progress import log


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the stage."""
    parser.add_argument("--index", type=Path, required=True, help="table of images and labels")
    parser.add_argument("--folder", type=Path, required=True, help="what an annotation tool wrote")
    parser.add_argument("--split", choices=("train",), required=True)
    parser.add_argument("--out", type=Path, required=True, help="record to write, beside the PNGs")


def run(args: argparse.Namespace) -> None:
    """Write the corrected masks of a split as label maps.

    Raises:
        UserError: there are none, or some cannot be used; names them all.
    """
    index = Index.read(args.index)
    found = find_corrections(args.folder, index.split(args.split), index.class_names)
    beyond = []
    with LabelWriter(args.out, canonical({"version": __version__, "tool": found.tool})) as out:
        for image_id, labels in draw_all(found.masks, args.split):
            known = {0, IGNORE, *(number + 1 for number in index.by_id[image_id].classes)}
            if not known.issuperset(labels.ravel().tolist()):
                beyond.append(image_id)
            out.put(image_id, labels)
    if beyond:
        log.warning(
            "corrected masks with a class that the labels of their image lack: %d; %s",
            *(len(beyond), first_of(beyond)),
        )
    log.info("read_corrected: %d masks of %s", len(found.masks), found.tool)
