"""Planning stays quick for data sets of many images in many jobs."""

import os
import re
import resource
import time

import pytest
from PIL import Image

pytestmark = [pytest.mark.workflow, pytest.mark.slow, pytest.mark.xdist_group("documentation")]

IMAGES, JOBS = 20_000, 256
LIMIT = 20
"""Seconds of computing for the first plan, of 100,000 images, too."""


def fill(folder):
    """A table of labels of many images that are one file on disk."""
    (folder / "images").mkdir(parents=True)
    first = folder / "images/0.png"
    Image.new("RGB", (4, 3)).save(first)
    rows = ["image,split,labels", "images/0.png,train,cat"]
    for number in range(1, IMAGES):
        os.link(first, folder / f"images/{number}.png")
        rows.append(f"images/{number}.png,{'train' if number % 10 else 'val'},cat")
    (folder / "labels.csv").write_text("\n".join(rows))


def used():
    """Seconds that finished children computed; waiting for other processes does not count."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def test_many_images_in_many_jobs_are_planned_in_seconds(fresh):
    fill(fresh.folder / "many")
    fresh.yaml(
        "many.yaml", {"jobs": JOBS, "dataset": {"source": "csv", "root": "many", "name": "micro"}}
    )
    before, began = used(), time.monotonic()
    output = fresh.run(
        *("snakemake", "--cores", "2", "--dry-run", "--configfile", "many.yaml"),
    )
    assert re.search(rf"^infer_segmenter +{JOBS}$", output, re.MULTILINE), output[-2000:]
    assert used() - before < LIMIT, f"{time.monotonic() - began:.0f} s on the clock"
