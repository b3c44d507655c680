import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent


def run(*command):
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        [BIN / command[0], *command[1:]],
        cwd=ROOT,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.workflow
def test_snakemake_has_nothing_to_object_to():
    done = run("snakemake", "--lint")
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_lambda_run_or_script():
    text = "".join(path.read_text() for path in (ROOT / "rules").glob("*.smk"))
    for word in ("lambda", "\n    run:", "\n    script:"):
        assert word not in text
