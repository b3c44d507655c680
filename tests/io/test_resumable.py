import os

import numpy as np
import pytest

from wsss.io.labels import LabelReader, LabelWriter, is_record
from wsss.io.resumable import UNFINISHED, ResumableWriter

LABELS = np.eye(3, dtype=np.uint8)


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "photo.jpg"
    path.touch()
    return path


@pytest.fixture
def record(tmp_path, source):
    """An interrupted call has written a and b."""
    path = tmp_path / "masks/labels.tsv"
    with pytest.raises(KeyboardInterrupt), ResumableWriter(path, "made") as out:
        for image_id in "ab":
            assert not out.reuse(image_id, source)
            out.put(image_id, LABELS)
        raise KeyboardInterrupt
    return path


def reused(record, source, provenance="made"):
    """Reuse or write a, b and c; return those that were reused."""
    with ResumableWriter(record, provenance) as out:
        known = [image_id for image_id in "abc" if out.reuse(image_id, source)]
        for image_id in "abc":
            if image_id not in known:
                out.put(image_id, LABELS)
    return known


def test_an_interrupted_call_is_resumed(record, source):
    assert reused(record, source) == ["a", "b"]
    assert LabelReader([record]).ids == ("a", "b", "c")
    assert not record.with_name(UNFINISHED).exists()


def test_a_finished_call_is_not(record, source):
    reused(record, source)
    assert reused(record, source) == []


def test_another_provenance_starts_anew(record, source):
    assert reused(record, source, "made otherwise") == []


def test_a_second_interruption_loses_nothing(record, source):
    with pytest.raises(KeyboardInterrupt), ResumableWriter(record, "made") as out:
        out.reuse("c", source)
        out.put("c", LABELS)
        raise KeyboardInterrupt
    assert reused(record, source) == ["a", "b", "c"]


def test_only_undamaged_label_maps_are_reused(record, source):
    record.with_name("a.png").write_bytes(b"half")
    assert reused(record, source) == ["b"]
    assert (LabelReader([record]).read("a") == LABELS).all()


@pytest.mark.parametrize("shift", [-9, 9])
def test_a_changed_source_is_labelled_again(record, source, shift):
    time = record.with_name("a.png").stat().st_mtime + shift
    os.utime(source, (time, time))
    assert reused(record, source) == []
    assert LabelReader([record]).ids == ("a", "b", "c")


def test_label_maps_that_are_not_reused_are_removed(record, source):
    with ResumableWriter(record, "made") as out:
        out.reuse("c", source)
        out.put("c", LABELS)
    assert [path.name for path in record.parent.glob("*.png")] == ["c.png"]


def test_records_are_told_from_other_tables(record):
    assert is_record(record.with_name(UNFINISHED)) and not is_record(record)
    with LabelWriter(record):
        pass
    assert is_record(record)
    record.write_text("image\tlabel\n")
    assert not is_record(record)
