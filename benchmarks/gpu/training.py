"""Trainings on a GPU: a plain loop in 32 bits beside the project's own."""

import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor
from torch.optim import SGD
from torch.profiler import profile

from benchmarks.affinity_loss import gathered_loss, shifted_loss
from benchmarks.gpu.measure import Lab, Line, Speed, full_precision, kernels, profiler, speed
from wsss import methods
from wsss.config.training import Train
from wsss.data.pixels import network_input
from wsss.data.sets.samples import Samples
from wsss.engine.checkpoint import Resume
from wsss.engine.early_stopping import Stopping
from wsss.engine.evaluation import Evaluation
from wsss.engine.fabric import make_fabric
from wsss.engine.fit import fit
from wsss.engine.history import LossTable
from wsss.engine.losses import StepLosses
from wsss.engine.optim import make_optimizer, param_groups
from wsss.engine.state import State
from wsss.nn.affinitynet import AffinityNet
from wsss.nn.backbones import build
from wsss.nn.task import Batch, Losses, Progress, Task
from wsss.tasks.affinity import AffinityTask

CLASSES, LR, WARM = 20, 1e-4, 3
"""Classes, learning rate, and steps before the measured ones."""

Made = Callable[[], Task]


class Stopwatch:
    """Seconds and waits between two steps of a training, with a profile of them if asked for."""

    def __init__(self, lab: Lab, found: profile | None = None) -> None:
        self._lab, self._profile = lab, found
        self._noted = ExitStack()
        self.seconds = self.memory = 0.0
        self.waits: list[str] = []

    def at(self, step: int) -> None:
        """Start at the step after the warm ones, stop `steps` later."""
        if step == WARM:
            self._start()
        elif step == WARM + self._lab.sizes.steps:
            self._stop()

    def _start(self) -> None:
        self._lab.wait()
        self._lab.forget()
        if self._profile:
            self._profile.start()
        elif self._lab.device.type == "cuda":
            # counts the waits; they are no mistake of the training
            self._caught = self._noted.enter_context(warnings.catch_warnings(record=True))
            warnings.simplefilter("always")
            torch.cuda.set_sync_debug_mode("warn")
        self.seconds = -time.perf_counter()

    def _stop(self) -> None:
        if self._lab.device.type == "cuda" and not self._profile:
            torch.cuda.set_sync_debug_mode("default")
            self.waits = [f"{Path(w.filename).name}:{w.lineno}" for w in self._caught]
        self._noted.close()
        self._lab.wait()
        self.seconds += time.perf_counter()
        if self._profile:
            self._profile.stop()
        self.memory = self._lab.peak()

    def speed(self, batch: int) -> Speed:
        """Return the speed between the two steps."""
        return Speed(batch * self._lab.sizes.steps / self.seconds, self.memory)


class InMemory(Samples):
    """A batch in memory, the same in every epoch, which is one step."""

    def __init__(self, batch: Batch, clock: Stopwatch) -> None:
        super().__init__([], batch["image"].shape[-1], (0, 0, 0, 0), 0)
        self._batch, self._clock, self._step = batch, clock, -1

    def __len__(self) -> int:
        return len(self._batch["image"])

    def __getitem__(self, place: tuple[int, int]) -> Batch:
        if place[0] != self._step:
            self._step = place[0]
            self._clock.at(self._step)
        return {name: values[place[1]] for name, values in self._batch.items()}


def classifier(lab: Lab) -> Iterator[Line | str]:
    """Yield the lines of a step of PSA's classifier, and its kernels."""
    made = partial(_classifier, lab)
    for size in lab.sizes.batches:
        batch = _labelled(lab, size)
        yield from _steps(lab, f"classifier's step, batch {size}", made, made, batch)
    batch = _labelled(lab, lab.sizes.batches[-1])
    found = profiler(lab)
    _project(lab, made, batch, "bf16-mixed", channels_last=False, found=found)
    title = f"a step of the classifier, batch {lab.sizes.batches[-1]}, bf16-mixed"
    yield from kernels(lab, title, found, lab.sizes.steps)


