"""Measure a GPU and write the table: python -m benchmarks.gpu [--out FILE]; less than 5 minutes."""

import argparse
import platform
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import torch

from benchmarks.gpu import inference, training
from benchmarks.gpu.measure import HEADER, SMALL, VOC, Lab, Line

OUT = Path(__file__).parents[1] / "results-gpu.md"
LIMIT = 270.0
"""Seconds after which nothing more is begun."""

Section = Callable[[Lab], Iterator[Line | str]]

SECTIONS: dict[str, Section] = {
    "classifier": training.classifier,
    "cam": inference.cam,
    "crf": inference.crf,
    "affinity": training.affinity,
    "walk": inference.walk,
    "segmenter": inference.segmenter,
    "checkpoint": training.checkpoint,
}
"""The work, the most important first."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run all sections; return 2 without a GPU, 1 if one of them failed."""
    parser = argparse.ArgumentParser("python -m benchmarks.gpu", description=__doc__)
    parser.add_argument("--out", type=Path, default=OUT, help="table to write")
    # for the test of this script
    parser.add_argument("--device", default="cuda", help=argparse.SUPPRESS)
    parser.add_argument("--small", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args(arguments)
    if args.device == "cuda" and not torch.cuda.is_available():
        sys.stderr.write("no CUDA device: this benchmark needs a GPU\n")
        return 2
    lab = Lab(torch.device(args.device), SMALL if args.small else VOC)
    lines, notes, failed = [], [], []
    started = time.monotonic()
    for name, section in SECTIONS.items():
        for found in _guarded(name, section, lab, started):
            sys.stdout.write(f"{found}\n")
            sys.stdout.flush()
            (lines if isinstance(found, Line) else notes).append(str(found))
            if isinstance(found, _Failure):
                failed.append(name)
        args.out.write_text("\n".join([*_title(lab), *lines, "", *notes, ""]), encoding="utf-8")
    return 1 if failed else 0


class _Failure(str):
    """A note on a section that failed."""

    __slots__ = ()


def _guarded(name: str, section: Section, lab: Lab, started: float) -> Iterator[Line | str]:
    """Yield what a section yields until the time is over or it fails."""
    found = section(lab)
    try:
        while time.monotonic() - started < LIMIT:
            line = next(found, None)
            if line is None:
                return
            yield line
        yield f"\n{name}: not measured to its end, the time was over."
    except Exception as error:  # one section must not cost the others
        traceback.print_exc()
        yield _Failure(f"\n{name}: failed, {type(error).__name__}.")
    finally:
        found.close()
        lab.forget()


def _title(lab: Lab) -> list[str]:
    on_gpu = lab.device.type == "cuda"
    card = torch.cuda.get_device_name() if on_gpu else platform.machine()
    versions = f"PyTorch {torch.__version__}, Python {platform.python_version()}"
    return [f"{card}, {versions}.", "", HEADER]


if __name__ == "__main__":
    sys.exit(main())
