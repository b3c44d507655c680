"""Loggers of a training: TensorBoard, Weights & Biases and MLflow.

The last two are adapters to Lightning Fabric's interface, whose own exist in Lightning alone.
Metrics are logged by the first process.
"""

import os
from abc import abstractmethod
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any
from uuid import uuid4

import numpy as np
from lightning_fabric import Fabric
from lightning_fabric.loggers.logger import Logger
from lightning_fabric.loggers.tensorboard import TensorBoardLogger
from lightning_fabric.utilities.rank_zero import rank_zero_only

from wsss.config.monitor import LoggerName
from wsss.errors import UserError
from wsss.io.atomic import write_text
from wsss.io.progress import log


class EventLog(TensorBoardLogger):
    """TensorBoard events of one training.

    Args:
        folder: where they are written.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, name=None, version="")

    @rank_zero_only
    def start(self, step: int) -> None:
        """Begin at a step; at step 0 the events of an earlier training are removed.

        Later events of the same training, from after its checkpoint, stay in their file, but
        readers leave them out.
        """
        if step == 0:
            for path in Path(self.log_dir).glob("events.out.tfevents.*"):
                path.unlink(missing_ok=True)
        self._kwargs["purge_step"] = step

    @rank_zero_only
    def picture(self, name: str, picture: np.ndarray, step: int) -> None:
        """Log a picture (H, W, 3) uint8."""
        self.experiment.add_image(name, picture, step, dataformats="HWC")


class RemoteLog(Logger):
    """Logger of a service, whose run goes on when the training is resumed.

    Args:
        folder: where the id of the run is kept.
        title: name of the run.
        service: name of the service and of its package.

    Raises:
        UserError: the package is not installed.
    """

    def __init__(self, folder: Path, title: str, service: LoggerName) -> None:
        self._service, self._title = service, title
        self._file, self._folder, self._failed = folder / f"{service}.id", folder, False
        try:
            self._package: ModuleType = import_module(service)
        except ImportError as error:
            raise UserError(
                f"monitor.loggers: {service} is not installed; pip install 'wsss[{service}]', or "
                "leave it out"
            ) from error

    @property
    def name(self) -> str:
        """Name of the run."""
        return self._title

    @property
    def version(self) -> str:
        """Id of the run; empty before it has one."""
        with suppress(OSError):
            return self._file.read_text(encoding="utf-8").strip()
        return ""

    @rank_zero_only
    def start(self, step: int) -> None:
        """Begin a run, or continue that of a training which is resumed at a later step.

        Raises:
            UserError: the service cannot be reached or refuses.
        """
        try:
            found = self.begin(self.version if step else "")
        except Exception as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            raise UserError(
                f"monitor.loggers: {self._service} does not start ({reason}); log in, let it work "
                "offline, or leave it out"
            ) from error
        write_text(self._file, found)

    @rank_zero_only
    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        """Log metrics of a step."""
        self._attempt(partial(self.send, metrics, step or 0))

    @rank_zero_only
    def picture(self, name: str, picture: np.ndarray, step: int) -> None:
        """Log a picture (H, W, 3) uint8."""
        self._attempt(partial(self.send_picture, name, picture, step))

    @rank_zero_only
    def finalize(self, status: str) -> None:
        """End the run, whose training was a success or has failed."""
        self._attempt(partial(self.end, status == "success"))

    @rank_zero_only
    def log_hyperparams(
        self,
        params: dict[str, Any] | Namespace,
        *args: object,
        **kwargs: object,
    ) -> None:
        """Log nothing: the configuration is in model.pt."""

    @abstractmethod
    def begin(self, run_id: str) -> str:
        """Begin a run, or continue the one of this id unless it is empty; return its id."""

    @abstractmethod
    def send(self, metrics: dict[str, float], step: int) -> None:
        """Send metrics of a step."""

    @abstractmethod
    def send_picture(self, name: str, picture: np.ndarray, step: int) -> None:
        """Send a picture (H, W, 3) uint8."""

    @abstractmethod
    def end(self, success: bool) -> None:
        """End the run."""

    def _attempt(self, call: Callable[[], None]) -> None:
        """Call the service until it fails once: a training must not end with its connection."""
        if self._failed:
            return
        try:
            call()
        except Exception as error:
            self._failed = True
            log.warning("%s fails (%s): nothing more is logged there", self._service, error)


class WandbLog(RemoteLog):
    """Run of Weights & Biases in the project `WANDB_PROJECT`, by default wsss."""

    def begin(self, run_id: str) -> str:
        """Begin or continue a run, see `RemoteLog.begin`."""
        self._run = self._package.init(
            project=os.environ.get("WANDB_PROJECT", "wsss"),
            name=self._title,
            id=run_id or uuid4().hex[:8],
            resume="allow",
            dir=str(self._folder),
        )
        return str(self._run.id)

    def send(self, metrics: dict[str, float], step: int) -> None:
        """Send metrics of a step."""
        self._run.log(metrics, step=step)

    def send_picture(self, name: str, picture: np.ndarray, step: int) -> None:
        """Send a picture (H, W, 3) uint8."""
        self._run.log({name: self._package.Image(picture)}, step=step)

    def end(self, success: bool) -> None:
        """End the run."""
        self._run.finish(exit_code=int(not success))


class MlflowLog(RemoteLog):
    """Run of MLflow in the experiment `MLFLOW_EXPERIMENT_NAME`, by default wsss."""

    def begin(self, run_id: str) -> str:
        """Begin or continue a run, see `RemoteLog.begin`."""
        if run_id:
            run = self._package.start_run(run_id=run_id)
        else:
            self._package.set_experiment(os.environ.get("MLFLOW_EXPERIMENT_NAME", "wsss"))
            run = self._package.start_run(run_name=self._title)
        return str(run.info.run_id)

    def send(self, metrics: dict[str, float], step: int) -> None:
        """Send metrics of a step, without waiting for the server."""
        self._package.log_metrics(metrics, step=step, synchronous=False)

    def send_picture(self, name: str, picture: np.ndarray, step: int) -> None:
        """Send a picture (H, W, 3) uint8."""
        self._package.log_image(picture, key=name, step=step)

    def end(self, success: bool) -> None:
        """End the run."""
        self._package.end_run("FINISHED" if success else "FAILED")


TrainingLog = EventLog | RemoteLog


def make_loggers(names: Sequence[LoggerName], work: Path, title: str) -> list[TrainingLog]:
    """Return loggers by their names.

    Args:
        names: which ones.
        work: folder of the training's unfinished work.
        title: name of the training.

    Raises:
        UserError: a package is not installed.
    """
    found: list[TrainingLog] = []
    for name in names:
        if name == "tensorboard":
            found.append(EventLog(work / "tensorboard"))
        elif name == "wandb":
            found.append(WandbLog(work, title, name))
        else:
            found.append(MlflowLog(work, title, name))
    return found


def training_logs(fabric: Fabric) -> list[TrainingLog]:
    """Return the loggers of a training."""
    return [logger for logger in fabric.loggers if isinstance(logger, EventLog | RemoteLog)]


@contextmanager
def ended(fabric: Fabric) -> Iterator[None]:
    """End the runs of services after the block, as a success or not."""
    success = False
    try:
        yield
        success = True
    finally:
        for logger in training_logs(fabric):
            if isinstance(logger, RemoteLog):
                logger.finalize("success" if success else "failed")
