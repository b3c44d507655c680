"""Predict time, memory and disk space of a workflow from measurements on this machine.

Every stage is rehearsed on a few made-up images, which takes about a minute for a small network.
Configuration files are read like those of snakemake --configfile: after config.yaml of the current
folder, and later ones have precedence. Where the data are not there yet, their number and size are
given as options.
"""

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory
from typing import Any

from rich.console import Console

from wsss.config.backbones import IMAGENET
from wsss.config.dataset import Dataset
from wsss.config.model import Config
from wsss.config.resolve import load, runs
from wsss.data.files import in_threads
from wsss.data.sources import read
from wsss.data.taxonomy import NO_CLASS
from wsss.demo.scenes import CLASSES
from wsss.errors import UserError
from wsss.io.images import image_size
from wsss.io.progress import log
from wsss.io.units import size_text, time_text
from wsss.plan.artifacts import Plan
from wsss.planning.brief import Machine
from wsss.planning.forecast import Cost, Forecast
from wsss.planning.images import Images, typical_size
from wsss.planning.measurements import file_of, machine_here, read_measurements, write_measurements
from wsss.planning.photos import MadeUp, dataset_of, write_photos
from wsss.planning.rehearsal import (
    Measured,
    Rehearsal,
    at_once,
    photos,
    rehearsals,
    rehearse,
)
from wsss.stages.console import plain_table
from wsss.stages.options import integer, positive
from wsss.workflow.arguments import add_configs_argument
from wsss.workflow.plans import configured

_SAMPLE = 100
"""Images whose size is looked up."""

