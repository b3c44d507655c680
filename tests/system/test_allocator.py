import os
import platform
import subprocess
import sys

import pytest

LAYERS = """
import resource
import numpy as np
from wsss.system.allocator import keep_freed
keep_freed()
for layer in range(11):
    np.ones(2**23)
    if layer == 0:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""
PAGES = 10 * 2**26 // os.sysconf("SC_PAGE_SIZE")
"""Pages of the ten arrays of 64 MiB after the first."""


def faults(environment):
    command = [sys.executable, "-c", LAYERS]
    job = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return int(job.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="options of glibc")
@pytest.mark.parametrize(
    ("own", "kept"), [({}, True), ({"MALLOC_MMAP_THRESHOLD_": "1000000"}, False)]
)
def test_large_arrays_get_the_pages_of_freed_ones(own, kept):
    plain = {key: value for key, value in os.environ.items() if not key.startswith("MALLOC_")}
    # numpy asks for huge pages, where the system has any
    found = faults(plain | {"NUMPY_MADVISE_HUGEPAGE": "0"} | own)
    assert (found < PAGES / 100) == kept
