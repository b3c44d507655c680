import os
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import yaml

from wsss.config.crf import CrfKernel
from wsss.config.dataset import Demo
from wsss.config.demo import DEMO
from wsss.config.merging import merge
from wsss.demo.folder import make_demo
from wsss.ops.crf import ImageCRF
from wsss.ops.par import ImagePAR

ROOT = Path(__file__).parents[2]
PARTS = ("Snakefile", "config.yaml", "rules", "profiles", "envs", "configs", "src")

TINY = DEMO
"""The recipe of a tiny network, which a source other than demo has to state."""

MICRO = merge(
    TINY,
    {
        "dataset": {
            "name": "micro",
            "source": "voc",
            "root": "data",
            "classes": ["car", "fish", "flower", "house", "mushroom"],
        },
        "cam": {"train": {"epochs": 1, "crop": 64, "resize": [48, 72]}, "infer": {"scales": [1.0]}},
        "affinity": {
            "train": {"epochs": 1, "crop": 64},
            "irn": {"train": {"epochs": 1, "crop": 64}},
        },
        "walk": {"logt": 3, "crf": {"iterations": 0}},
        "segment": {
            "deeplab_v3plus": {"width": 16},
            "train": {"epochs": 1, "crop": 64},
            "infer": {"scales": [1.0], "flip": False},
        },
    },
)


@cache
def compile_kernels():
    """Compile CRF and PAR beside the project's own code, once instead of in every copy of it."""
    ImageCRF(np.zeros((4, 4, 3), np.uint8), 2, CrfKernel()).refine(np.full((2, 4, 4), 0.5))
    ImagePAR(np.zeros((4, 4, 3), np.uint8)).refine(np.zeros((1, 4, 4), np.float32))


class Project:
    """A copy of the project, with its own package and data, in which Snakemake runs."""

    def __init__(self, folder):
        self.folder = folder
        compile_kernels()
        for name in PARTS:
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy2
            copy(ROOT / name, folder / name)
        make_demo(folder / "data", Demo(images=10, val_images=4, size=64))
        self.results = folder / "results/micro"
        self.packages = [folder / "src"]

    def snakemake(self, *arguments, config=None, check=True):
        """Run Snakemake with the micro configuration and `config` on top; return its output."""
        return self.run(*self._command(config), *arguments, check=check)

    def run(self, *command, check=True):
        """Run a command of the environment in the folder of the project; return its output."""
        process = self._start(*command)
        output, _ = process.communicate(timeout=3600)
        assert not check or process.returncode == 0, output
        return output

    def start(self, *arguments, config=None):
        """Start Snakemake in a process group of its own; see `output`."""
        command = [*self._command(config), *arguments]
        with (self.folder / "output.txt").open("w") as file:
            return self._start(*command, stdout=file, start_new_session=True)

    def output(self):
        """What the Snakemake that was started last has said."""
        return (self.folder / "output.txt").read_text()

    def _command(self, config):
        self.yaml("micro.yaml", MICRO)
        self.yaml("change.yaml", config or {})
        files = ["--configfile", "micro.yaml", "change.yaml"]
        return ["snakemake", "--cores", "2", *files]

    def _start(self, *command, stdout=subprocess.PIPE, **options):
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        packages = os.pathsep.join(map(str, self.packages))
        return subprocess.Popen(
            [Path(sys.executable).with_name(command[0]), *command[1:]],
            cwd=self.folder,
            env={**os.environ, "PATH": path, "PYTHONPATH": packages},
            stdout=stdout,
            stderr=subprocess.STDOUT,
            text=True,
            **options,
        )

    def jobs(self, config=None):
        """The rules that would run again, and how often."""
        output = self.snakemake("--dry-run", config=config)
        table = output.partition("Job stats:")[2].partition("Reasons:")[0]
        counts = dict(re.findall(r"^(\w+) +(\d+)$", table, re.MULTILINE))
        assert counts or "Nothing to be done" in output, output
        return {name: int(n) for name, n in counts.items() if name not in ("total", "all")}

    def stale(self, config=None):
        """The rules that would run again, but for the gathering of parts."""
        return set(self.jobs(config)) - {"gather_parts"}

    def made(self, name, run="psa"):
        """The artifact behind a readable name in the folder of a run."""
        return (self.results / run / name).resolve()

    def log(self, name, run="psa"):
        """The log of the training behind the readable name of its network."""
        return (self.trained(name, run) / "logs/all.log").read_text()

    def trained(self, name, run="psa"):
        """The folder of the training behind the readable name of its network."""
        return self.made(Path(name).with_name("history.csv"), run).parent

    def yaml(self, name, content):
        """Write a configuration file."""
        (self.folder / name).write_text(yaml.safe_dump(content))


@pytest.fixture
def fresh(tmp_path):
    """An untouched copy of the project."""
    return Project(tmp_path)


@pytest.fixture(scope="session")
def project(tmp_path_factory):
    """A finished run on micro data; a test that changes something puts it back."""
    project = Project(tmp_path_factory.mktemp("project"))
    project.snakemake()
    return project
