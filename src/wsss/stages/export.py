"""Write masks, or the segmenter, in the format of another tool."""

import argparse
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from wsss.errors import UserError
from wsss.export import (
    FORMATS,
    bundle,
    coco,
    cvat,
    index,
    label_studio,
    labelme,
    overlay,
    palette,
    voc,
    yolo,
)
from wsss.export.label_maps import LabelMaps
from wsss.io.progress import log
from wsss.report import overlays
from wsss.stages.exported import Source, add_cleaning_option, add_mask_options
from wsss.stages.options import number

if TYPE_CHECKING:
    from wsss.engine.checkpoint import Model

Write = Callable[[LabelMaps, Path], None]
"""Function that writes label maps in one format to a file or folder."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add a subcommand per format."""
    formats = parser.add_subparsers(dest="format", required=True, metavar="format")
    for name, text in FORMATS.items():
        own = formats.add_parser(name, help=text, description=text[0].upper() + text[1:])
        _OPTIONS.get(name, _mask_options)(own)


def run(args: argparse.Namespace) -> None:
    """Write masks, or the segmenter, in one format.

    Raises:
        UserError: options are missing, files are damaged, or the output cannot be written.
    """
    # networks, or check of results
    if args.format in _OF_NETWORKS:
        _OF_NETWORKS[args.format](args)
        return
    source = Source.of(args)
    if args.format == "voc" and args.check is not None:
        check_voc(args.check, args.list, source)
        return
    export_masks(args.format, source, args.out, _WRITERS[args.format](args))


def export_masks(name: str, source: Source, out: Path | None, write: Write) -> None:
    """Write label maps in one format.

    Args:
        name: name of the format.
        source: the label maps.
        out: file or folder to write.
        write: function of the format.

    Raises:
        UserError: label maps or `out` are missing, or as in `Source.open` and `write`.
    """
    if not source.labels or out is None:
        raise UserError(f"{name}: needs masks (--labels or --run) and --out, or --check and --list")
    label_maps = source.open()
    write(label_maps, out)
    log.info("export: %d masks as %s in %s", len(label_maps), name, out)
    if source.ids is not None:
        log.info(
            "next: correct them, delete the files of images that nobody has looked at, and name "
            "the folder in segment.corrected"
        )


def check_voc(file: Path, image_list: Path | None, source: Source) -> None:
    """Validate a tar of results for the evaluation server of PASCAL VOC.

    Args:
        file: the tar.
        image_list: file with the image ids of the set.
        source: the image files, to compare the sizes.

    Raises:
        UserError: `image_list` is missing, or as in `voc.check`.
    """
    if image_list is None:
        raise UserError("--check: needs --list, the ids of the set")
    ids, files = voc.read_list(image_list), source.image_files()
    results = voc.check(file, ids, files)
    sizes = "sizes not compared, for want of --images" if files is None else "sizes agree"
    log.info("%s: %d masks of %s are valid for the server, %s", file, len(ids), results, sizes)


def export_onnx(model_file: Path, out: Path) -> None:
    """Write a trained segmenter as an ONNX model.

    Raises:
        UserError: ONNX is not installed, the model is invalid, or as in `wsss.export.onnx.write`.
    """
    try:
        from wsss.export import onnx
    except ModuleNotFoundError as error:
        raise UserError(f"onnx: needs {error.name}: pip install 'wsss[onnx]'") from error
    from wsss.stages.finite import finite_scores
    from wsss.stages.infer_segmenter import make_segmenter

    model = _load(model_file)
    net = make_segmenter(model, model_file).eval().requires_grad_(False)
    meta = model.meta
    about = {
        "segmenter": meta["segmenter"],
        "backbone": meta["backbone"]["name"],
        "weights": json.dumps(meta.get("weights", [])),
    }
    with finite_scores("an image of noise", model_file):
        onnx.write(net, meta["classes"], out, about)
    log.info("export: %s as onnx in %s", model_file, out)


def _instances(args: argparse.Namespace) -> None:
    """Write the objects that IRNet tells apart; PyTorch is imported only here."""
    from wsss.stages.irn_instances import export_instances

    export_instances(args.model, args.cams, args.index, args.out, args.threads)


_OF_NETWORKS: dict[str, Callable[[argparse.Namespace], None]] = {
    "onnx": lambda args: export_onnx(args.model, args.out),
    "instances": _instances,
}
"""Formats that are written by a network."""


