from pathlib import Path

import pytest

from wsss.config.dataset import CAPABILITIES, Dataset
from wsss.data.contents import FileContents
from wsss.data.sources import SOURCES, inputs, read, split_sizes
from wsss.data.taxonomy import VOC_CLASSES
from wsss.errors import UserError

GOOD = ["img/a.png,train,cat", "img/b.png,train,dog;cat", "img/c.png,val,dog"]


def listed(folder, **options):
    return read(Dataset(root=str(folder.root), **{"source": "csv", **options}))


@pytest.mark.parametrize("encoding, end", [("utf-8-sig", "\n"), ("utf-8", "\r\n"), ("utf-8", "\r")])
def test_table_of_any_editor_is_read(folder, encoding, end):
    folder.table(GOOD, encoding=encoding, end=end)
    assert [record.where for record in listed(folder).records] == [
        "labels.csv:2",
        "labels.csv:3",
        "labels.csv:4",
    ]


def test_blanks_quotes_and_extra_columns_do_not_matter(folder):
    folder.table(['"img/a.png", x , train ," cat ; dog;cat"', ""], "image,notes,split,labels")
    (record,) = listed(folder).records
    assert (str(record.image), record.split) == ("img/a.png", "train")
    assert record.labels == ("cat", "dog")


def test_line_numbers_count_quoted_line_breaks(folder):
    folder.table(
        ['img/a.png,train,cat,"two\nlines"', "img/b.png,train,cat,"], "image,split,labels,x"
    )
    assert [record.where for record in listed(folder).records] == ["labels.csv:3", "labels.csv:4"]


@pytest.mark.parametrize(
    "data, message",
    [
        (b"", "is empty"),
        (b"image,split,labels\n", "no rows"),
        (b"image:split:labels\na:b:c\n", ":1: no column .*separated by commas"),
        (b"image,split\na,train\n", ":1: no column labels"),
        (b"image,image,split,labels\na,b,c,d\n", "column image occurs twice"),
        ("image,split,labels\na,train,bär\n".encode("latin-1"), ":2: not UTF-8"),
        (b'image,split,labels\n"a,train,cat\n', "not valid CSV"),
    ],
)
def test_table_that_cannot_be_understood_is_named(folder, data, message):
    (folder.root / "labels.csv").write_bytes(data)
    with pytest.raises(UserError, match=rf"labels\.csv.*{message}"):
        listed(folder)


def test_missing_table_is_named(folder):
    with pytest.raises(UserError, match=r"other\.csv: cannot be read"):
        listed(folder, labels="other.csv")


def test_splits_may_have_other_names(folder):
    folder.table([row.replace("train", "fit") for row in GOOD])
    records = listed(folder, splits={"train": "fit", "val": "val"}).records
    assert [record.split for record in records] == ["train", "train", "val"]


def test_an_unused_split_is_warned_about(folder, caplog):
    folder.table([*GOOD, "img/d.png,trian,cat"])
    assert len(listed(folder).records) == 3
    said = "labels.csv: split 'trian' is not used, rows: 1; did you mean train?"
    assert listed(folder).warnings == [said]
    folder.check()
    assert said in caplog.text


def test_a_split_of_another_name_is_told_the_key(folder):
    folder.table([row.replace("val", "test") for row in GOOD])
    (said,) = listed(folder).warnings
    assert said.endswith("rows: 1; dataset.splits: {train: train, val: test} makes it val")
    records = listed(folder, splits={"train": "train", "val": "test"}).records
    assert [record.split for record in records] == ["train", "train", "val"]


def test_same_split_twice_is_refused(folder):
    with pytest.raises(UserError, match="different splits"):
        listed(folder, splits={"train": "all", "val": "all"})


def test_missing_folder_is_named(folder):
    folder.root = folder.root / "nowhere"
    with pytest.raises(UserError, match="nowhere is not a folder"):
        listed(folder)


