"""A pipe among the files of a data set is an error; it would be waited for without end."""

import os
from pathlib import Path

import pytest

from wsss.data.sources import brushes, labelmap, sbd, voc
from wsss.data.sources.instances import load
from wsss.data.sources.table import read_table
from wsss.errors import UserError
from wsss.files import regular

READERS = {
    "table.csv": lambda path: read_table(path, ("image", "labels")),
    "labelmap.txt": labelmap.read_labelmap,
    "tasks.json": brushes.read_tasks,
    "instances.json": load,
    "train.txt": lambda path: sbd._ids(path.parent, "train"),
    "ImageSets/Segmentation/val.txt": lambda path: voc._lines(path.parents[2], "val"),
}


@pytest.mark.parametrize("name", READERS)
def test_a_pipe_is_named(tmp_path, name):
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    os.mkfifo(path)
    with pytest.raises(UserError, match="not a regular file") as caught:
        READERS[name](path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("path", ["/dev/null", "/dev/zero"])
def test_a_device_is_no_file(path):
    with pytest.raises(OSError, match="not a regular file"):
        regular(Path(path))
