import numpy as np
import pytest

from wsss.cli import main
from wsss.io.arguments import passed
from wsss.io.labels import LabelReader, LabelWriter
from wsss.io.maps import MapsReader, MapsWriter


@pytest.fixture
def parts(tmp_path):
    """Records of label maps of two parts of a split."""
    records = [tmp_path / f"val/parts/{i}-of-2.tsv" for i in (1, 2)]
    for label, (record, image_id) in enumerate(zip(records, "ba", strict=True)):
        with LabelWriter(record, "made") as out:
            out.put(image_id, np.full((2, 3), label, np.uint8))
    return records


def gather(parts, out, *more):
    argument = passed("\n".join(map(str, parts)), out.with_name("parts.txt"))
    return main(["gather-parts", "--parts", argument, "--out", str(out), *more])


def test_the_parts_of_a_split_become_one(tmp_path, parts):
    out = tmp_path / "val/labels.tsv"
    assert gather(parts, out) == 0
    labels = LabelReader([out])
    assert labels.ids == ("b", "a")
    assert labels.read("b").max() == 0 and labels.read("a").min() == 1


def test_more_records_than_an_argument_may_hold_are_read_from_a_file(tmp_path):
    folder = tmp_path / ("long" * 50)
    records = [folder / f"parts/{i}-of-80.tsv" for i in range(1, 81)]
    for record in records:
        with LabelWriter(record, "made") as out:
            out.put(record.stem, np.zeros((1, 1), np.uint8))
    assert gather(records, folder / "labels.tsv") == 0
    assert (folder / "parts.txt").is_file()
    assert len(LabelReader([folder / "labels.tsv"]).ids) == len(records)


def test_score_maps_stay_in_the_files_of_their_parts(tmp_path):
    records = [tmp_path / f"val/parts/{i}-of-2.tsv" for i in (1, 2)]
    for value, record in enumerate(records):
        with MapsWriter(record, "made") as out:
            out.put(f"image{value}", cam=np.full((1, 2, 2), value))
    assert gather(records, tmp_path / "val/maps.tsv") == 0
    maps = MapsReader([tmp_path / "val/maps.tsv"])
    assert [maps.read(image_id)["cam"].max() for image_id in maps.ids] == [0, 1]


@pytest.mark.parametrize("damage", ["missing", "cut"])
def test_a_part_that_is_not_whole_is_named(tmp_path, parts, damage, capfd):
    if damage == "missing":
        parts[1].unlink()
    else:
        parts[1].write_bytes(parts[1].read_bytes()[:-9])
    assert gather(parts, tmp_path / "val/labels.tsv", "--users", "b4, b8, val") == 2
    said = capfd.readouterr().err
    assert said.startswith(f"error: gather_parts of b4, b8, val: {parts[1]}: ")
    assert said.endswith("run again to rebuild it\n") and said.count("\n") == 1
    assert not (tmp_path / "val/labels.tsv").exists()
