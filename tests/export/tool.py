"""Runs code with the libraries of other tools, which live outside this environment.

`make formats` installs them into a folder of their own; WSSS_FORMATS names another one.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(os.environ.get("WSSS_FORMATS", Path(sys.prefix, "formats")))

needs_tools = pytest.mark.skipif(
    not FOLDER.is_dir(), reason="needs the libraries that make formats installs"
)


def ask(code: str, *arguments: object) -> Any:
    """Run `code` with `arguments` in sys.argv; return the JSON in its last line."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(FOLDER)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])
