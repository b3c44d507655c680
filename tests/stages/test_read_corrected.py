"""Corrected masks become label maps, which the segmenter learns in the place of others."""

from argparse import ArgumentParser

import numpy as np
import pytest
from PIL import Image

from wsss.data.sets.segmentation import SegmentationSet
from wsss.errors import UserError
from wsss.io.index import Index, Item, Masks
from wsss.io.labels import LabelReader, LabelWriter, write_labels
from wsss.io.provenance import file_digest
from wsss.stages import read_corrected

SIZE = (4, 5)


def full(label):
    return np.full(SIZE, label, np.uint8)


@pytest.fixture
def items(tmp_path):
    found = []
    for name in "abc":
        Image.new("RGB", SIZE[::-1]).save(tmp_path / f"{name}.png")
        path = tmp_path / f"{name}.png"
        found.append(Item(name, "train", path, file_digest(path), (0,)))
    Index(("cat", "dog"), tuple(found)).write(tmp_path / "index.tsv")
    return found


@pytest.fixture
def read(tmp_path, items):
    """Read the corrected masks of a folder; return the record."""

    def call():
        parser = ArgumentParser()
        read_corrected.add_arguments(parser)
        out = tmp_path / "read/train/labels.tsv"
        words = ["--index", tmp_path / "index.tsv", "--folder", tmp_path / "corrected"]
        words += ["--split", "train", "--out", out]
        read_corrected.run(parser.parse_args(list(map(str, words))))
        return out

    (tmp_path / "corrected").mkdir()
    return call


def test_corrected_masks_are_read_and_other_classes_are_said(read, tmp_path, caplog):
    write_labels(tmp_path / "corrected/a.png", full(1))
    write_labels(tmp_path / "corrected/b.png", full(2))
    with caplog.at_level("INFO", "wsss"):
        reader = LabelReader([read()])
    assert reader.ids == ("a", "b") and (reader.read("b") == 2).all()
    assert "corrected masks with a class that the labels of their image lack: 1; b" in caplog.text
    assert "2 masks of PNGs of ids" in caplog.text


def test_all_masks_that_cannot_be_used_are_named_and_nothing_is_left(read, tmp_path):
    write_labels(tmp_path / "corrected/a.png", full(3))
    write_labels(tmp_path / "corrected/b.png", full(1)[:2])
    with pytest.raises(UserError, match=r"(?s)a\.png: holds id 3.*b\.png: the mask is 5 x 2"):
        read()
    assert not list(tmp_path.glob("read/train/*.tsv"))


def test_corrected_masks_win_over_masks_and_these_over_pseudo_labels(tmp_path, items):
    for place, ids, label in (("walk", "abc", 0), ("corrected", "a", 1)):
        with LabelWriter(tmp_path / place / "labels.tsv") as out:
            for image_id in ids:
                out.put(image_id, full(label))
    paths = {name: tmp_path / f"{name}-mask.png" for name in "ab"}
    for path in paths.values():
        write_labels(path, full(2))
    masks = Masks("drawn", paths, {name: file_digest(path) for name, path in paths.items()})
    pseudo, corrected = (
        LabelReader([tmp_path / place / "labels.tsv"]) for place in ("walk", "corrected")
    )
    samples = SegmentationSet(items, pseudo, crop=4, masks=masks, corrected=corrected)
    assert [int(samples._labels(item).max()) for item in items] == [1, 2, 0]
