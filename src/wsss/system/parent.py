"""Terminate jobs when their parent Snakemake process dies.

Otherwise the jobs of a killed run would write beside those of the next run.
"""

import os
import platform
import select
import signal
import threading

from wsss.errors import UserError

_PARENT = "WSSS_PARENT"
"""Environment variable with `<process id>@<host>` of the Snakemake process."""


def register() -> None:
    """Register this process as the parent of the jobs that it starts."""
    os.environ[_PARENT] = f"{os.getpid()}@{platform.node()}"


def watch() -> None:
    """Send SIGTERM to this process as soon as the registered parent process dies.

    Does nothing without a registered parent, on another host than the parent's, or where the system
    has no process file descriptors (before Linux 5.3).

    Raises:
        UserError: the parent is dead already.
    """
    pid, _, host = os.environ.get(_PARENT, "").partition("@")
    if host != platform.node() or not hasattr(os, "pidfd_open"):
        return
    try:
        handle = os.pidfd_open(int(pid))
    except ProcessLookupError as error:
        raise UserError("the Snakemake process that started this job has ended") from error
    except OSError:
        # the kernel lacks pidfd_open
        return
    threading.Thread(target=_terminate_after, args=(handle,), daemon=True).start()


def _terminate_after(handle: int) -> None:
    """Wait until the process behind a file descriptor ends, then send SIGTERM to this one."""
    select.select([handle], [], [])
    os.kill(os.getpid(), signal.SIGTERM)