_WRITERS: dict[str, Callable[[argparse.Namespace], Write]] = {
    "palette": lambda _: palette.write,
    "index": lambda _: index.write,
    "overlay": lambda _: partial(overlay.write, paint=overlays.encoded),
    "cvat": lambda _: cvat.write,
    "coco": lambda args: partial(coco.write, truth=args.truth),
    "label_studio": lambda args: partial(
        label_studio.write,
        url=args.url,
        from_name=args.from_name,
        to_name=args.to_name,
        model_version=args.model_version,
        score=args.score,
    ),
    "labelme": lambda args: partial(labelme.write, tolerance=args.tolerance),
    "yolo": lambda args: partial(yolo.write, tolerance=args.tolerance),
    "voc": lambda args: partial(
        voc.write,
        competition=args.competition,
        image_set=args.set,
        ids=None if args.list is None else voc.read_list(args.list),
    ),
    "bundle": lambda args: partial(
        bundle.write,
        title=args.title,
        model=None if args.model is None else _load(args.model).meta,
        evaluation=args.evaluation,
        licence=args.licence,
    ),
}
"""Functions that return the writer of a format with its options."""


def _load(path: Path) -> "Model":
    """Load a trained segmenter; PyTorch is imported only here."""
    from wsss.stages.infer_segmenter import load_own

    return load_own(path)


def _mask_options(parser: argparse.ArgumentParser) -> None:
    add_mask_options(parser)
    add_cleaning_option(parser)


def _polygon_options(parser: argparse.ArgumentParser) -> None:
    _mask_options(parser)
    parser.add_argument(
        "--tolerance",
        type=number(0),
        default=1.0,
        help="pixels by which polygons may be off to have fewer points; default 1, 0 = exact",
    )


def _coco_options(parser: argparse.ArgumentParser) -> None:
    _mask_options(parser)
    parser.add_argument(
        "--truth", type=Path, help="COCO annotations: write results for them, with their ids"
    )


def _label_studio_options(parser: argparse.ArgumentParser) -> None:
    _mask_options(parser)
    parser.add_argument("--url", default=label_studio.URL, help="prefix of the file names")
    parser.add_argument("--from-name", default="label", help="name of the tag BrushLabels")
    parser.add_argument("--to-name", default="image", help="name of the tag Image")
    parser.add_argument(
        "--model-version", default=label_studio.MODEL_VERSION, help="name of the predictions"
    )
    parser.add_argument(
        "--score", type=number(0, 1), help="confidence from 0 to 1, the same for all"
    )


def _voc_options(parser: argparse.ArgumentParser) -> None:
    add_mask_options(parser, required=False)
    parser.add_argument("--list", type=Path, help="ids of the images of the set, one per line")
    parser.add_argument("--set", default="test", help="name of the set; default test")
    parser.add_argument("--competition", choices=voc.COMPETITIONS, default="comp6")
    parser.add_argument("--check", type=Path, help="write nothing, check this tar with --list")


def _onnx_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", type=Path, required=True, help="model.pt of the segmenter")
    parser.add_argument("--out", type=Path, required=True, help="file to write")


def _instances_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", type=Path, required=True, help="model.pt of IRNet")
    parser.add_argument("--cams", type=Path, nargs="+", required=True, help="records of CAMs")
    parser.add_argument(
        "--index", type=Path, nargs="+", required=True, help="tables of their images"
    )
    parser.add_argument("--out", type=Path, required=True, help="file to write")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads")


def _bundle_options(parser: argparse.ArgumentParser) -> None:
    add_mask_options(parser)
    parser.add_argument("--title", default="a data set", help="name of the data set")
    parser.add_argument("--model", type=Path, help="model.pt of the segmenter of the masks")
    parser.add_argument("--evaluation", type=Path, help="eval file of the masks")
    parser.add_argument("--licence", help="terms of the masks, in a sentence")


_OPTIONS: dict[str, Callable[[argparse.ArgumentParser], None]] = {
    "coco": _coco_options,
    "label_studio": _label_studio_options,
    "labelme": _polygon_options,
    "yolo": _polygon_options,
    "voc": _voc_options,
    "instances": _instances_options,
    "onnx": _onnx_options,
    "bundle": _bundle_options,
}
"""Options of formats that need more than `_mask_options`."""
