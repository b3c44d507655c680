import tarfile
import zipfile

import pytest

from wsss.errors import UserError
from wsss.export.archive import write_files

FILES = [("b.txt", b"two"), ("in/a.txt", b"one")]
KINDS = ["x.zip", "x.tar", "x.tar.gz", "x.tgz", "x"]


def content(path):
    if path.is_dir():
        inner = [file for file in path.rglob("*") if file.is_file()]
        return sorted((str(file.relative_to(path)), file.read_bytes()) for file in inner)
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            return [(name, archive.read(name)) for name in archive.namelist()]
    with tarfile.open(path) as archive:
        return [(e.name, archive.extractfile(e).read()) for e in archive]


@pytest.mark.parametrize("name", KINDS)
def test_files_come_back(tmp_path, name):
    write_files(tmp_path / name, FILES)
    assert content(tmp_path / name) == FILES
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", KINDS[:-1])
def test_equal_files_give_equal_bytes(tmp_path, name, monkeypatch):
    write_files(tmp_path / name, FILES)
    monkeypatch.setattr("time.time", lambda: 2e9)
    write_files(tmp_path / f"again_{name}", FILES)
    assert (tmp_path / name).read_bytes() == (tmp_path / f"again_{name}").read_bytes()


@pytest.mark.parametrize("name", KINDS)
def test_a_failure_leaves_nothing(tmp_path, name):
    def files():
        yield FILES[0]
        raise UserError("bad mask")

    with pytest.raises(UserError, match="bad mask"):
        write_files(tmp_path / name, files())
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", KINDS)
def test_an_existing_folder_is_left_alone(tmp_path, name):
    (tmp_path / name).mkdir()
    (tmp_path / name / "mine").write_text("")
    with pytest.raises(UserError, match=r"is a folder|exists already"):
        write_files(tmp_path / name, FILES)
    assert content(tmp_path / name) == [("mine", b"")]


@pytest.mark.parametrize("name", KINDS)
def test_a_place_that_cannot_be_written_is_named(tmp_path, name):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"file is a file, not a folder|cannot be written"):
        write_files(tmp_path / "file" / name, FILES)
