import errno
import io
import tarfile
import zipfile

import pytest

from wsss.errors import UserError
from wsss.fetch.archives import is_unpacked, unpack

FILES = {"voc/a.txt": b"a" * 2000, "voc/deep/b.bin": bytes(range(256)) * 9}


def tar(path, files=FILES, members=(), mode="w"):
    with tarfile.open(path, mode) as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
        for member in members:
            archive.addfile(member)
    return path


def zipped(path, files=FILES):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def link(name, target, kind=tarfile.SYMTYPE):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


MAKERS = {
    "a.tar": tar,
    "a.tgz": lambda path: tar(path, mode="w:gz"),
    "a.tar.xz": lambda path: tar(path, mode="w:xz"),
    "a.zip": zipped,
}


@pytest.fixture(params=MAKERS)
def archive(request, tmp_path):
    return MAKERS[request.param](tmp_path / request.param)


def content(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != ".unpacked"
    }


def test_every_kind_of_archive_is_unpacked(archive, tmp_path):
    unpack(archive, tmp_path / "out/voc", "1")
    assert content(tmp_path / "out/voc") == {
        "a.txt": b"a" * 2000,
        "deep/b.bin": FILES["voc/deep/b.bin"],
    }


def test_a_folder_of_another_name_keeps_the_top(archive, tmp_path):
    unpack(archive, tmp_path / "out", "1")
    assert content(tmp_path / "out") == FILES


def test_the_same_stamp_is_unpacked_once(archive, tmp_path):
    unpack(archive, tmp_path / "voc", "1")
    archive.unlink()
    unpack(archive, tmp_path / "voc", "1")
    assert is_unpacked(tmp_path / "voc", "1") and not is_unpacked(tmp_path / "voc", "2")


def test_another_archive_replaces_the_folder(tmp_path):
    unpack(tar(tmp_path / "a.tar"), tmp_path / "voc", "1")
    unpack(zipped(tmp_path / "b.zip", {"voc/c": b"c"}), tmp_path / "voc", "2")
    assert content(tmp_path / "voc") == {"c": b"c"}


def test_a_folder_that_is_half_removed_does_not_pass_for_the_whole(tmp_path, monkeypatch):
    first, second = tar(tmp_path / "a.tar"), zipped(tmp_path / "b.zip", {"voc/c": b"c"})
    unpack(first, tmp_path / "voc", "1")
    whole = content(tmp_path / "voc")

    def killed(folder, ignore_errors=False):
        if not ignore_errors:
            next(path for path in folder.rglob("*") if path.is_file()).unlink()
            raise KeyboardInterrupt

    monkeypatch.setattr("wsss.fetch.archives.shutil.rmtree", killed)
    with pytest.raises(KeyboardInterrupt):
        unpack(second, tmp_path / "voc", "2")
    monkeypatch.undo()
    unpack(first, tmp_path / "voc", "1")
    assert content(tmp_path / "voc") == whole
    assert {path.name for path in tmp_path.iterdir()} == {"a.tar", "b.zip", "voc"}


def test_a_folder_of_the_user_is_not_replaced(tmp_path):
    (tmp_path / "voc").mkdir()
    with pytest.raises(UserError, match="move it away"):
        unpack(tar(tmp_path / "a.tar"), tmp_path / "voc", "1")


def refused(archive, tmp_path, message):
    """The archive leaves nothing outside, and nothing half done inside."""
    with pytest.raises(UserError, match=message) as error:
        unpack(archive, tmp_path / "deep/out", "1")
    assert "\n" not in str(error.value) and str(archive) in str(error.value)
    assert not list(tmp_path.glob("deep/*")) and not (tmp_path / "evil").exists()


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5])
def test_a_truncated_archive_leaves_nothing(archive, tmp_path, share):
    data = archive.read_bytes()
    archive.write_bytes(data[: int(len(data) * share)])
    refused(archive, tmp_path, "damaged, incomplete or protected")


def test_a_tar_cut_between_two_files_is_seen(tmp_path):
    archive = tar(tmp_path / "a.tar")
    archive.write_bytes(archive.read_bytes()[: 512 + 2048])
    refused(archive, tmp_path, "its end is missing")


def test_a_tar_with_a_broken_header_is_seen(tmp_path):
    archive = tar(tmp_path / "a.tar")
    data = bytearray(archive.read_bytes())
    data[512 + 2048 + 10] ^= 255
    archive.write_bytes(data)
    refused(archive, tmp_path, "its end is missing")


def test_a_changed_byte_is_seen(tmp_path):
    archive = zipped(tmp_path / "a.zip")
    data = bytearray(archive.read_bytes())
    data[45] ^= 255
    archive.write_bytes(data)
    refused(archive, tmp_path, "damaged")


@pytest.mark.parametrize("data", [b"", b"<html>moved</html>"])
def test_what_is_no_archive_is_reported(tmp_path, data):
    (tmp_path / "a.tgz").write_bytes(data)
    refused(tmp_path / "a.tgz", tmp_path, "damaged")


def test_an_archive_without_files_is_reported(tmp_path):
    refused(tar(tmp_path / "a.tar", {}), tmp_path, "holds no file")


def test_a_missing_archive_is_reported(tmp_path):
    refused(tmp_path / "a.tar", tmp_path, "no such file")


@pytest.mark.parametrize("name", ["../../evil", "/evil", "a/../../../evil", ".."])
@pytest.mark.parametrize("make", [tar, zipped])
def test_a_path_that_leads_out_is_refused(tmp_path, name, make):
    refused(make(tmp_path / "x", {"ok": b"1", name: b"x"}), tmp_path, "leads out")


@pytest.mark.parametrize(
    "member",
    [
        link("l", "../../evil"),
        link("l", "/etc/passwd"),
        link("a/l", "../../x"),
        link("l", "../x", tarfile.LNKTYPE),
        link("pipe", "", tarfile.FIFOTYPE),
        link("dev", "", tarfile.CHRTYPE),
    ],
    ids=lambda info: f"{info.name}-{info.linkname}",
)
def test_links_that_lead_out_and_devices_are_refused(tmp_path, member):
    refused(tar(tmp_path / "x.tar", members=[member]), tmp_path, "archive refused")


@pytest.mark.parametrize("names", [".", "a a/b", "a/b a", "n" * 300], ids=lambda names: names[:9])
@pytest.mark.parametrize("make", [tar, zipped])
def test_names_that_no_folder_can_hold_are_refused(tmp_path, names, make):
    files = dict.fromkeys(names.split(), b"x")
    refused(make(tmp_path / "x", files), tmp_path, r"cannot be written \(.*archive refused")


def test_a_backslash_is_refused(tmp_path):
    refused(zipped(tmp_path / "x.zip", {"..\\evil.txt": b"x"}), tmp_path, "backslash")


def test_a_full_disk_is_no_mistake_of_the_archive(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("wsss.fetch.archives._write", full)
    with pytest.raises(UserError, match=r"No space left on device.*; free space"):
        unpack(tar(tmp_path / "x.tar"), tmp_path / "out", "1")


def test_a_link_inside_is_left_out(tmp_path, caplog):
    unpack(tar(tmp_path / "x.tar", members=[link("voc/l", "a.txt")]), tmp_path / "voc", "1")
    assert set(content(tmp_path / "voc")) == {"a.txt", "deep/b.bin"}
    assert "the link voc/l is left out" in caplog.text


def test_a_link_in_a_zip_is_refused(tmp_path):
    info = zipfile.ZipInfo("l")
    info.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr(info, "/etc")
    refused(tmp_path / "x.zip", tmp_path, "is a link or device")
