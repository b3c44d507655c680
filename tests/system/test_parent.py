import errno
import os
import platform
import signal
import subprocess
import sys
import threading

import pytest

from wsss.errors import UserError
from wsss.system import parent

FOLLOWER = """
import time
from wsss.system import parent
parent.watch()
print("alive", flush=True)
time.sleep(60)
"""
LINUX = pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="needs handles of processes")


@pytest.fixture
def snakemake():
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process
    process.kill()
    process.communicate()


def follower(pid, node):
    environment = os.environ | {"WSSS_PARENT": f"{pid}@{node}"}
    command = [sys.executable, "-c", FOLLOWER]
    job = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    assert job.stdout.readline() == "alive\n"
    return job


@LINUX
def test_a_job_is_terminated_when_its_snakemake_is_killed(snakemake):
    job = follower(snakemake.pid, platform.node())
    assert job.poll() is None
    snakemake.kill()
    snakemake.wait()
    assert job.wait(timeout=30) == -signal.SIGTERM
    job.communicate()


def test_a_job_on_another_node_follows_nobody_here(snakemake):
    job = follower(snakemake.pid, "elsewhere")
    snakemake.kill()
    snakemake.wait()
    with pytest.raises(subprocess.TimeoutExpired):
        job.wait(timeout=1)
    job.kill()
    job.communicate()


@LINUX
def test_a_job_whose_snakemake_is_gone_does_not_begin(monkeypatch, snakemake):
    monkeypatch.setenv("WSSS_PARENT", f"{snakemake.pid}@{platform.node()}")
    snakemake.kill()
    snakemake.wait()
    with pytest.raises(UserError, match="has ended"):
        parent.watch()


@LINUX
def test_an_old_kernel_lets_nothing_follow(monkeypatch):
    def refuse(_):
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    monkeypatch.setenv("WSSS_PARENT", f"{os.getpid()}@{platform.node()}")
    monkeypatch.setattr(os, "pidfd_open", refuse)
    before = threading.active_count()
    parent.watch()
    assert threading.active_count() == before


def test_what_announces_itself_is_followed(monkeypatch):
    monkeypatch.setenv("WSSS_PARENT", "")
    parent.register()
    assert os.environ["WSSS_PARENT"] == f"{os.getpid()}@{platform.node()}"
