"""Devices, processes, precision and threads of a training."""

import logging
import warnings
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, TypeVar

import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins.environments.cluster_environment import ClusterEnvironment
from lightning_fabric.plugins.environments.lightning import LightningEnvironment
from lightning_fabric.plugins.environments.slurm import SLURMEnvironment
from lightning_fabric.strategies.ddp import DDPStrategy
from torch import nn

from wsss.engine.loggers import TrainingLog
from wsss.engine.precision import has_bfloat16
from wsss.errors import UserError
from wsss.io.progress import log
from wsss.system import gpus
from wsss.system.ranks import register_rank_zero, srun_tasks

T = TypeVar("T")
Exact = Literal["32-true", "bf16-mixed", "16-mixed"]
Precision = Literal["auto"] | Exact


def make_fabric(
    precision: Precision, threads: int, loggers: Sequence[TrainingLog] = (), devices: int = 1
) -> Fabric:
    """Return a Fabric on GPUs or else on the CPU, with all its processes running.

    One process per device: this one starts the others with its own command line, unless `srun` has
    started them, on one node or several.

    Args:
        precision: `32-true`, `bf16-mixed` or `16-mixed`; `auto` = `bf16-mixed` on GPUs that have
            bfloat16, else `32-true`.
        threads: CPU threads of tensor operations, of this process and those that it starts.
        loggers: where losses and metrics of the training go.
        devices: GPUs to train on; without any GPU, processes on the CPU. `srun` decides instead
            if it has started several tasks.

    Raises:
        UserError: there are not that many GPUs, or `srun` has shared its tasks out unevenly.
    """
    environment, devices, nodes = _environment(max(1, devices))
    launched_outside = isinstance(environment, SLURMEnvironment)
    if count := torch.cuda.device_count():
        gpus.reserve(count, devices)
    several = devices * nodes > 1
    # 32-true means 32 bits, also for convolutions on recent GPUs
    torch.backends.cudnn.allow_tf32 = False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fabric = Fabric(
            accelerator="auto",
            devices=devices,
            num_nodes=nodes,
            # players take turns: an adversary has no gradient in the steps of the localizer
            strategy=DDPStrategy(find_unused_parameters=True) if several else "auto",
            plugins=environment,
            precision=chosen(precision, torch.device("cuda" if count else "cpu")),
            loggers=[*loggers],
        )
        if several:
            logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
            if not launched_outside:
                register_rank_zero()
            fabric.launch()
            log.info("training in %d processes", fabric.world_size)
    own = threads if launched_outside else threads // devices
    torch.set_num_threads(max(1, own))
    return fabric


def chosen(precision: Precision, where: torch.device) -> Exact:
    """Return what `auto` means on a device, and any other precision as it is."""
    if precision == "auto":
        return "bf16-mixed" if has_bfloat16(where) else "32-true"
    return precision


def share_statistics(fabric: Fabric, task: nn.Module) -> None:
    """Synchronise the statistics of every BatchNorm that is trained over all processes.

    On the CPU PyTorch has no such layer: there each process normalises with its own part.
    """
    if fabric.world_size == 1 or fabric.device.type != "cuda":
        return
    if any(type(module).__module__.startswith("timm.") for module in task.modules()):
        # norms of timm end with an activation, which PyTorch's function would lose
        from timm.layers.norm_act import convert_sync_batchnorm

        convert_sync_batchnorm(task)
    else:
        nn.SyncBatchNorm.convert_sync_batchnorm(task)


def share_user_errors(fabric: Fabric, batches: Iterable[T]) -> Iterator[T]:
    """Yield the batches of this process until loading fails with a UserError in any process.

    Raises:
        UserError: the first one, in all processes; otherwise the others would wait for ever.
    """
    if fabric.world_size == 1:
        yield from batches
        return
    iterator = iter(batches)
    while True:
        batch, mistake = None, ""
        try:
            batch = next(iterator, None)
        except UserError as error:
            mistake = str(error)
        own = torch.tensor(float(bool(mistake)), device=fabric.device)
        if fabric.all_reduce(own, reduce_op="sum"):
            mistakes = [""] * fabric.world_size
            torch.distributed.all_gather_object(mistakes, mistake)
            raise UserError(next(filter(None, mistakes)))
        if batch is None:
            return
        yield batch


def _environment(devices: int) -> tuple[ClusterEnvironment, int, int]:
    """Return the cluster environment, the number of processes per node and of nodes."""
    tasks, nodes = srun_tasks()
    if tasks == 1:
        # a job of one task may start processes of its own, which Fabric's SLURM forbids
        return LightningEnvironment(), devices, 1
    if tasks % nodes:
        raise UserError(f"{tasks} tasks on {nodes} nodes: give srun --ntasks-per-node")
    try:
        return SLURMEnvironment(auto_requeue=False), tasks // nodes, nodes
    except RuntimeError as error:
        raise UserError("give srun --ntasks-per-node, one task per GPU") from error
