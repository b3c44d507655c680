"""The gate for files of the user that are read as a whole."""

import errno
import os
from pathlib import Path
from stat import S_ISDIR, S_ISREG


def regular(path: Path) -> Path:
    """Return the path of a file that can be read to its end.

    A pipe would be waited for, and a device may have no end.

    Raises:
        OSError: it is missing, or a pipe, socket or device.
    """
    mode = path.stat().st_mode
    if not S_ISREG(mode) and not S_ISDIR(mode):
        raise OSError(errno.EINVAL, "not a regular file", os.fspath(path))
    return path
