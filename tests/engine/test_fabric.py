import os
import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from wsss.engine.fabric import chosen, make_fabric, share_statistics
from wsss.errors import UserError
from wsss.nn.backbones import build

TWO_GPUS = SimpleNamespace(world_size=2, device=torch.device("cuda"))
MEAN = r"""
import os, sys, torch
from wsss.engine.fabric import make_fabric
fabric = make_fabric("32-true", 4, devices=int(sys.argv[1]))
mean = fabric.all_reduce(torch.tensor(float(fabric.global_rank)), reduce_op="mean")
line = f"{fabric.world_size} {float(mean)} {torch.get_num_threads()}\n"
os.write(1, line.encode())  # whole: processes share the pipe, and print writes in pieces
"""


def started(tmp_path, devices, **environment):
    """Start a process of a training."""
    (tmp_path / "mean.py").write_text(MEAN)
    command = [sys.executable, str(tmp_path / "mean.py"), str(devices)]
    # as on a machine without GPUs
    inherited = os.environ | {"CUDA_VISIBLE_DEVICES": ""}
    inherited = {k: v for k, v in inherited.items() if not k.startswith(("SLURM_", "OMP_"))}
    return subprocess.Popen(command, env=inherited | environment, text=True, stdout=subprocess.PIPE)


@pytest.mark.slow
def test_one_process_starts_the_others_and_shares_its_threads(tmp_path):
    assert started(tmp_path, 2).communicate()[0] == "2 0.5 2\n" * 2


@pytest.mark.slow
def test_tasks_of_srun_on_two_nodes_find_each_other(tmp_path):
    step = {"SLURM_STEP_NUM_TASKS": "2", "SLURM_STEP_NUM_NODES": "2", "SLURM_NTASKS": "2"}
    step |= {"SLURM_NTASKS_PER_NODE": "1", "SLURM_NNODES": "2", "SLURM_JOB_ID": f"{os.getpid()}"}
    step |= {"SLURM_LOCALID": "0", "SLURM_NODELIST": "127.0.0.1"}
    tasks = [
        started(tmp_path, 1, **step, SLURM_PROCID=rank, SLURM_NODEID=rank) for rank in ("0", "1")
    ]
    assert [task.communicate()[0] for task in tasks] == ["2 0.5 4\n"] * 2


def test_tasks_in_unequal_numbers_are_a_clear_mistake(monkeypatch):
    monkeypatch.setenv("SLURM_STEP_NUM_TASKS", "3")
    monkeypatch.setenv("SLURM_STEP_NUM_NODES", "2")
    with pytest.raises(UserError, match="3 tasks on 2 nodes: give srun --ntasks-per-node"):
        make_fabric("32-true", 1)


def test_statistics_are_shared_by_the_gpus_of_a_training():
    net = nn.Sequential(build("tiny"))
    before = dict(net.named_parameters())
    share_statistics(TWO_GPUS, net)
    norms = [m for m in net.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    assert norms and all(isinstance(norm, nn.SyncBatchNorm) for norm in norms)
    assert all(before[name] is parameter for name, parameter in net.named_parameters())


@pytest.mark.parametrize("world, device", [(1, "cuda"), (2, "cpu")])
def test_one_gpu_and_the_cpu_keep_their_own(world, device):
    net = nn.Sequential(nn.BatchNorm2d(2))
    share_statistics(SimpleNamespace(world_size=world, device=torch.device(device)), net)
    assert type(net[0]) is nn.BatchNorm2d


def test_norms_of_timm_keep_their_activation():
    pytest.importorskip("timm")
    from timm.layers import BatchNormAct2d

    net = nn.Sequential(BatchNormAct2d(2)).eval()
    x = torch.randn(1, 2, 3, 3)
    before = net(x)
    share_statistics(TWO_GPUS, net)
    assert isinstance(net[0], nn.SyncBatchNorm) and torch.equal(net(x), before)


def test_auto_is_32_bits_on_a_cpu():
    assert chosen("auto", torch.device("cpu")) == "32-true"
    assert chosen("bf16-mixed", torch.device("cpu")) == "bf16-mixed"


def test_auto_is_bfloat16_where_a_gpu_has_it(monkeypatch):
    for has, expected in ((True, "bf16-mixed"), (False, "32-true")):
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda *_, has=has, **__: has)
        assert chosen("auto", torch.device("cuda")) == expected
        assert chosen("32-true", torch.device("cuda")) == "32-true"