def affinity(lab: Lab) -> Iterator[Line | str]:
    """Yield the lines of the loss of AffinityNet, and of a step of its training."""
    side, size = lab.sizes.crop // 8, lab.sizes.batches[0]
    features = torch.randn(size, 448, side, side, device=lab.device, requires_grad=True)
    label = _cells(size, side).to(lab.device)

    def gradient(loss: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
        (found,) = torch.autograd.grad(loss(features, label), features)
        return found

    published, ours = gradient(gathered_loss), gradient(shifted_loss)
    worst = float((published - ours).abs().max() / published.abs().max())
    name = f"affinity loss, forward and backward, batch {size}"
    first = speed(lab, lambda: gradient(gathered_loss), size)
    yield Line(name, "index_select", first, first)
    found = speed(lab, lambda: gradient(shifted_loss), size)
    yield Line(name, "ours", found, first, f"gradients {worst:.0e} of the largest")
    batch = {"image": _pixels(lab, size), "label": _cells(size, side)}
    plain, own = partial(_affinity, lab, _Gathered), partial(_affinity, lab, AffinityTask)
    yield from _steps(lab, f"AffinityNet's step, batch {size}", plain, own, batch)


def checkpoint(lab: Lab) -> Iterator[Line | str]:
    """Yield the time that a checkpoint of the classifier's training takes."""
    batch = _labelled(lab, lab.sizes.batches[0])
    with tempfile.TemporaryDirectory() as name:
        fabric = make_fabric("32-true", torch.get_num_threads())
        task, optimizer = _ready(lab, partial(_classifier, lab))
        _step(task, optimizer, _moved(lab, network_input(batch)), 0)
        losses = StepLosses(fabric, LossTable(1))
        evaluated = partial(Evaluation, fabric, task, losses, lab.sizes.batches[0], 0)
        stopping = Stopping(fabric, task, None, evaluated)
        state = State(fabric, task, {"net": optimizer}, losses, stopping)
        resume = Resume(Path(name), "benchmark")
        start = time.perf_counter()
        resume.save(**state.content(1))
        seconds = time.perf_counter() - start
        size = sum(file.stat().st_size for file in Path(name).iterdir()) / 1e6
    yield f"\nCheckpoint of the classifier's training: {size:.0f} MB in {seconds:.2f} s."


def _steps(lab: Lab, name: str, plain: Made, own: Made, batch: Batch) -> Iterator[Line | str]:
    size = len(batch["image"])
    with full_precision():
        first, expected = _plain(lab, plain, batch)
    yield Line(name, "plain loop, 32 bits", first, first)
    with full_precision(tf32=True):
        found, loss = _plain(lab, plain, batch)
    yield Line(name, "plain loop, TF32", found, first, _losses(expected, loss))
    for how, precision, last in (
        ("ours, 32-true", "32-true", False),
        ("ours, bf16-mixed", "bf16-mixed", False),
        ("ours, bf16-mixed, channels last", "bf16-mixed", True),
    ):
        clock, loss = _project(lab, own, batch, precision, last)
        waits = f"{len(clock.waits)} waits {' '.join(sorted(set(clock.waits)))}".strip()
        yield Line(name, how, clock.speed(size), first, f"{_losses(expected, loss)}; {waits}")


def _losses(expected: float, found: float) -> str:
    return (
        f"first loss {found:.5f}, not {expected:.5f}" if found != expected else "first loss equal"
    )


def _plain(lab: Lab, made: Made, batch: Batch) -> tuple[Speed, float]:
    """Train with nothing but the steps; return the speed and the first loss.

    As the originals: pixels travel as 32-bit numbers, and the loss is read in every step.
    """
    task, optimizer = _ready(lab, made)
    given = network_input(batch)
    if lab.device.type == "cuda":
        given = {name: values.pin_memory() for name, values in given.items()}
    clock, losses = Stopwatch(lab), []
    for step in range(WARM + lab.sizes.steps + 1):
        clock.at(step)
        losses.append(_step(task, optimizer, _moved(lab, given), step))
    return clock.speed(len(batch["image"])), losses[0]


def _ready(lab: Lab, made: Made) -> tuple[Task, SGD]:
    task = made().to(lab.device).train()
    groups = param_groups(task.net, task.from_scratch(), LR, 10, 5e-4)
    torch.manual_seed(0)
    optimizer = make_optimizer("sgd", groups, 0.9)
    assert isinstance(optimizer, SGD)
    return task, optimizer


def _moved(lab: Lab, batch: Batch) -> Batch:
    return {name: values.to(lab.device, non_blocking=True) for name, values in batch.items()}


def _step(task: Task, optimizer: SGD, batch: Batch, step: int) -> float:
    optimizer.zero_grad()
    named = task(batch, Progress(step, step + 1, step))["net"]
    loss = torch.stack(list(named.values())).sum()
    loss.backward()
    optimizer.step()
    return loss.item()


def _project(
    lab: Lab,
    made: Made,
    batch: Batch,
    precision: str,
    channels_last: bool,
    found: profile | None = None,
) -> tuple[Stopwatch, float]:
    """Train as the stages do; return the stopwatch and the first loss."""
    task, clock = made(), Stopwatch(lab, found)
    if channels_last:
        task = task.to(memory_format=torch.channels_last)
    steps = WARM + lab.sizes.steps + 1
    size, side = len(batch["image"]), batch["image"].shape[-1]
    train = Train(epochs=steps, batch_size=size, lr=LR, crop=side, precision=precision)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fabric = make_fabric(train.precision, torch.get_num_threads())
        history = folder / "history.csv"
        samples = InMemory(batch, clock)
        fit(fabric, task, samples, train, 0, Resume(folder, "benchmark"), history)
        losses = pd.read_csv(history, nrows=1, comment="#").filter(like="net/")
    return clock, float(losses.iloc[0].sum())


def _classifier(lab: Lab) -> Task:
    torch.manual_seed(0)
    params = {"psa": methods.get("psa").Params()}
    return methods.make("psa", build(lab.sizes.backbone), CLASSES, params)


def _affinity(lab: Lab, kind: type[AffinityTask]) -> Task:
    torch.manual_seed(0)
    return kind(AffinityNet(build(lab.sizes.backbone)))


class _Gathered(AffinityTask):
    """Training of AffinityNet with the loss of the originals."""

    def forward(self, batch: Batch, progress: Progress) -> Losses:  # noqa: ARG002
        features = self.net.features(batch["image"])
        return {"net": {"loss": gathered_loss(features, batch["label"])}}


def _labelled(lab: Lab, size: int) -> Batch:
    """Return a batch of noise with image labels."""
    labels = torch.rand(size, CLASSES, generator=torch.Generator().manual_seed(0)) < 0.1
    return {"image": _pixels(lab, size), "label": labels.float()}


def _pixels(lab: Lab, size: int) -> Tensor:
    shape = (size, 3, lab.sizes.crop, lab.sizes.crop)
    generator = torch.Generator().manual_seed(0)
    return torch.randint(256, shape, dtype=torch.uint8, generator=generator)


def _cells(size: int, side: int) -> Tensor:
    """Return labels of cells: background, two classes, ignored."""
    values = torch.tensor([0, 1, 2, 255], dtype=torch.uint8)
    return values[torch.randint(4, (size, side, side), generator=torch.Generator().manual_seed(0))]
