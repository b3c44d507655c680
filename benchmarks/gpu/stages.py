"""Stages of the project on photographs that are made for it, from files to files."""

import argparse
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np
from PIL import Image
from torch import nn

from benchmarks.gpu.measure import Lab, Speed
from benchmarks.made import photograph
from wsss.config.model import Run
from wsss.config.slices import slice_json
from wsss.engine.checkpoint import save_model
from wsss.io.images import read_item
from wsss.io.index import Index, Item
from wsss.io.provenance import bytes_digest

FEW, MANY = "val", "train"
"""Splits with few and with many images: their difference is free of what a job costs to start."""


@dataclass(frozen=True)
class Data:
    """A data set of photographs with two classes each.

    Attributes:
        lab: the device.
        folder: where the files lie.
        index: the images; those of `MANY` are others than those of `FEW`.
        classes: names of the classes.
    """

    lab: Lab
    folder: Path
    index: Index
    classes: tuple[str, ...]

    @property
    def image(self) -> np.ndarray:
        """Pixels (H, W, 3) uint8 of the first image of `MANY`."""
        return read_item(self.first)

    @property
    def first(self) -> Item:
        """First image of `MANY`."""
        return self.index.split(MANY)[0]

    def save(self, net: nn.Module, kind: str, **meta: object) -> Path:
        """Write the weights of a network as a training does."""
        path = self.folder / f"{kind}.pt"
        save_model(path, net, kind, **meta)
        return path

    def run(
        self, stage: ModuleType, config: dict[str, object], **files: Path
    ) -> tuple[Speed, Path]:
        """Run a stage twice on few and once on many images.

        Args:
            stage: its module.
            config: keys that differ from their defaults.
            **files: further options and their files; FEW and MANY in a name are filled in.

        Returns:
            The speed, of reading and writing, too; and the record of `MANY`.
        """
        name = stage.__name__.rpartition(".")[2]
        known = slice_json(name, Run.model_validate(config))
        parser = argparse.ArgumentParser()
        stage.add_arguments(parser)
        # beside a GPU they read ahead; on a CPU they would compute
        threads = min(8, os.cpu_count() or 1) if self.lab.device.type == "cuda" else 1
        seconds = {}
        for split in (FEW, FEW, MANY):
            options = {"index": self.folder / "index.tsv", "split": split, "config": known}
            options |= {"threads": threads, "out": self.record(name, split)}
            options |= {key: str(file).replace(MANY, split) for key, file in files.items()}
            given = [text for key, value in options.items() for text in (f"--{key}", str(value))]
            if split == MANY:
                self.lab.forget()
            start = time.perf_counter()
            stage.run(parser.parse_args(given))
            seconds[split] = time.perf_counter() - start
        more = len(self.index.split(MANY)) - len(self.index.split(FEW))
        # nothing but noise in a tiny run
        spent = max(seconds[MANY] - seconds[FEW], 1e-3)
        return Speed(more / spent, self.lab.peak()), self.record(name, MANY)

    def record(self, stage: str, split: str) -> Path:
        """Return the record that a stage writes for a split."""
        return self.folder / f"{stage}-{split}.tsv"


@contextmanager
def data(lab: Lab, classes: int, present: tuple[int, ...]) -> Iterator[Data]:
    """Write photographs and their index into a temporary folder."""
    with tempfile.TemporaryDirectory() as name:
        folder, few = Path(name), lab.sizes.images
        items = []
        for number in range(6 * few):
            split = FEW if number < few else MANY
            path = folder / f"{number}.jpg"
            Image.fromarray(photograph(number, lab.sizes.photo)).save(path, quality=90)
            digest = bytes_digest(path.read_bytes())
            items.append(Item(str(number), split, path, digest, present))
        index = Index(tuple(f"class{number}" for number in range(classes)), tuple(items))
        index.write(folder / "index.tsv")
        yield Data(lab, folder, index, index.class_names)
