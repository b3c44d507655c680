"""The profile for SLURM, on a cluster of two nodes that these tests start and end."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.workflow.conftest import MICRO

pytestmark = [pytest.mark.workflow, pytest.mark.slow, pytest.mark.xdist_group("documentation")]

PLUGIN = Path(sys.prefix, "slurm")
SCRIPTS = Path(__file__).parents[1] / "slurm"
CONF = Path("/etc/slurm/slurm.conf")
DAEMONS = ("munged", "slurmctld", "slurmd")
PACKAGES = ("slurm-wlm", "slurm-client", "munge")
QUIET = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
COMMAND = ("snakemake", "--profile", "profiles/slurm", "--configfile", "micro.yaml")
SMALL = (
    *("--max-threads", "2"),
    # accounting has no database here
    *("--slurm-status-command", "squeue", "--slurm-init-seconds-before-status-checks", "8"),
)


def installed():
    """Whether the daemons are there, or can be fetched."""
    for command in (["update"], ["install", "-y", "--no-install-recommends", *PACKAGES]):
        if not all(map(shutil.which, DAEMONS)) and shutil.which("apt-get"):
            apt = ["timeout", "120", "apt-get", *command]
            subprocess.run(apt, check=False, capture_output=True, env=QUIET)
    return all(map(shutil.which, DAEMONS))


def taken():
    """Whether the machine has a SLURM already; one whose test was killed is ended."""
    if not os.path.lexists(CONF):
        return False
    owner = CONF.resolve().parents[1] / "owner"
    if not owner.exists() or Path("/proc", owner.read_text()).exists():
        return True
    subprocess.run([SCRIPTS / "down.sh", owner.parent], check=True)
    return False


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """A running cluster: its folder."""
    if not PLUGIN.is_dir():
        pytest.skip(f"no plugin for SLURM in {PLUGIN}; make test installs it")
    if os.geteuid() != 0:
        pytest.skip("a SLURM cluster is started by root alone")
    if taken():
        pytest.skip("this machine belongs to a SLURM cluster")
    if not installed():
        pytest.skip("no packages slurm-wlm and munge")
    folder = tmp_path_factory.mktemp("cluster")
    (folder / "owner").write_text(str(os.getpid()))
    try:
        subprocess.run([SCRIPTS / "up.sh", folder], check=True)
        yield folder
    finally:
        subprocess.run([SCRIPTS / "down.sh", folder], check=True)


def jobs():
    """What SLURM remembers of every job: its rule, state, partition, GPUs and node; sorted."""
    shown = "comment:80,state:20,partition:20,tres-per-job:20,nodelist:20"
    queue = ["squeue", "--noheader", "--states=all", f"--Format={shown}"]
    lines = subprocess.run(queue, check=True, capture_output=True, text=True, timeout=30).stdout
    rows = sorted(line.split() for line in lines.splitlines())
    return [(comment.split("_wildcards_")[0], *rest) for comment, *rest in rows]


@pytest.fixture
def submit(cluster, fresh):
    """A function that runs Snakemake in a copy of the project, on the cluster."""
    fresh.packages.append(PLUGIN)
    fresh.yaml("micro.yaml", MICRO)

    def run(*arguments):
        return fresh.run(*COMMAND, *SMALL, *arguments)

    return run


SPREAD = {
    "slurm_partition": "gpu", "gpu": 2, "nodes": 2, "tasks": 2, "tasks_per_gpu": 1,
    "mpi": "srun --nodes=2 --ntasks=2 --ntasks-per-node=1 --gpus-per-node=1",
}  # fmt: skip


def test_every_job_runs_in_slurm_and_a_training_on_two_nodes(submit, fresh, monkeypatch):
    # else the processes look for each other under the names of the nodes, which are no addresses
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
    profile = fresh.folder / "profiles/slurm/config.yaml"
    settings = yaml.safe_load(profile.read_text())
    settings["set-resources"]["train_cam"] = SPREAD
    profile.write_text(yaml.safe_dump(settings))
    fresh.yaml("micro.yaml", {**MICRO, "until": "refine"})
    submit("--until", "refine_maps")
    ran = [job for job in jobs() if job[0] != "rule_prepare_masks"]
    assert [job[:4] for job in ran] == [
        ("rule_infer_cam", "COMPLETED", "gpu", "gres:gpu:1"),
        ("rule_infer_cam", "COMPLETED", "gpu", "gres:gpu:1"),
        ("rule_prepare_data", "COMPLETED", "cpu", "N/A"),
        ("rule_prepare_data", "COMPLETED", "cpu", "N/A"),
        ("rule_refine_maps", "COMPLETED", "cpu", "N/A"),
        ("rule_refine_maps", "COMPLETED", "cpu", "N/A"),
        ("rule_train_cam", "COMPLETED", "gpu", "gres:gpu:2"),
    ]
    assert ran[-1][4] == "node[1-2]"
    assert "training in 2 processes" in fresh.log("cam/model.pt")
    assert (fresh.made("refine/train") / "maps.tsv").stat().st_size


@pytest.mark.long
def test_a_training_goes_on_after_its_time_is_up(submit, fresh):
    fresh.yaml("micro.yaml", {**MICRO, "cam": {"train": {**MICRO["cam"]["train"], "epochs": 3000}}})
    limits = [f"train_cam:{limit}" for limit in ("slurm_partition=gpu", "runtime=1", "mem_mb=4000")]
    # a busy machine needs more than the attempts of the profile, with no more memory in each
    submit("--retries", "20", "--set-resources", *limits, "--until", "train_cam")
    ended = [state for rule, state, *_ in jobs() if rule == "rule_train_cam"]
    assert "TIMEOUT" in ended
    assert "resuming after step" in fresh.log("cam/model.pt")
