"""Write masks, or the segmenter, in the format of another tool."""

import argparse
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from wsss.data.photos import find_photos
from wsss.errors import UserError
from wsss.export import FORMATS
from wsss.export.label_studio import URL
from wsss.export.pictures import Pictures, open_pictures
from wsss.export.voc import COMPETITIONS, check, read_list
from wsss.io.index import Index
from wsss.io.labels import RECORD
from wsss.io.progress import log


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add a command per format."""
    formats = parser.add_subparsers(dest="format", required=True, metavar="format")
    for name, what in FORMATS.items():
        own = formats.add_parser(name, help=what, description=what[0].upper() + what[1:])
        _OPTIONS.get(name, _mask_options)(own)


def run(args: argparse.Namespace) -> None:
    """Write one format.

    Raises:
        UserError: options are missing, files are not sound, or the output cannot be written.
    """
    _COMMANDS.get(args.format, _masks)(args)


def _mask_options(parser: argparse.ArgumentParser, required: bool = True) -> None:
    parser.add_argument(
        "--labels",
        type=Path,
        nargs="+",
        required=required,
        help=f"masks: {RECORD} of each shard, or the folder that wsss predict wrote",
    )
    parser.add_argument("--index", type=Path, nargs="+", default=[], help="tables of their images")
    parser.add_argument("--images", type=Path, help="folder of the images, if there is no table")
    parser.add_argument("--out", type=Path, required=required, help="file or folder to write")


def _coco_options(parser: argparse.ArgumentParser) -> None:
    _mask_options(parser)
    parser.add_argument(
        "--truth", type=Path, help="COCO annotations: write results for them, with their ids"
    )


def _label_studio_options(parser: argparse.ArgumentParser) -> None:
    _mask_options(parser)
    parser.add_argument("--url", default=URL, help="goes before the file names of the images")
    parser.add_argument("--from-name", default="label", help="name of the tag BrushLabels")
    parser.add_argument("--to-name", default="image", help="name of the tag Image")
    parser.add_argument("--model-version", help="what the predictions are called")
    parser.add_argument("--score", type=_share, help="certainty from 0 to 1, the same for all")


def _share(text: str) -> float:
    if not 0 <= float(text) <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 1")
    return float(text)


def _voc_options(parser: argparse.ArgumentParser) -> None:
    _mask_options(parser, required=False)
    parser.add_argument("--list", type=Path, help="ids of the images of the set, one per line")
    parser.add_argument("--set", default="test", help="name of the set; default test")
    parser.add_argument("--competition", choices=COMPETITIONS, default="comp6")
    parser.add_argument("--check", type=Path, help="write nothing, check this tar with --list")


def _onnx_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", type=Path, required=True, help="model.pt of the segmenter")
    parser.add_argument("--out", type=Path, required=True, help="file to write")


def _bundle_options(parser: argparse.ArgumentParser) -> None:
    _mask_options(parser)
    parser.add_argument("--title", default="a data set", help="name of the data set")
    parser.add_argument("--model", type=Path, help="model.pt of the segmenter that drew the masks")
    parser.add_argument("--evaluation", type=Path, help="eval file of the masks")
    parser.add_argument("--licence", help="terms of the masks, in a sentence")


def _masks(args: argparse.Namespace, **options: object) -> None:
    pictures = _pictures(args)
    import_module(f"wsss.export.{args.format}").write(pictures, args.out, **options)
    log.info("export: %d masks as %s in %s", len(pictures), args.format, args.out)


def _coco(args: argparse.Namespace) -> None:
    _masks(args, truth=args.truth)


def _label_studio(args: argparse.Namespace) -> None:
    given = {"model_version": args.model_version} if args.model_version else {}
    names = {"from_name": args.from_name, "to_name": args.to_name}
    _masks(args, url=args.url, score=args.score, **names, **given)


def _voc(args: argparse.Namespace) -> None:
    ids = None if args.list is None else read_list(args.list)
    if args.check is not None:
        if ids is None:
            raise UserError("--check: needs --list, the ids of the set")
        photos = _photos(args)
        what = check(args.check, ids, photos)
        sizes = "sizes not compared, for want of --images" if photos is None else "sizes agree"
        log.info(
            "%s: %d masks of %s are as the server wants, %s", args.check, len(ids), what, sizes
        )
        return
    if not args.labels or args.out is None:
        raise UserError("voc: needs --labels and --out, or --check and --list")
    _masks(args, competition=args.competition, image_set=args.set, ids=ids)


def _bundle(args: argparse.Namespace) -> None:
    model = None if args.model is None else _segmenter_meta(args.model)
    options = {"evaluation": args.evaluation, "licence": args.licence}
    _masks(args, title=args.title, model=model, **options)


def _onnx(args: argparse.Namespace) -> None:
    from wsss.export import onnx
    from wsss.stages.infer_segmenter import load_own, make_segmenter

    model = load_own(args.model)
    net = make_segmenter(model, args.model).eval().requires_grad_(False)
    meta = model.meta
    about = {"segmenter": meta["segmenter"], "backbone": meta["backbone"]["name"]}
    onnx.write(net, meta["classes"], args.out, about)
    log.info("export: %s as onnx in %s", args.model, args.out)


def _segmenter_meta(path: Path) -> dict[str, Any]:
    from wsss.stages.infer_segmenter import load_own

    return load_own(path).meta


def _pictures(args: argparse.Namespace) -> Pictures:
    if args.index and args.images:
        raise UserError("--images: the table of --index names the images already; leave one out")
    return open_pictures(args.labels, args.index, None if args.index else _photos(args))


def _photos(args: argparse.Namespace) -> Mapping[str, Path] | None:
    """Return the photographs by image id, None if no option names them."""
    if args.index:
        return {item.image_id: item.image for item in Index.read(*args.index).items}
    if args.images is None:
        return None
    folders = [path if path.is_dir() else path.parent for path in args.labels or []]
    inside = [path for path in folders if args.images.resolve() in path.resolve().parents]
    photos = find_photos(args.images, inside[0] if inside else args.images / RECORD)
    return {photo.image_id: photo.path for photo in photos}


_OPTIONS: dict[str, Callable[[argparse.ArgumentParser], None]] = {
    "coco": _coco_options,
    "label_studio": _label_studio_options,
    "voc": _voc_options,
    "onnx": _onnx_options,
    "bundle": _bundle_options,
}

_COMMANDS: dict[str, Callable[[argparse.Namespace], None]] = {
    "coco": _coco,
    "label_studio": _label_studio,
    "voc": _voc,
    "onnx": _onnx,
    "bundle": _bundle,
}
