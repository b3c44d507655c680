"""Download PASCAL VOC 2012 and SBD, and unpack archives, so that the other stages read folders.

    VOCdevkit/VOC2012                 with `dataset.download`
    benchmark_RELEASE                 SBD, if the list train_aug must be derived from it
    augment                           the archive in `dataset.augment`
    fetched.json                      checksums of the above; written last

Complete downloads and folders are kept.
"""

import argparse
import json
from pathlib import Path

from wsss.config.dataset import Dataset, fetched_augment
from wsss.config.slices import read_slice
from wsss.data.sources import sbd
from wsss.errors import UserError
from wsss.fetch.archives import is_unpacked, unpack
from wsss.fetch.download import Remote, fetch
from wsss.io.atomic import write_text
from wsss.io.progress import log
from wsss.io.provenance import file_digest
from wsss.stages.options import add_config_argument

# checksums as in torchvision
VOC2012 = Remote(
    "http://host.robots.ox.ac.uk/pascal/VOC/voc2012/VOCtrainval_11-May-2012.tar",
    "6cd6e144f989b92b3379bac3b3de84fd",
    "dataset.root to a VOC2012 folder and download to false",
)
SBD = Remote(
    "https://www2.eecs.berkeley.edu/Research/Projects/CS/vision/grouping/semantic_contours/"
    "benchmark.tgz",
    "82b4d87ceb2ed10f6038a1cba92111cb",
    "dataset.augment to SBD or SegmentationClassAug",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the stage."""
    parser.add_argument("--out", type=Path, required=True, help="fetched.json to write")
    add_config_argument(parser)


def run(args: argparse.Namespace) -> None:
    """Download and unpack into the folder of `--out`.

    Raises:
        UserError: the network, a checksum, an archive or the disk fails; the same command resumes.
    """
    dataset: Dataset = read_slice(args.config).dataset
    folder: Path = args.out.parent
    found: dict[str, str] = {}
    if dataset.download:
        found["VOCdevkit"] = _downloaded(VOC2012, folder / "VOCdevkit")
        if not (folder / "VOCdevkit/VOC2012/JPEGImages").is_dir():
            raise UserError(f"{folder / 'VOCdevkit'}: holds no VOC2012/JPEGImages")
    name = fetched_augment(dataset)
    if name:
        own = dataset.augment
        unpacked = folder / name
        found[name] = _unpacked(Path(own), unpacked) if own else _downloaded(SBD, unpacked)
        log.info("%s: %d masks", name, len(sbd.find(unpacked).files))
    write_text(args.out, json.dumps(found, indent=2) + "\n")


def _downloaded(remote: Remote, folder: Path) -> str:
    """Download and unpack an archive; return its checksum."""
    stamp = f"md5:{remote.md5}"
    if not is_unpacked(folder, stamp):
        unpack(fetch(remote, folder.parent), folder, stamp)
    return stamp


def _unpacked(archive: Path, folder: Path) -> str:
    """Unpack an archive of the user; return its checksum."""
    if not archive.is_file():
        raise UserError(f"dataset.augment: no such file: {archive}")
    stamp = f"sha256:{file_digest(archive)}"
    unpack(archive, folder, stamp)
    return stamp