@pytest.fixture
def voc(folder):
    """Two images in VOC layout with labels in XML, one mask, no table."""
    (folder.root / "labels.csv").unlink()
    for name, shown in {"a": ["dog", "head"], "b": ["person", "dog"]}.items():
        folder.image(f"JPEGImages/{name}.jpg")
        objects = "".join(f"<object><name>{x}</name></object>" for x in shown)
        write(folder, f"Annotations/{name}.xml", f"<annotation>{objects}</annotation>")
    folder.image("SegmentationClass/b.png", mode="L")
    write(folder, "ImageSets/Segmentation/train.txt", "a\n")
    write(folder, "ImageSets/Segmentation/val.txt", "b\n\n")
    return folder


def write(folder, name, text):
    (folder.root / name).parent.mkdir(parents=True, exist_ok=True)
    (folder.root / name).write_text(text)


def test_voc_labels_from_xml(voc):
    one, two = listed(voc, source="voc").records
    assert (one.split, one.labels, one.mask) == ("train", ("dog",), None)
    assert two.labels == ("dog", "person") and str(two.mask) == "SegmentationClass/b.png"


def test_voc_table_wins_over_xml(voc):
    voc.table(["JPEGImages/a.jpg,cat", "b,dog"], "image,labels")
    one, two = listed(voc, source="voc").records
    assert (one.labels, one.where) == (("cat",), "labels.csv:2")
    assert two.labels == ("dog",)


def test_voc_has_20_classes(voc):
    assert listed(voc, source="voc").class_names == VOC_CLASSES
    assert len(VOC_CLASSES) == 20 and list(VOC_CLASSES) == sorted(VOC_CLASSES)


def test_other_classes_in_voc_layout_are_sorted(voc):
    voc.table(["a,zebra", "b,ape;zebra"], "image,labels")
    write(voc, "ImageSets/Segmentation/train.txt", "a\nb\n")
    write(voc, "ImageSets/Segmentation/val.txt", "")
    assert listed(voc, source="voc").class_names is None


def test_image_without_annotation_is_named(voc):
    (voc.root / "Annotations/a.xml").write_text("<broken")
    (problem,) = listed(voc, source="voc").problems
    assert problem.startswith("Annotations/a.xml: cannot be read")


def test_image_without_row_is_named(voc):
    voc.table(["b,dog"], "image,labels")
    assert any("train.txt:1: no label" in problem for problem in voc.problems(source="voc"))


def test_id_listed_twice_is_named(voc):
    write(voc, "ImageSets/Segmentation/val.txt", "b\na\n")
    assert "val.txt:2: a is already listed in train.txt:1" in voc.problems(source="voc")


def test_missing_list_is_named(voc):
    (voc.root / "ImageSets/Segmentation/val.txt").unlink()
    with pytest.raises(UserError, match=r"val\.txt: cannot be read"):
        listed(voc, source="voc")


def facts(folder, **options):
    """Split -> facts of its index and of its masks."""
    found = inputs(Dataset(root=str(folder.root), **{"source": "csv", **options}))
    return {split: tuple(part.facts for part in parts) for split, parts in found.items()}


def changed(before, after):
    """The (split, position) of facts that differ."""
    return {(s, i) for s in before for i in (0, 1) if before[s][i] != after[s][i]}


MASKED = [f"{row},m{row[4]}.png" for row in GOOD]
TRAIN, VAL = ("train", 0), ("val", 0)


@pytest.mark.parametrize(
    "rows, expected",
    [
        (MASKED, set()),
        ([MASKED[2], *MASKED[:2]], set()),
        ([*MASKED, "img/d.png,test,cat,"], set()),
        ([*MASKED[:2], "img/c.png,val,cat,mc.png"], {VAL}),
        ([*MASKED[:2], "img/c.png,val,dgo,mc.png"], {VAL}),
        ([*MASKED[:2], "img/c.png,val"], {VAL, ("val", 1)}),
        ([*MASKED, ",val,dog,"], {VAL}),
        ([*MASKED[:2], "img/c.png,val,dog,other.png"], {("val", 1)}),
        (["img/a.png,train,dog,ma.png", *MASKED[1:]], {TRAIN}),
        (["img/a.png,train,cat;cow,ma.png", *MASKED[1:]], {TRAIN, VAL}),
    ],
)
def test_facts_are_those_of_their_split(folder, rows, expected):
    folder.table(MASKED, "image,split,labels,mask")
    before = facts(folder)
    folder.table(rows, "image,split,labels,mask", end="\r\n")
    assert changed(before, facts(folder)) == expected


