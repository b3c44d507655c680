"""Make the network of a method that is not trained: published weights and features of texts."""

import argparse
from pathlib import Path

from wsss import methods
from wsss.config.slices import read_slice
from wsss.io.index import Index
from wsss.io.progress import log
from wsss.io.text_features import TextFeatures
from wsss.nn.licences import Origin
from wsss.stages.options import add_config_argument
from wsss.stages.training import further_backbones, named_files, save_untrained, weights_meta


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the stage."""
    parser.add_argument("--index", type=Path, required=True, help="table of images and labels")
    parser.add_argument(
        "--further", nargs="*", default=[], help="weights of networks, method.option=file"
    )
    parser.add_argument(
        "--text", type=Path, nargs="*", default=[], help="features of the class names"
    )
    parser.add_argument("--out", type=Path, required=True, help="model.pt to write")
    add_config_argument(parser)


def run(args: argparse.Namespace) -> None:
    """Put the network together; without weights or features these are random.

    Raises:
        UserError: the features are of other classes or of another network than the weights.
    """
    config, index = read_slice(args.config), Index.read(args.index)
    name, params = config.method, config.cam.options(config.method)
    parts = further_backbones(config, {name: params}, named_files(args.further))
    text = None
    for path in args.text[:1]:
        text = TextFeatures.read(path)
        text.check_names(index.class_names, path)
        log.info("prepare_cam: texts of %d classes by %s", len(text.names), text.tower)
    own = {option.removeprefix(f"{name}."): backbone for option, backbone in parts.items()}
    task = methods.get(name).published(own, index.num_classes, params, text)
    backbone = task.net.backbone
    origins = [*weights_meta(None, *own.values()), *map(_origin, [text] if text else [])]
    save_untrained(
        args.out,
        args.out.with_name("history.csv"),
        task.net,
        "classifier",
        method=name,
        params={name: task.params.model_dump(mode="json")},
        backbone={"name": backbone.name, "output_stride": None},
        weights=origins,
        classes=index.class_names,
    )


def _origin(text: TextFeatures) -> dict[str, str]:
    """Return the entry of `model.pt` with the source and licence of features of texts."""
    found = Origin(backbone="text features", source=text.tower, licence=text.licence)
    return found.model_dump()
