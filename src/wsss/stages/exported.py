"""The masks that an export takes: files, those of a run, or those of a queue."""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from wsss import runnames
from wsss.config.files import merged
from wsss.config.resolve import load, runs
from wsss.data.photos import find_photos
from wsss.errors import UserError, first_of
from wsss.export.label_maps import LabelMaps, index_of, open_label_maps
from wsss.io.index import Index
from wsss.io.labels import RECORD
from wsss.io.queue import read_queue
from wsss.pipeline import PRODUCTS
from wsss.plan.links import DESCRIPTION
from wsss.products import SPLITS, TRAIN
from wsss.stages.options import integer, number


@dataclass(frozen=True)
class Source:
    """Label maps and the files of their images.

    Attributes:
        labels: commit records, or folders that hold one.
        index: tables of the images; empty = those of the run that the masks are in, else classes
            are read from `classes.txt`.
        images: folder of the images, instead of an index.
        ids: images to export, in their order; None = all.
        least: share of an image that a region has to cover.
    """

    labels: Sequence[Path]
    index: Sequence[Path]
    images: Path | None
    ids: Sequence[str] | None = None
    least: float = 0.0

    @classmethod
    def of(cls, args: argparse.Namespace) -> "Source":
        """Return the source that the options of a format name.

        Raises:
            UserError: the run or the queue has no masks, or there is no queue to take the first of.
        """
        if args.first and not args.queue:
            raise UserError("--first: needs --queue, whose first images it takes")
        labels, ids = args.labels or (), None
        if args.run:
            labels = [masks_of(run_folder(args.run), args.split)]
        if args.queue:
            rows = read_queue(args.queue)[: args.first]
            labels = list(dict.fromkeys(mask.parent for _, mask in rows))
            ids = [image_id for image_id, _ in rows]
        return cls(labels, args.index, args.images, ids, getattr(args, "min_region", 0.0))

    def open(self) -> LabelMaps:
        """Open the label maps.

        Raises:
            UserError: both `index` and `images` are given, or as in `open_label_maps`.
        """
        if self.index and self.images:
            raise UserError("--images: the table of --index names the images; leave one out")
        index = self.index or ([] if self.images else index_of(self.labels))
        label_maps = open_label_maps(self.labels, index, None if index else self.image_files())
        if self.ids is not None:
            label_maps = label_maps.select(self.ids, "the queue")
        return label_maps.without_strays(self.least) if self.least else label_maps

    def image_files(self) -> Mapping[str, Path] | None:
        """Image files by image id; None without `index` and `images`."""
        if self.index:
            return {item.image_id: item.image for item in Index.read(*self.index).items}
        if self.images is None:
            return None
        # a folder of masks below the images is left out
        folders = [path if path.is_dir() else path.parent for path in self.labels]
        inside = [path for path in folders if self.images.resolve() in path.resolve().parents]
        photos = find_photos(self.images, inside[0] if inside else self.images / RECORD)
        return {photo.image_id: photo.path for photo in photos}


def run_folder(path: Path) -> Path:
    """Return the folder of a run: itself, the only run of a data set, or that of a configuration.

    Raises:
        UserError: there is no run, or several; names them.
    """
    if path.is_file():
        config = load(merged([path]))
        names = [name for name in runs(config) if runnames.main(name) == name]
        folders = [Path(config.results, config.dataset.name, name) for name in names]
    else:
        found = sorted(path.glob(DESCRIPTION)) or sorted(path.glob(f"*/{DESCRIPTION}"))
        folders = [file.parent for file in found]
    if len(folders) == 1:
        return folders[0]
    if folders:
        raise UserError(f"--run {path}: name one of its runs: {first_of([*map(str, folders)])}")
    raise UserError(f"--run {path}: neither the folder of a run (results/pets/psa) nor a YAML file")


def masks_of(run: Path, split: str) -> Path:
    """Return the folder of the last masks of a split that a run has made.

    Raises:
        UserError: it has none.
    """
    for row in reversed(PRODUCTS):
        folder = run / row.place / split
        if row.kind == "labels" and row.evaluated and (folder / RECORD).is_file():
            return folder
    raise UserError(f"{run}: no masks of {split}; wsss status says what is not made yet")


def add_mask_options(parser: argparse.ArgumentParser, required: bool = True) -> None:
    """Add the options that name the masks and the output."""
    source = parser.add_mutually_exclusive_group(required=required)
    source.add_argument(
        "--labels",
        type=Path,
        nargs="+",
        help=f"masks: a commit record {RECORD}, or the folder of masks that holds it",
    )
    source.add_argument(
        "--run", type=Path, help="folder of a run, or its configuration: its last masks"
    )
    source.add_argument(
        "--queue", type=Path, help="table of wsss review: the masks of these images"
    )
    parser.add_argument(
        "--split", choices=SPLITS, default=TRAIN, help="split of --run; default train"
    )
    parser.add_argument("--first", type=integer(1), help="take the first images of --queue alone")
    parser.add_argument("--index", type=Path, nargs="+", default=[], help="tables of their images")
    parser.add_argument("--images", type=Path, help="folder of the images, if there is no table")
    parser.add_argument("--out", type=Path, required=required, help="file or folder to write")


def add_cleaning_option(parser: argparse.ArgumentParser) -> None:
    """Add the option that cleans masks."""
    parser.add_argument(
        "--min-region",
        type=number(0, 1),
        default=0.0,
        help="share of the image, such as 0.001; smaller regions take the label around them",
    )