_DEMO_LABELS = 1.7
"""Mean number of classes on an image of the demo."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    add_configs_argument(parser)
    parser.add_argument("--cores", type=integer(1), help="cores of the workflow; default: all")
    data = parser.add_argument_group("data set, in place of the one in dataset.root")
    data.add_argument("--images", type=integer(1), nargs=2, metavar=("TRAIN", "VAL"), help="number")
    data.add_argument(
        "--size", type=integer(1), nargs=2, metavar=("WIDTH", "HEIGHT"), help="pixels"
    )
    data.add_argument("--classes", type=integer(1), help="number of classes")
    data.add_argument("--labels", type=positive, help="mean number of labels of an image")


def run(args: argparse.Namespace) -> None:
    """Print the forecast.

    Raises:
        UserError: a mistake in the configuration, or nothing is known of the data.
    """
    config = configured(args.configs)
    whole = _images(config.dataset, args)
    images, machine = whole.cut(config.dataset.tiles), machine_here(args.cores)
    counts = whole if config.dataset.tiles is None else None
    plan = Plan(
        _portable(config, whole), MadeUp(lambda split: counts.count(split) if counts else None)
    )
    wanted = rehearsals(plan, images, machine)
    jobs = max(at_once(one.artifact, machine) for one in wanted.values())
    measured = _measurements(wanted, photos(whole, images, jobs), machine)
    costs = Forecast(plan, wanted, measured, whole, images, _given(config, whole), machine).costs()
    _print(Console(soft_wrap=True, markup=False, emoji=False), costs, whole, machine)


# ---- the data set ----


def _images(dataset: Dataset, args: argparse.Namespace) -> Images:
    """Return what is known of the data set; options have precedence."""
    options = (args.images, args.size, args.classes, args.labels)
    known = Images(0, 0, (0, 0), 0, 0.0) if all(options) else _of_dataset(dataset)
    if args.images:
        known = replace(known, train=args.images[0], val=args.images[1])
    if args.size:
        known = replace(known, size=(args.size[1], args.size[0]))
    classes, labels = args.classes or known.classes, args.labels or known.labels
    return replace(known, classes=classes, labels=min(labels, classes))


def _of_dataset(dataset: Dataset) -> Images:
    """Return the number of images, the size of some and their mean number of labels.

    Raises:
        UserError: the data are not there, or have no image.
    """
    if dataset.capabilities.generated:
        demo = dataset.demo
        side = (demo.size, demo.size)
        return Images(demo.images, demo.val_images, side, len(CLASSES), _DEMO_LABELS)
    if dataset.needs_fetching():
        raise UserError(
            "the data are not downloaded yet: give --images, --size, --classes and --labels, such "
            "as --images 10582 1449 --size 500 375 --classes 20 --labels 1.5 for PASCAL VOC 2012"
        )
    listing = read(dataset)
    train = [record for record in listing.records if record.split == "train"]
    if not train or not listing.names:
        raise UserError(f"{listing.root}: no training image or no class; see wsss check")
    paths = [listing.root / record.image for record in train[:: -(-len(train) // _SAMPLE)]]
    sizes = in_threads(image_size, paths, "sizes of images", os.cpu_count() or 1)
    labels = fmean(len(set(record.labels) - {NO_CLASS}) for record in train)
    held_out = len(listing.records) - len(train)
    return Images(len(train), held_out, typical_size(sizes), len(listing.names), labels or 1.5)


# ---- the configuration ----


def _portable(config: Config, whole: Images, checkpoints: bool = False) -> Config:
    """Return a configuration of the made-up data set that names no file of the user.

    Args:
        config: the user's.
        whole: the images.
        checkpoints: keep published checkpoints, as names of files that exist.

    Raises:
        UserError: a run takes boundary maps of the user.
    """
    raw = config.model_dump(mode="json")
    tiles = raw["dataset"]["tiles"]
    _replace_files(raw, checkpoints)
    cut = tiles and {**tiles, "labels": None}
    return load(raw | {"dataset": {**dataset_of(whole), "tiles": cut}, "results": "results"})


def _replace_files(raw: Any, checkpoints: bool) -> None:  # noqa: ANN401
    """Replace files of the user by one that exists, in place."""
    for key, value in raw.items() if isinstance(raw, dict) else ():
        if key == "text" and value:
            raw[key] = __file__
        if key == "weights" and isinstance(value, str) and value != IMAGENET:
            raw[key] = __file__
        if key == "checkpoint":
            raw[key] = __file__ if value and checkpoints else None
        if key == "sam" and isinstance(value, dict) and value.get("model"):
            # measured as it is, from another folder
            folder = Path(value["model"])
            value["model"] = str(folder.resolve()) if folder.is_dir() else value["model"]
        if key == "boundaries" and isinstance(value, dict) and value.get("folder"):
            raise UserError("boundaries.folder: a forecast needs maps of a run; leave it null")
        _replace_files(value, checkpoints)


def _given(config: Config, whole: Images) -> dict[str, set[str]]:
    """Return the training stages that a published checkpoint replaces, by run."""
    found = {}
    for name, one in runs(_portable(config, whole, checkpoints=True)).items():
        given = {
            "train_cam": one.cam.checkpoint,
            "train_irn": one.affinity.irn.checkpoint,
            "train_segmenter": one.segment.checkpoint,
        }
        found[name] = {stage for stage, checkpoint in given.items() if checkpoint}
    return found


# ---- measuring and printing ----


def _measurements(
    wanted: Mapping[str, Rehearsal], made_up: Images, machine: Machine
) -> dict[str, Measured]:
    """Return this week's measurements, or rehearse and keep what is measured."""
    file = file_of(wanted.values(), made_up, machine)
    measured = read_measurements(file)
    if measured is None:
        busy = os.getloadavg()[0]
        if busy > machine.cores / 2:
            log.warning("other processes keep %.1f cores busy: all times will be longer", busy)
        with TemporaryDirectory(prefix="wsss-forecast-") as folder:
            write_photos(Path(folder, "data"), made_up)
            measured = rehearse(wanted, machine, Path(folder))
        write_measurements(file, measured)
    return measured


def _print(console: Console, costs: Sequence[Cost], whole: Images, machine: Machine) -> None:
    table = plain_table("run", "stage", "jobs", "time", "CPU time", "memory", "disk", left=2)
    for cost in costs:
        memory = size_text(cost.memory) if cost.memory else ""
        row = (str(cost.jobs), time_text(cost.seconds), time_text(cost.cpu), memory)
        table.add_row(cost.run, cost.stage, *row, size_text(cost.disk))
    total: Any = sum(costs[1:], costs[0])
    table.add_section()
    times = (time_text(total.seconds), time_text(total.cpu))
    sums = (str(total.jobs), *times, size_text(total.memory))
    table.add_row("", "in all", *sums, size_text(total.disk))
    console.print(table)
    height, width = whole.size
    console.print(
        f"For {whole.train} + {whole.val} images of about {width} x {height} pixels with "
        f"{whole.classes} classes and {whole.labels:.1f} labels each, on {machine.name}. "
        "Memory is that of one job. Getting the data and drawing their masks is not counted.",
        highlight=False,
    )
