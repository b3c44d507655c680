import pickle
from multiprocessing import get_context

import numpy as np
import pytest

from wsss.errors import UserError
from wsss.io.maps import MapsReader, MapsWriter, alpha_name, alphas_of

CAM = np.linspace(0, 1, 12, dtype=np.float16).reshape(1, 3, 4)


def write(path, *ids):
    with MapsWriter(path) as out:
        for image_id in ids:
            out.put(image_id, cam=CAM, classes=np.array([7]))


def test_random_access_over_records(tmp_path):
    records = [tmp_path / split / "maps.tsv" for split in ("train", "val")]
    write(records[0], "a", "b.c")
    write(records[1], "d")
    reader = MapsReader(records)
    assert reader.ids == ("a", "b.c", "d")
    maps = pickle.loads(pickle.dumps(reader)).read("b.c")
    assert np.array_equal(maps["cam"], CAM) and maps["classes"] == 7


def test_numpy_reads_maps_without_pickle(tmp_path):
    write(tmp_path / "1.tsv", "a")
    with np.load(tmp_path / "1.npz", allow_pickle=False) as file:
        assert np.array_equal(file["a/cam"], CAM)


def test_equal_content_gives_equal_bytes(tmp_path):
    one, two = (tmp_path / name / "maps.tsv" for name in "12")
    for record in (one, two):
        write(record, "a")
    assert one.read_bytes() == two.read_bytes()
    assert one.with_suffix(".npz").read_bytes() == two.with_suffix(".npz").read_bytes()


def test_a_failure_leaves_nothing(tmp_path):
    with pytest.raises(RuntimeError), MapsWriter(tmp_path / "1.tsv") as out:
        out.put("a", cam=CAM)
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_a_failure_keeps_earlier_maps(tmp_path):
    write(tmp_path / "1.tsv", "a")
    with pytest.raises(RuntimeError), MapsWriter(tmp_path / "1.tsv") as out:
        out.put("b", cam=CAM)
        raise RuntimeError
    assert MapsReader([tmp_path / "1.tsv"]).ids == ("a",)
    assert np.array_equal(MapsReader([tmp_path / "1.tsv"]).read("a")["cam"], CAM)


def test_new_maps_never_stand_beside_an_older_record(tmp_path, monkeypatch):
    write(tmp_path / "1.tsv", "a")

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("wsss.io.maps.write_record", killed)
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "1.tsv", "b")
    assert not (tmp_path / "1.tsv").exists()


def test_an_object_array_is_never_written(tmp_path):
    with pytest.raises(ValueError, match="pickle"), MapsWriter(tmp_path / "1.tsv") as out:
        out.put("a", cam=np.array([{}], dtype=object))


@pytest.mark.parametrize("cut", [0, 10, 200])
def test_truncated_maps_are_named(tmp_path, cut):
    write(tmp_path / "1.tsv", "a")
    data = (tmp_path / "1.npz").read_bytes()
    (tmp_path / "1.npz").write_bytes(data[:cut])
    with pytest.raises(UserError, match=r"1\.npz: not readable as maps"):
        MapsReader([tmp_path / "1.tsv"]).read("a")


def test_flipped_bytes_are_found(tmp_path):
    write(tmp_path / "1.tsv", "a")
    data = bytearray((tmp_path / "1.npz").read_bytes())
    data[60:70] = bytes(10)
    (tmp_path / "1.npz").write_bytes(data)
    with pytest.raises(UserError, match="not readable as maps"):
        MapsReader([tmp_path / "1.tsv"]).read("a")


def test_an_unknown_image_is_refused(tmp_path):
    write(tmp_path / "1.tsv", "a")
    with pytest.raises(UserError, match="image z has no maps"):
        MapsReader([tmp_path / "1.tsv"]).read("z")


def test_a_full_disk_leaves_no_maps(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    named = pytest.raises(UserError, match=r"1\.npz: cannot be written \(No space left")
    with named, MapsWriter(tmp_path / "1.tsv") as out:
        out.put("a", cam=CAM)
        monkeypatch.setattr("zipfile.ZipFile._write_end_record", full)
    monkeypatch.undo()
    assert list(tmp_path.iterdir()) == []


def test_many_records_are_read_with_few_open_files(tmp_path):
    paths = [tmp_path / str(i) / "maps.tsv" for i in range(40)]
    for i, path in enumerate(paths):
        write(path, f"image{i}")
    reader = MapsReader(paths)
    assert all(np.array_equal(reader.read(image_id)["cam"], CAM) for image_id in reader.ids)
    assert len(reader._open) <= 16


def test_alphas_come_back_from_their_names_in_order():
    names = ["classes", *map(alpha_name, (32.0, 4.0, 0.5))]
    assert alphas_of(names) == {0.5: "alpha_0.5", 4.0: "alpha_4", 32.0: "alpha_32"}
    assert list(alphas_of(names)) == [0.5, 4.0, 32.0]


def test_a_record_states_its_provenance(tmp_path):
    with MapsWriter(tmp_path / "1.tsv", '{"seed":0}') as out:
        out.put("a", cam=CAM)
    assert (tmp_path / "1.tsv").read_text().splitlines()[0] == '#{"seed":0}'


def test_only_named_arrays_are_read_and_a_missing_one_is_named(tmp_path):
    write(tmp_path / "1.tsv", "a")
    reader = MapsReader([tmp_path / "1.tsv"])
    assert list(reader.read("a", "cam")) == ["cam"]
    with pytest.raises(UserError, match=r"1\.tsv: has no alpha_4 of image a"):
        reader.read("a", "alpha_4")


READERS = []


def first_read(image_id):
    return READERS[0].read(image_id)["cam"].tobytes()


def test_forked_processes_do_not_share_their_place_in_a_file(tmp_path):
    maps = {name: np.random.default_rng(ord(name)).random((60, 60)) for name in "abcd"}
    with MapsWriter(tmp_path / "maps.tsv") as out:
        for name, cam in maps.items():
            out.put(name, cam=cam)
    READERS[:] = [MapsReader([tmp_path / "maps.tsv"])]
    assert first_read("a") == maps["a"].tobytes()
    names = list(maps) * 100
    with get_context("fork").Pool(2) as pool:
        read = pool.map(first_read, names, chunksize=1)
    assert read == [maps[name].tobytes() for name in names]


def test_records_of_different_kinds_are_not_read_as_one(tmp_path):
    records = [tmp_path / name / "maps.tsv" for name in "12"]
    for record, alpha in zip(records, (4, 5), strict=True):
        with MapsWriter(record) as out:
            out.put(record.parent.name, **{alpha_name(alpha): CAM})
    with pytest.raises(UserError, match=r"\.tsv: has other arrays than .*\.tsv; delete both"):
        MapsReader(records).read("1")


def test_records_of_different_kinds_stay_refused(tmp_path):
    records = [tmp_path / name / "maps.tsv" for name in "ab"]
    for record in records:
        with MapsWriter(record) as out:
            out.put(record.parent.name, **{record.parent.name: CAM})
    maps = MapsReader(records)
    for _ in range(2):
        with pytest.raises(UserError, match="has other arrays than"):
            maps.read("a")
