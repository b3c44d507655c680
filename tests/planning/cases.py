"""Fingerprints to plan for."""

from dataclasses import replace

from wsss.planning.fingerprint import Fingerprint, Part, Spread
from wsss.planning.hardware import Hardware

LAPTOP = Hardware(2, 16_000_000_000, (), 0, "3.11", "2.6")
GPU = replace(LAPTOP, cores=16, gpus=("H100",), gpu_memory=80_000_000_000)
OWN = {"dataset": {"name": "pets", "source": "csv", "root": "."}}
"""The least configuration of a user."""


def side(length):
    return Spread(length, length, length, length, length)


def facts(train=240, long=500, hardware=LAPTOP, **changes):
    """The fingerprint of photographs with sides of 4 to 3."""
    short = long * 3 // 4
    found = Fingerprint(
        name="pets",
        data="0" * 16,
        splits={"train": Part(train, 0, 0), "val": Part(60, 0, 0)},
        classes={"cat": {"train": train, "val": 60}},
        together={},
        never_apart=[],
        never_without=[],
        without_negatives=[],
        long_side=side(long),
        short_side=side(short),
        megapixels=long * short / 1e6,
        copies=[],
        alike=[],
        unusual={},
        hardware=hardware,
    )
    return replace(found, **changes)
