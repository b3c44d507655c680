"""Check a configuration and its data.

Files are read like those of snakemake --configfile: after config.yaml of the current folder, and
later ones have precedence.
"""

import argparse
import os
import statistics
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.table import Table

from wsss.config.backbones import BACKBONES
from wsss.config.dataset import Dataset, fetched_augment
from wsss.config.model import Config, Run
from wsss.config.resolve import runs
from wsss.data.alike import alike
from wsss.data.check import Examined, examine
from wsss.data.contents import DIGESTS, FileContents
from wsss.data.corrections import find_corrections
from wsss.data.masks import draw_all, read_drawn
from wsss.data.prompts import problems, warnings
from wsss.data.sources import SOURCES, Listing, drawn_masks, read, with_augment
from wsss.errors import UserError
from wsss.io.index import Index
from wsss.io.labels import RECORD, LabelWriter
from wsss.io.progress import log
from wsss.io.text_features import TextFeatures
from wsss.plan.artifacts import Plan
from wsss.plan.learnt import check_learnt_masks
from wsss.planning.advice import advice
from wsss.products import TRAIN
from wsss.stages.checkpoints import check_checkpoints, check_transformers, check_weights
from wsss.stages.console import plain_table
from wsss.tiles.cut import plan_tiles, read_tile_labels
from wsss.tiles.layout import layout
from wsss.workflow import words
from wsss.workflow.arguments import add_configs_argument
from wsss.workflow.plans import configured

