"""Training step: the project's loop beside a bare loop of PyTorch with the same losses."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from time import process_time

import torch
from torch import Tensor
from torch.optim import SGD
from torch.utils.data import DataLoader

from benchmarks.row import Row
from wsss import methods
from wsss.config.segmenter import SegmenterTrain
from wsss.data.loaders import EpochSampler
from wsss.data.pixels import network_input
from wsss.data.sets.samples import Samples
from wsss.engine.checkpoint import Resume
from wsss.engine.fabric import make_fabric
from wsss.engine.fit import fit
from wsss.engine.loggers import EventLog
from wsss.nn.backbones import build
from wsss.nn.task import Progress, Task

CLASSES, BATCH, LR = 20, 8, 0.01
NETWORKS = {"tiny": (64, 60), "mobilenet_v2": (64, 40)}
"""Backbone -> side of the crop and number of steps."""
TIMES = 8


class _Images(Samples):
    """Images in memory, so that only the loop is measured; notes the time of every step."""

    def __init__(self, crop: int) -> None:
        super().__init__([], crop, (0, 0, 0, 0), 0)
        generator = torch.Generator().manual_seed(0)
        shape = (BATCH, 3, crop, crop)
        self.images = torch.randint(256, shape, dtype=torch.uint8, generator=generator)
        self.labels = (torch.rand(BATCH, CLASSES, generator=generator) < 0.1).float()
        self.seconds: list[float] = []

    def __len__(self) -> int:
        return BATCH

    def __getitem__(self, place: tuple[int, int]) -> dict[str, Tensor]:
        if len(self.seconds) <= place[0]:
            self.seconds.append(process_time())
        return {"image": self.images[place[1]], "label": self.labels[place[1]]}

    def take(self) -> float:
        """Return the seconds per step so far, without the first steps, and forget them."""
        seconds, self.seconds = self.seconds[5:], []
        return (seconds[-1] - seconds[0]) / (len(seconds) - 1)


def rows() -> Iterator[Row]:
    """Yield a row for each network."""
    for name, (crop, steps) in NETWORKS.items():
        images = _Images(crop)
        plain, ours, equal = [], [], True
        for _ in range(TIMES):
            expected = _bare(name, images, steps)
            plain.append(images.take())
            found = _project(name, images, steps)
            ours.append(images.take())
            equal &= torch.equal(found, expected)
        agreement = "weights equal to the bit" if equal else "weights differ"
        workload = f"training step, {name}, crop {crop}, batch {BATCH}"
        yield Row(workload, median(plain), median(ours), 1 / 1.03, agreement)


def _bare(name: str, images: _Images, steps: int) -> Tensor:
    """Train with nothing but the steps; return the weights."""
    task = _task(name)
    optimizer = SGD([p for p in task.parameters() if p.requires_grad], lr=LR, momentum=0.9)
    torch.manual_seed(0)
    task.train()
    sampler = EpochSampler(BATCH, [BATCH] * steps, 0)
    loader = DataLoader(images, batch_sampler=sampler, generator=torch.Generator())
    for step, batch in enumerate(loader):
        optimizer.zero_grad()
        losses = task(network_input(batch), Progress(step, steps, step))
        losses["net"]["cls"].backward()
        optimizer.step()
    return _weights(task)


def _project(name: str, images: _Images, steps: int) -> Tensor:
    """Train as the stages do, with history and TensorBoard."""
    task = _task(name)
    settings = SegmenterTrain(
        steps=steps,
        batch_size=BATCH,
        optimizer="sgd",
        lr=LR,
        head_lr_factor=1,
        bias_lr_factor=1,
        momentum=0.9,
        weight_decay=0,
        poly_power=0,
    )
    with tempfile.TemporaryDirectory() as name_:
        folder = Path(name_)
        fabric = make_fabric("32-true", 1, [EventLog(folder / "tensorboard")])
        resume = Resume(folder, "benchmark")
        fit(fabric, task, images, settings, 0, resume, folder / "history.csv")
    return _weights(task)


def _task(name: str) -> Task:
    torch.manual_seed(0)
    params = {"psa": methods.get("psa").Params()}
    return methods.make("psa", build(name), CLASSES, params)


def _weights(task: Task) -> Tensor:
    return torch.cat([p.detach().flatten() for p in task.parameters()])
