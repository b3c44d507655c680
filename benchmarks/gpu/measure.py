"""Lines of the table of a GPU, and how their numbers are measured."""

import gc
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import isnan, nan
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile

KERNELS = 8
"""Kernels that a profile lists."""

HEADER = """\
| workload | how | images/s | ratio | peak memory | agreement |
|---|---|---|---|---|---|"""


@dataclass(frozen=True)
class Sizes:
    """Sizes of the workloads.

    Attributes:
        backbone: of classifier and AffinityNet.
        crop: side of the crops of the trainings.
        batches: images per step.
        steps: steps of a training that are measured.
        photo: height and width of the photographs.
        images: photographs of a batch of the CRF.
        scales: of the class activation maps.
        segmenters: name, backbone, output stride and scales of each.
        grid: height and width of the walk, cells.
        seconds: least time of a measurement.
    """

    backbone: str
    crop: int
    batches: tuple[int, ...]
    steps: int
    photo: tuple[int, int]
    images: int
    scales: tuple[float, ...]
    segmenters: tuple[tuple[str, str, int | None, tuple[float, ...]], ...]
    grid: tuple[int, int]
    seconds: float


VOC = Sizes(
    backbone="resnet38d",
    crop=448,
    batches=(8, 16),
    steps=10,
    photo=(375, 500),
    images=8,
    scales=(0.5, 1.0, 1.5, 2.0),
    segmenters=(
        ("deeplab_v3plus", "resnet101", 16, (0.75, 1.0, 1.25)),
        ("deeplab_v2", "resnet101_caffe", 8, (1.0,)),
    ),
    grid=(47, 63),
    seconds=2.0,
)

SMALL = Sizes(
    backbone="tiny",
    crop=88,
    batches=(2,),
    steps=2,
    photo=(48, 64),
    images=2,
    scales=(0.5, 1.0),
    segmenters=(("deeplab_v3plus", "tiny", None, (1.0,)),),
    grid=(9, 12),
    seconds=0.0,
)


@dataclass(frozen=True)
class Lab:
    """A device and the sizes of what is run on it."""

    device: torch.device
    sizes: Sizes

    def wait(self) -> None:
        """Wait until the device has done all its work."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def forget(self) -> None:
        """Give memory that is not used back to the device, and measure its peak anew."""
        gc.collect()
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats(self.device)

    def peak(self) -> float:
        """Return the peak memory since `forget` in GiB; nan on the CPU."""
        on_gpu = self.device.type == "cuda"
        return torch.cuda.max_memory_allocated(self.device) / 2**30 if on_gpu else nan


@dataclass(frozen=True)
class Speed:
    """Images per second and the peak memory in GiB."""

    rate: float
    memory: float


@dataclass(frozen=True)
class Line:
    """One way to do a workload.

    Attributes:
        workload: the work.
        how: the way.
        speed: its speed and memory.
        first: speed of the first way of the workload, that of the originals.
        agreement: how far its output is from that of the first.
    """

    workload: str
    how: str
    speed: Speed
    first: Speed
    agreement: str = "-"

    def __str__(self) -> str:
        memory = "-" if isnan(self.speed.memory) else f"{self.speed.memory:.2f} GiB"
        ratio = self.speed.rate / self.first.rate
        cells = (f"{self.speed.rate:.3g}", f"{ratio:.3g} x", memory, self.agreement)
        return f"| {' | '.join((self.workload, self.how, *cells))} |"


def speed(lab: Lab, function: Callable[[], object], images: int = 1) -> Speed:
    """Return the speed of a function that works on so many images; its first call is left out."""
    lab.forget()
    function()
    lab.wait()
    start, calls = time.perf_counter(), 0
    while not calls or time.perf_counter() - start < lab.sizes.seconds:
        function()
        lab.wait()
        calls += 1
    return Speed(calls * images / (time.perf_counter() - start), lab.peak())


@contextmanager
def full_precision(tf32: bool = False) -> Iterator[None]:
    """Compute in 32 bits, or with TF32."""
    cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul
    before = cudnn.allow_tf32, matmul.allow_tf32
    cudnn.allow_tf32 = matmul.allow_tf32 = tf32
    try:
        yield
    finally:
        cudnn.allow_tf32, matmul.allow_tf32 = before


def half_precision(device: torch.device) -> Any:  # noqa: ANN401
    """Return the context that computes in bfloat16."""
    return torch.autocast(device.type, torch.bfloat16)


def profiler(lab: Lab) -> profile:
    """Return a profiler of the device that has not begun."""
    on_gpu = lab.device.type == "cuda"
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if on_gpu else [])]
    return profile(activities=activities)


def kernels(lab: Lab, title: str, found: profile, times: int) -> Iterable[str]:
    """Yield the lines of a list of the kernels that take the most time of `times` equal parts."""
    key = f"self_{'device' if lab.device.type == 'cuda' else 'cpu'}_time_total"
    events = [event for event in found.key_averages() if getattr(event, key) > 0]
    if lab.device.type == "cuda":
        # time of the device only, without that of the calls which started it
        events = [event for event in events if event.device_type.name == "CUDA"]
        events = [event for event in events if not event.is_user_annotation]
    total = sum(getattr(event, key) for event in events)
    yield f"\n{title}: {total / times / 1000:.3g} ms\n"
    yield "| kernel | share | ms | calls |\n|---|---|---|---|"
    for event in sorted(events, key=lambda e: getattr(e, key), reverse=True)[:KERNELS]:
        own = getattr(event, key)
        name = event.key.replace("|", "/")[:90]
        share, calls = own / total, event.count / times
        yield f"| `{name}` | {share:.1%} | {own / times / 1000:.3g} | {calls:.3g} |"