_Sizes = list[tuple[tuple[int, int], int]]
"""(H, W) and number of classes of images"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    add_configs_argument(parser)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="images at a time")


def run(args: argparse.Namespace) -> None:
    """Check everything and describe the data.

    Raises:
        UserError: all mistakes in the configuration, or else in the data.
    """
    config = configured(args.configs)
    named = runs(config)
    found, masked = checked(config, args.threads)
    index = found.index
    sizes = [found.looks[item.image].size for item in index.items]
    images = _images(config, index, sizes)
    _check_lengths(named, images["train"])
    _check_smallest(named, sizes)
    _check_texts(named, index.class_names)
    check_learnt_masks(named, len({i.image_id for i in index.split(TRAIN)} & set(masked)))
    _check_corrected(named, config, index)
    check_weights(named)
    check_transformers(named, index.num_classes)
    check_checkpoints(named, index.num_classes)
    console = Console(soft_wrap=True, markup=False, emoji=False)
    console.print(f"Data set {config.dataset.name} ({config.dataset.source}): no problem found\n")
    for table in (_splits(index, masked, sizes), _classes(index)):
        console.print(table)
    of_runs = {
        line: None
        for one in named.values()
        for line in (*_of_backbone(one, config), *_of_texts(one, index.class_names))
    }
    for line in (*advice(index, masked, alike(found.thumbnails())), *of_runs):
        console.print(f"Warning: {line}", style="yellow", highlight=False)
    files = words(args.configs)
    console.print(f"Time, memory and disk space: wsss forecast {files}".rstrip(), highlight=False)
    console.print(f"Run it: wsss run {files}".rstrip(), highlight=False)


def _check_corrected(named: Mapping[str, Run], config: Config, index: Index) -> None:
    """Check the corrected masks of all runs; those of tiles only once these are cut.

    Raises:
        UserError: a folder has none, or some that cannot be used.
    """
    folders = {run.segment.corrections(): None for run in named.values()}
    for folder in filter(None, () if config.dataset.tiles else folders):
        found = find_corrections(Path(folder), index.split(TRAIN), index.class_names)
        count = sum(1 for _ in draw_all(found.masks, TRAIN))
        log.info("segment.corrected: %d masks of %s", count, found.tool)


def checked(config: Config, threads: int) -> tuple[Examined, list[str]]:
    """Check the data; return what is known of them, and the ids of images with a mask.

    Raises:
        UserError: all mistakes in the data, or the workflow has not made them yet.
    """
    root, augment = _folders(config)
    dataset = with_augment(config.dataset, augment)
    listing = read(dataset, root)
    evaluated = dataset.evaluates_drawn_masks()
    with TemporaryDirectory() as folder:
        record = Path(folder, RECORD)
        if dataset.labels_from == "masks":
            drawn = _drawn(dataset, root, record)
            found = examine(listing, dataset, threads, read_drawn([record]))
        else:
            found = examine(listing, dataset, threads)
            drawn = _drawn(dataset, root, record) if evaluated else set()
    _check_tiles(dataset, listing, found.index)
    own = [image_id for image_id in found.masks.paths if image_id not in drawn]
    return found, [*own, *(drawn if evaluated else ())]


def _drawn(dataset: Dataset, root: Path | None, record: Path) -> set[str]:
    """Check the masks that are not PNGs, and draw them; return the ids of their images."""
    ids: set[str] = set()
    with LabelWriter(record) as out:
        for split in dataset.splits:
            drawn = drawn_masks(dataset, root, split)
            ids |= set(drawn)
            checked = SOURCES[dataset.source].masks_checked
            if not checked or dataset.labels_from == "masks":
                for image_id, labels in draw_all(drawn, split):
                    out.put(image_id, labels)
    return ids


def _check_tiles(dataset: Dataset, listing: Listing, index: Index) -> None:
    if dataset.tiles:
        tiles = plan_tiles(index, dataset.tiles.size, dataset.tiles.overlap)
        if dataset.tiles.labels:
            read_tile_labels(listing.root / dataset.tiles.labels, listing, tiles)


def _folders(config: Config) -> tuple[Path | None, Path | None]:
    """Return the folders of images and of augmentation masks; None = as the configuration says.

    Raises:
        UserError: the workflow has not made them yet, or the user's archive is missing.
    """
    dataset, extra = config.dataset, fetched_augment(config.dataset)
    if extra and dataset.augment and not Path(dataset.augment).is_file():
        raise UserError(f"dataset.augment: no such file: {dataset.augment}")
    if not (dataset.capabilities.generated or dataset.needs_fetching()):
        return None, None
    # artifact of the workflow
    plan = Plan(config, FileContents(dataset, DIGESTS))
    made = plan.artifact("demo", None) or plan.artifact("fetched", None)
    if made is None or not Path(made.path).is_file():
        done = made.path if made else dataset.name
        raise UserError(f"{done}: not there yet; wsss run with the same files makes it first")
    folder = Path(made.path).parent
    return dataset.data_root(folder), folder / extra if extra else None


def _splits(index: Index, masked: Sequence[str], sizes: Sequence[tuple[int, int]]) -> Table:
    table = plain_table("split", "images", "without class", "with mask", "median size", "largest")
    own = set(masked)
    for split in sorted({item.split for item in index.items}):
        chosen = [(i, s) for i, s in zip(index.items, sizes, strict=True) if i.split == split]
        none = sum(not item.classes for item, _ in chosen)
        seen = sum(item.image_id in own for item, _ in chosen)
        middle = [round(statistics.median(size[axis] for _, size in chosen)) for axis in (1, 0)]
        height, width = max((size for _, size in chosen), key=lambda size: size[0] * size[1])
        shown = (f"{middle[0]} x {middle[1]}", f"{width} x {height}")
        table.add_row(split, str(len(chosen)), str(none), str(seen), *shown)
    return table


def _classes(index: Index) -> Table:
    splits = sorted({item.split for item in index.items})
    table = plain_table(f"classes: {index.num_classes}", *(f"{split} images" for split in splits))
    counts = Counter((item.split, number) for item in index.items for number in item.classes)
    for number, name in enumerate(index.class_names):
        table.add_row(name, *(str(counts[split, number]) for split in splits))
    return table


def _images(config: Config, index: Index, sizes: Sequence[tuple[int, int]]) -> dict[str, _Sizes]:
    """Return (H, W) and the number of classes of every image or tile, by split."""
    tiles = config.dataset.tiles
    images: dict[str, _Sizes] = {"train": [], "val": []}
    for item, size in zip(index.items, sizes, strict=True):
        windows = layout(size, tiles.size, tiles.overlap) if tiles else []
        parts = [(window.height, window.width) for window in windows] or [size]
        images[item.split] += [(part, len(item.classes)) for part in parts]
    return images


def _check_lengths(named: Mapping[str, Run], images: _Sizes) -> None:
    """Raise a UserError if the training of a run has too few steps for its method."""
    found = []
    for name, one in named.items():
        train = one.cam.train
        learnt = train.learnt(len(images))
        for params in one.options().values() if not one.cam.checkpoint else ():
            if wrong := params.length_problem(train.length(learnt), train.begun(learnt)):
                found.append(f"run {name}: {wrong}; lower it, or train longer")
    if found:
        raise UserError("\n".join(found))


def _check_smallest(named: Mapping[str, Run], sizes: Sequence[tuple[int, int]]) -> None:
    """Raise a UserError if images are smaller than the method of a run can do."""
    for name, one in named.items():
        least = max(params.smallest() for params in one.options().values())
        small = sum(min(size) < least for size in sizes)
        if small:
            raise UserError(
                f"run {name}: images with less than {least} pixels on a side, which method "
                f"{one.method} needs: {small}; enlarge them, or leave them out"
            )


def _check_texts(named: Mapping[str, Run], classes: tuple[str, ...]) -> None:
    """Raise a UserError if the texts of a run do not fit the classes."""
    found = []
    for name, one in named.items():
        for params in one.texts():
            if params.text:
                TextFeatures.read(Path(params.text)).check_names(classes, Path(params.text))
            found += [f"run {name}: prompts: {line}" for line in problems(classes, params.prompts)]
    if found:
        raise UserError("\n".join(found))


def _of_backbone(one: Run, config: Config) -> Iterator[str]:
    """Yield the warning about a network that learns real images from nothing."""
    known = BACKBONES.get(one.backbone.name)
    if known and known.from_scratch and config.dataset.source != "demo":
        yield (
            f"backbone.name: {one.backbone.name} starts from random weights and is meant for the "
            "generated demo data; name one with pretrained weights, such as mobilenet_v2"
        )


def _of_texts(one: Run, classes: Sequence[str]) -> Iterator[str]:
    """Yield the warnings about classes whose names a language model does not know."""
    for params in one.texts():
        if not params.text:
            yield from warnings(classes, params.prompts)
