import os
import re
import subprocess
import sys

import pytest

from wsss.errors import UserError
from wsss.io.atomic import atomic_path, is_temporary, write_text


def test_appears_whole(tmp_path):
    write_text(tmp_path / "new" / "a.txt", "ä")
    assert (tmp_path / "new" / "a.txt").read_text(encoding="utf-8") == "ä"


@pytest.mark.parametrize("letter", ["a", "ä"])
def test_a_name_may_be_as_long_as_the_disk_allows(tmp_path, letter):
    name = letter * (251 // len(letter.encode())) + ".png"
    with atomic_path(tmp_path / name) as temporary:
        assert is_temporary(temporary.name)
        temporary.touch()
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_failure_leaves_the_old_content_and_no_litter(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(RuntimeError), atomic_path(target) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_an_unwritable_place_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"file/a\.txt: cannot be written"):
        write_text(tmp_path / "file" / "a.txt", "")


def test_what_a_killed_process_left_goes_with_the_next_file(tmp_path):
    script = """
import os, signal, sys
from pathlib import Path
from wsss.io.atomic import atomic_path
with atomic_path(Path(sys.argv[1])) as temporary:
    temporary.write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", script, tmp_path / "a.txt"], check=False)
    (left,) = tmp_path.iterdir()
    mine = left.with_name(re.sub(r"[0-9]+@", f"{os.getpid()}@", left.name))
    mine.touch()
    write_text(tmp_path / "b.txt", "")
    assert set(tmp_path.iterdir()) == {tmp_path / "b.txt", mine}
