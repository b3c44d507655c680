from pathlib import Path

import pytest

from wsss.errors import UserError
from wsss.io.index import Index, Item, Masks

HEAD = "#classes\tcat\nimage_id\tsplit\timage\tdigest\tclasses\twhite\n"


@pytest.fixture
def index():
    items = (
        Item("a", "train", Path("data/a b.jpg"), "0" * 16, (0, 1)),
        Item("b", "train", Path("data/b.jpg"), "1" * 16, ()),
        Item("c", "val", Path("data/c.jpg"), "2" * 16, (1,)),
    )
    return Index(("cat", "wild dog"), items)


def test_index_survives_a_round_trip(index, tmp_path):
    index.write(tmp_path / "index.tsv")
    assert Index.read(tmp_path / "index.tsv") == index


def test_index_is_a_readable_table(index, tmp_path):
    index.write(tmp_path / "index.tsv")
    lines = (tmp_path / "index.tsv").read_text().splitlines()
    assert lines[0] == "#classes\tcat\twild dog"
    assert lines[2].split("\t")[-2:] == ["cat;wild dog", "65535"]


def test_lookup(index):
    assert index.num_classes == 2
    assert [item.image_id for item in index.split("train")] == ["a", "b"]
    assert index.by_id["c"].classes == (1,)


def test_empty_split_is_named(index):
    with pytest.raises(UserError, match="'test' has no image; splits in the index: train, val"):
        index.split("test")


@pytest.mark.parametrize(
    "text, message",
    [
        ("", "not a table"),
        ("#classes\tcat\nimage_id\tsplit\n", "not a table"),
        (HEAD + "a\tb\n", ":3: 2 fields"),
        (HEAD + "a\tb\tc\td\tcat\t9\n", "checksum"),
        (HEAD + "a\tb\tc\td\tcat\tx\n", "'x' is no white"),
    ],
)
def test_damaged_index_is_named(tmp_path, text, message):
    (tmp_path / "index.tsv").write_text(text)
    with pytest.raises(UserError, match=message):
        Index.read(tmp_path / "index.tsv")


def test_no_flipped_byte_and_no_missing_line_is_consumed(index, tmp_path):
    path = tmp_path / "index.tsv"
    index.write(path)
    data = path.read_bytes()
    flipped = [data[:i] + bytes([data[i] ^ 3]) + data[i + 1 :] for i in range(len(data))]
    lines = data.splitlines(keepends=True)
    cut = [b"".join(lines[:i] + lines[i + 1 :]) for i in range(len(lines))]
    for damaged in (*flipped, *cut, *(b"".join(lines[:i]) for i in range(len(lines)))):
        path.write_bytes(damaged)
        with pytest.raises(UserError, match=r"index\.tsv"):
            Index.read(path)


def test_missing_index_is_named(tmp_path):
    with pytest.raises(UserError, match=r"index\.tsv: cannot be read"):
        Index.read(tmp_path / "index.tsv")


@pytest.mark.parametrize("paths", [{}, {"a": Path("m/a.png"), "b": Path("m/b.png")}])
def test_masks_survive_a_round_trip(tmp_path, paths):
    masks = Masks("made by hand", paths, dict.fromkeys(paths, "0" * 16))
    masks.write(tmp_path / "masks.tsv")
    assert Masks.read(tmp_path / "masks.tsv") == masks


def test_tables_of_several_splits_are_read_as_one(tmp_path):
    one, two = (tmp_path / f"index.{split}.tsv" for split in ("train", "val"))
    items = [Item(name, name, Path(name), "0", (0,)) for name in ("train", "val")]
    Index(("cat",), (items[0],)).write(one)
    Index(("cat",), (items[1],)).write(two)
    assert Index.read(one, two).items == tuple(items)
    Index(("dog",), (items[1],)).write(two)
    with pytest.raises(UserError, match=r"index\.val\.tsv: other classes"):
        Index.read(one, two)


def test_masks_of_several_splits_are_read_as_one(tmp_path):
    one, two = (tmp_path / f"masks.{split}.tsv" for split in ("train", "val"))
    Masks("").write(one)
    Masks("by hand", {"a": Path("a.png")}, {"a": "0"}).write(two)
    assert Masks.read(one, two) == Masks.read(two)
