import os

import numpy as np
import pytest

from wsss.io.labels import LabelReader, LabelWriter, is_record
from wsss.io.resumable import UNFINISHED, ContinuingWriter

LABELS = np.eye(3, dtype=np.uint8)


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "photo.jpg"
    path.touch()
    return path


@pytest.fixture
def record(tmp_path, source):
    """An interrupted call has drawn a and b."""
    path = tmp_path / "masks/labels.tsv"
    with pytest.raises(KeyboardInterrupt), ContinuingWriter(path, "made") as out:
        for image_id in "ab":
            assert not out.take(image_id, source)
            out.put(image_id, LABELS)
        raise KeyboardInterrupt
    return path


def taken(record, source, provenance="made"):
    """Take or draw a, b and c."""
    with ContinuingWriter(record, provenance) as out:
        known = [image_id for image_id in "abc" if out.take(image_id, source)]
        for image_id in "abc":
            if image_id not in known:
                out.put(image_id, LABELS)
    return known


def test_an_interrupted_call_is_continued(record, source):
    assert taken(record, source) == ["a", "b"]
    assert LabelReader([record]).ids == ("a", "b", "c")
    assert not record.with_name(UNFINISHED).exists()


def test_a_finished_call_is_not(record, source):
    taken(record, source)
    assert taken(record, source) == []


def test_another_provenance_starts_anew(record, source):
    assert taken(record, source, "made otherwise") == []


def test_a_second_interruption_loses_nothing(record, source):
    with pytest.raises(KeyboardInterrupt), ContinuingWriter(record, "made") as out:
        out.take("c", source)
        out.put("c", LABELS)
        raise KeyboardInterrupt
    assert taken(record, source) == ["a", "b", "c"]


def test_only_whole_label_maps_are_taken(record, source):
    record.with_name("a.png").write_bytes(b"half")
    assert taken(record, source) == ["b"]
    assert (LabelReader([record]).read("a") == LABELS).all()


@pytest.mark.parametrize("shift", [-9, 9])
def test_a_changed_source_is_looked_at_again(record, source, shift):
    time = record.with_name("a.png").stat().st_mtime + shift
    os.utime(source, (time, time))
    assert taken(record, source) == []
    assert LabelReader([record]).ids == ("a", "b", "c")


def test_label_maps_that_nobody_takes_go(record, source):
    with ContinuingWriter(record, "made") as out:
        out.take("c", source)
        out.put("c", LABELS)
    assert [path.name for path in record.parent.glob("*.png")] == ["c.png"]


def test_records_are_told_from_other_tables(record):
    assert is_record(record.with_name(UNFINISHED)) and not is_record(record)
    with LabelWriter(record):
        pass
    assert is_record(record)
    record.write_text("image\tlabel\n")
    assert not is_record(record)
