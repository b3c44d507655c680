"""A split is the same however many jobs it was shared among."""

import numpy as np
import pytest

from wsss.errors import UserError
from wsss.io.labels import LabelReader, LabelWriter
from wsss.io.maps import MapsReader, MapsWriter
from wsss.io.parts import part_of
from wsss.io.records import join

IDS = tuple("abcdefg")


def write_labels(record, ids):
    with LabelWriter(record, "made") as out:
        for number, image_id in enumerate(IDS):
            if image_id in ids:
                out.put(image_id, np.full((2, 3), number, np.uint8))


def write_maps(record, ids):
    with MapsWriter(record, "made") as out:
        for number, image_id in enumerate(IDS):
            if image_id in ids:
                out.put(image_id, cam=np.full((1, 2), number))


def made(folder, name, write, jobs):
    """Write a split in so many parts; return its record."""
    record = folder / f"{name}.tsv"
    if jobs == 1:
        write(record, IDS)
        return record
    names = [f"{i}-of-{jobs}" for i in range(1, jobs + 1)]
    parts = [folder / "parts" / f"{part}.tsv" for part in names]
    for part, path in zip(names, parts, strict=True):
        write(path, part_of(IDS, part))
    assert join(parts, record) == len(IDS)
    return record


@pytest.mark.parametrize("jobs", [2, 3, 7])
def test_label_maps_are_the_same_files(tmp_path, jobs):
    one, several = (made(tmp_path / str(n), "labels", write_labels, n) for n in (1, jobs))
    assert one.read_bytes() == several.read_bytes()
    for image_id in IDS:
        name = f"{image_id}.png"
        assert (one.parent / name).read_bytes() == (several.parent / name).read_bytes()
    assert LabelReader([several]).ids == IDS


@pytest.mark.parametrize("jobs", [2, 3, 7])
def test_score_maps_read_the_same(tmp_path, jobs):
    one, several = (MapsReader([made(tmp_path / str(n), "maps", write_maps, n)]) for n in (1, jobs))
    assert one.ids == several.ids == IDS
    for image_id in IDS:
        assert np.array_equal(one.read(image_id)["cam"], several.read(image_id)["cam"])


def test_files_of_another_number_of_jobs_are_removed(tmp_path):
    write_maps(tmp_path / "parts/1-of-9.tsv", "a")
    made(tmp_path, "maps", write_maps, 2)
    left = sorted(path.name for path in (tmp_path / "parts").iterdir())
    assert left == ["1-of-2.npz", "1-of-2.tsv", "2-of-2.npz", "2-of-2.tsv"]


def test_parts_of_two_kinds_or_of_the_same_images_are_refused(tmp_path):
    write_maps(tmp_path / "parts/1-of-2.tsv", "ab")
    write_labels(tmp_path / "parts/2-of-2.tsv", "cd")
    parts = [tmp_path / f"parts/{i}-of-2.tsv" for i in (1, 2)]
    with pytest.raises(UserError, match="another kind"):
        join(parts, tmp_path / "maps.tsv")
    write_maps(parts[1], "bc")
    with pytest.raises(UserError, match="image b is also in another part"):
        join(parts, tmp_path / "maps.tsv")
    assert not (tmp_path / "maps.tsv").exists()


def test_a_damaged_part_is_named(tmp_path):
    write_maps(tmp_path / "parts/1-of-1.tsv", "ab")
    (tmp_path / "parts/1-of-1.tsv").write_text("#made\n")
    with pytest.raises(UserError, match=r"1-of-1\.tsv: not a complete commit record"):
        join([tmp_path / "parts/1-of-1.tsv"], tmp_path / "maps.tsv")


def test_a_part_that_is_made_again_takes_the_record_of_its_split_away(tmp_path):
    record = made(tmp_path, "labels", write_labels, 2)
    write_labels(tmp_path / "parts/1-of-2.tsv", "abc")
    assert not record.exists()
