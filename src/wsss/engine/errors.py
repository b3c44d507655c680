"""Errors of the training loop as one line that names the remedy."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from lightning_fabric import Fabric

from wsss.engine.loggers import EventLog, training_logs
from wsss.errors import UserError
from wsss.io.atomic import is_unwritable, unwritable


@contextmanager
def loop_errors(fabric: Fabric) -> Iterator[None]:
    """Turn errors that the user can remedy into a UserError.

    These are a full disk in TensorBoard's thread, exhausted GPU memory and a killed loader process.
    """
    before, threading.excepthook = threading.excepthook, _log_unless_unwritable
    try:
        yield
    except ValueError as error:
        # TensorBoard's writer raises this after its thread has failed
        cause = error.__cause__
        if isinstance(cause, OSError) and is_unwritable(cause):
            raise unwritable(_events(fabric), cause) from error
        raise
    except torch.OutOfMemoryError as error:
        raise UserError(
            "the GPU's memory is exhausted: lower train.batch_size or train.crop of this stage, or "
            "set train.precision to auto or bf16-mixed"
        ) from error
    except RuntimeError as error:
        if not str(error).startswith("DataLoader worker"):
            raise
        raise UserError(
            "a process that loads images was killed, probably because the memory is exhausted: "
            "give the job more memory or lower train.batch_size, and re-run the same command to "
            "resume"
        ) from error
    finally:
        threading.excepthook = before


def _events(fabric: Fabric) -> Path:
    """Return the folder of the TensorBoard events."""
    folders = [log.log_dir for log in training_logs(fabric) if isinstance(log, EventLog)]
    return Path(folders[0] if folders else ".")


def _log_unless_unwritable(failed: threading.ExceptHookArgs) -> None:
    """Hide a full disk in TensorBoard's thread: the main thread reports it with the next event."""
    if failed.exc_value is None or not is_unwritable(failed.exc_value):
        threading.__excepthook__(failed)