def names(parts):
    return [sorted(Path(path).name for path in part.files) for part in parts]


def test_inputs_of_a_table(folder):
    folder.table([*GOOD, "img/none.png,val,dog"])
    found = inputs(Dataset(source="csv", root=str(folder.root)))
    assert names(found["train"]) == [["a.png", "b.png"], []]
    assert names(found["val"]) == [["c.png"], []]


def test_inputs_of_voc(voc):
    found = inputs(Dataset(source="voc", root=str(voc.root)))
    assert names(found["train"]) == [["a.jpg", "a.xml"], []]
    assert names(found["val"]) == [["b.jpg", "b.xml"], ["b.png"]]


def test_facts_of_voc_are_those_of_their_split(voc):
    voc.table(["a,dog", "b,dog"], "image,labels")
    before = facts(voc, source="voc")
    voc.table(["b,person;dog", "a,dog"], "image,labels")
    assert changed(before, facts(voc, source="voc")) == {VAL}


@pytest.mark.parametrize("source", ["csv", "voc"])
def test_a_table_that_cannot_be_read_counts_with_its_bytes(folder, source):
    (folder.root / "labels.csv").write_bytes(b"\xff")
    found = inputs(Dataset(source=source, root=str(folder.root)))
    assert names(found["train"])[0] == names(found["val"])[0] == ["labels.csv"]


@pytest.mark.parametrize(("source", "folder"), [("csv", "x"), ("voc", "x"), ("demo", "")])
def test_inputs_of_nothing_are_no_error(tmp_path, source, folder):
    root = str(tmp_path / folder) if folder else None
    found = inputs(Dataset(source=source, root=root))
    assert {split: names(parts) for split, parts in found.items()} == {
        "train": [[], []],
        "val": [[], []],
    }


def test_every_source_can_be_read():
    assert set(SOURCES) == set(CAPABILITIES)


def sizes(dataset):
    return split_sizes(dataset, inputs(dataset))


def test_sizes_of_splits_are_counted(folder, voc):
    folder.table([*GOOD, "img/d.png,test,cat"])
    assert sizes(Dataset(source="csv", root=str(folder.root))) == {"train": 2, "val": 1}
    assert sizes(Dataset(source="voc", root=str(voc.root))) == {"train": 1, "val": 1}
    folder.table([row for row in GOOD if ",val," not in row])
    assert sizes(Dataset(source="csv", root=str(folder.root))) == {"train": 2, "val": 0}


UNKNOWN = {"train": None, "val": None}


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"demo": {"images": 7, "val_images": 3}}, {"train": 7, "val": 3}),
        ({"source": "voc", "download": True}, {"train": 1464, "val": 1449}),
        (
            {"source": "voc", "download": True, "splits": {"train": "train_aug", "val": "own"}},
            {"train": 10582, "val": None},
        ),
        ({"source": "folders", "root": "nowhere"}, UNKNOWN),
        ({"demo": {"images": 7}, "tiles": {"size": 64, "overlap": 8}}, UNKNOWN),
    ],
)
def test_sizes_that_are_known_without_files(keys, expected):
    assert sizes(Dataset(**keys)) == expected


def test_a_plan_reads_the_table_once(folder, caplog, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder.table([*GOOD, "img/d.png,trian,cat"])
    contents = FileContents(Dataset(source="csv", root=str(folder.root)), Path("digests.json"))
    assert [contents.images("train"), contents.images("val")] == [2, 1]
    assert contents.index("train") != contents.index("val")
    assert caplog.text.count("trian") == 1


def test_masks_that_are_known_without_drawing_are_counted(folder, voc, tmp_path):
    def masked(**keys):
        contents = FileContents(Dataset(**keys), tmp_path / "digests.json")
        return contents.masked("train"), contents.masked("val")

    table = {"source": "csv", "root": str(folder.root)}
    folder.table(GOOD)
    assert masked(**table) == (0, 0)
    folder.table([f"{row},m.png" for row in GOOD], "image,split,labels,mask")
    assert masked(**table) == (2, 1)
    assert masked(source="voc", root=str(voc.root)) == (0, 1)
    # outlines are not drawn yet
    assert masked(source="coco", root=str(folder.root)) == (None, None)
