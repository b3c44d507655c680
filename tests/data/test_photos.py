import os

import numpy as np
import pytest
from PIL import Image

from wsss.data.photos import find_photos
from wsss.errors import UserError
from wsss.io.labels import LabelWriter


def photo(path, size=(6, 4), **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.zeros((size[1], size[0], 3), np.uint8)).save(path, **options)


def ids(folder, results="results"):
    return [found.image_id for found in find_photos(folder, folder / results)]


def test_a_folder_and_its_subfolders(tmp_path):
    for name in ("b.jpg", "a.PNG", "sub/a.bmp"):
        photo(tmp_path / name)
    assert ids(tmp_path) == ["a", "b", "sub__a"]


def test_a_single_file_of_any_ending(tmp_path):
    photo(tmp_path / "scan", format="PNG")
    assert find_photos(tmp_path / "scan", tmp_path)[0][::2] == ("scan", (4, 6))


def test_sizes_are_those_of_upright_images(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    photo(tmp_path / "turned.jpg", exif=exif)
    assert find_photos(tmp_path, tmp_path / "out")[0].size == (6, 4)


def test_results_and_hidden_files_are_no_photos(tmp_path):
    for name in ("a.png", "results/a.png", ".thumbs/a.png", "._a.png"):
        photo(tmp_path / name)
    assert ids(tmp_path) == ["a"]


def test_other_files_are_named(tmp_path, caplog):
    photo(tmp_path / "a.png")
    for name in ("b.psd", "c.psd", "notes"):
        (tmp_path / name).touch()
    with caplog.at_level("WARNING", "wsss"):
        assert ids(tmp_path) == ["a"]
    assert "left out: 2 .psd, 1 notes" in caplog.text


def test_a_folder_without_photos(tmp_path):
    (tmp_path / "b.psd").touch()
    with pytest.raises(UserError, match=r"no image \(.*\.bmp, .*there are: 1 \.psd"):
        ids(tmp_path)


def test_a_missing_file(tmp_path):
    path = tmp_path / "nowhere"
    with pytest.raises(UserError, match=f"^{path}: no such file$"):
        find_photos(path, tmp_path)


def test_a_name_that_no_table_holds(tmp_path):
    photo(tmp_path / "a\tb.png")
    with pytest.raises(UserError, match="has a tab or line break in its name; rename it"):
        ids(tmp_path)


def test_all_problems_at_once(tmp_path):
    for name in ("a.png", "a.jpg", "sub/b.png"):
        photo(tmp_path / name)
    (tmp_path / "empty.jpg").touch()
    with pytest.raises(UserError) as error:
        ids(tmp_path)
    first, same, empty = str(error.value).split("\n")
    assert first == f"2 problems in {tmp_path}:"
    assert "a.jpg and" in same and "the same name" in same
    assert empty.endswith("empty.jpg: the file is empty (0 bytes)")


def test_damaged_photos_are_among_the_others(tmp_path):
    photo(tmp_path / "a.png")
    (tmp_path / "b.jpg").write_text("no image")
    (tmp_path / "c.jpg").symlink_to(tmp_path / "gone")
    found = find_photos(tmp_path, tmp_path / "out")
    assert [photo.size for photo in found] == [(4, 6), (0, 0), (0, 0)]
    assert [photo.damage.partition(": ")[2] for photo in found] == [
        "",
        "not an image, or of a format that is not supported",
        "no such file",
    ]


def test_if_all_are_damaged_there_is_nothing_to_do(tmp_path):
    (tmp_path / "b.jpg").write_text("no image")
    with pytest.raises(UserError, match=r"1 problem in .*\n.*b\.jpg: not an image"):
        ids(tmp_path)


def test_large_photos_are_damaged_unless_asked_for(tmp_path):
    photo(tmp_path / "a.png")
    with pytest.raises(UserError, match="6 x 4 pixels, more than 23 in all"):
        find_photos(tmp_path, tmp_path / "out", limit=23)


def test_folders_of_masks_are_no_photos(tmp_path, caplog):
    photo(tmp_path / "a.png")
    with LabelWriter(tmp_path / "masks/labels.tsv") as out:
        out.put("a", np.eye(3))
    photo(tmp_path / "own/b.png")
    (tmp_path / "own/labels.tsv").write_text("image\tlabel\n")
    with caplog.at_level("INFO", "wsss"):
        assert ids(tmp_path) == ["a", "own__b"]
    assert f"{tmp_path / 'masks'}: holds label maps" in caplog.text


def test_what_is_left_out_is_named(tmp_path, caplog):
    photo(tmp_path / "a.png")
    photo(tmp_path.parent / f"{tmp_path.name} elsewhere/b.png")
    (tmp_path / "more").symlink_to(tmp_path.parent / f"{tmp_path.name} elsewhere")
    photo(tmp_path / ".hidden.png")
    (tmp_path / os.fsdecode(b"x.\xff")).touch()
    with caplog.at_level("WARNING", "wsss"):
        assert ids(tmp_path) == ["a"]
    assert "1 links to folders" in caplog.text and "1 .\\udcff" in caplog.text
    assert "1 hidden files are left out: '.hidden.png'" in caplog.text


@pytest.mark.parametrize("name", [b"\xff.png", b"a\x01.png", "a\u2028.png".encode()])
def test_a_name_that_no_record_holds(tmp_path, name):
    photo(tmp_path / "a.png")
    Image.new("L", (2, 2)).save(tmp_path / "b.png")
    (tmp_path / "b.png").rename(tmp_path / os.fsdecode(name))
    with pytest.raises(UserError, match=r"control character or bytes that are no UTF-8"):
        ids(tmp_path)


def test_links_to_themselves_and_pipes_are_damaged(tmp_path):
    photo(tmp_path / "a.png")
    (tmp_path / "b.jpg").symlink_to("b.jpg")
    os.mkfifo(tmp_path / "c.jpg")
    damage = [found.damage.partition(": ")[2] for found in find_photos(tmp_path, tmp_path / "out")]
    assert damage == ["", "no such file", "not a regular file, but a pipe, socket or device"]
