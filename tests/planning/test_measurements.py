import os
import time
from dataclasses import replace

import pytest

from tests.planning.test_forecast import IMAGES, MACHINE, ONE, plan_of
from wsss.planning.measurements import AGE, file_of, read_measurements, write_measurements
from wsss.planning.rehearsal import rehearsals


def test_measurements_are_kept(tmp_path):
    file = tmp_path / "kept/some.json"
    write_measurements(file, {"a": ONE})
    assert read_measurements(file) == {"a": ONE}


@pytest.mark.parametrize("content", [b"", b"[]", b'{"a": {"wall": [1]}}', b"\x80\x04]"])
def test_what_cannot_be_read_is_measured_again(tmp_path, content):
    file = tmp_path / "some.json"
    file.write_bytes(content)
    assert read_measurements(file) is None
    assert read_measurements(tmp_path / "none.json") is None


def test_old_measurements_do_not_count(tmp_path):
    file = tmp_path / "some.json"
    write_measurements(file, {"a": ONE})
    os.utime(file, (0, time.time() - AGE - 60))
    assert read_measurements(file) is None


def test_the_file_depends_on_machine_images_and_settings(tmp_path):
    def file(images=IMAGES, machine=MACHINE, **keys):
        wanted = rehearsals(plan_of(images, **keys), images, machine)
        return file_of(wanted.values(), images, machine, tmp_path)

    same = {file(), file(seed=5), file(cam={"train": {"epochs": 3}})}
    other = {
        file(images=replace(IMAGES, size=(50, 50))),
        file(machine=replace(MACHINE, name="another")),
        file(cam={"infer": {"flip": False}}),
    }
    assert len(same) == 1 and len(same | other) == 4
