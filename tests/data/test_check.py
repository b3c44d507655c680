import hashlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngImageFile

from wsss.config.dataset import Dataset
from wsss.data.check import _class_problems, check_listing, check_masks
from wsss.data.sources import read
from wsss.data.sources.listing import Listing, image_ids
from wsss.errors import UserError

GOOD = ["img/a.png,train,cat", "img/b.png,train,dog;cat", "img/c.png,val,dog"]


def one(problems):
    assert len(problems) == 1, problems
    return problems[0]


def test_sound_folder_becomes_an_index(folder):
    index, masks = folder.check()
    assert index.class_names == ("cat", "dog")
    assert [(i.image_id, i.split, i.classes) for i in index.items] == [
        ("a", "train", (0,)),
        ("b", "train", (0, 1)),
        ("c", "val", (1,)),
    ]
    assert masks.paths == {}


def test_digest_is_that_of_the_file(folder):
    item = folder.check()[0].items[0]
    assert item.digest == hashlib.sha256(item.image.read_bytes()).hexdigest()[:16]


def test_background_means_none_of_the_classes(folder):
    folder.image("img/d.png")
    folder.table([*GOOD, "img/d.png,train,background"])
    index, _ = folder.check()
    assert index.by_id["d"].classes == () and index.class_names == ("cat", "dog")


def test_configured_classes_fix_the_ids(folder):
    assert folder.check(classes=["dog", "cat"])[0].by_id["b"].classes == (0, 1)


def test_all_problems_are_named_at_once(folder):
    (folder.root / "img/a.png").write_bytes(b"")
    folder.table([*GOOD[:2], "img/x.png,val,cow"])
    text = "\n".join(folder.problems(classes=["cat", "dog"]))
    assert "labels.csv:2" in text and "empty" in text
    assert "labels.csv:4" in text and "no such file" in text and "'cow'" in text


@pytest.mark.parametrize(
    "row, message",
    [
        ("img/d.png,train,", "no label; write background"),
        ("img/d.png,train,cat;", "an empty label"),
        ("img/d.png,train,cat;background", "background beside"),
        ("img/d.png,train,dgo", "unknown label 'dgo'; did you mean dog?"),
        ("img/d.png,train,cow", "add it to dataset.classes"),
        ("img/a.png,train,cat", "a is already the id of the image in labels.csv:2"),
        ("img/a.jpg,val,cat", "a is already the id"),
        ("img/missing.png,train,cat", "no such file"),
        ("../d.png,train,cat", "outside the folder"),
        ("/d.png,train,cat", "outside the folder"),
        ('"img/d;.png",train,cat', "semicolon"),
        (",train,cat", "the image column is empty"),
        ("img/d.png,train,cat,dog", "4 fields instead of 3"),
    ],
)
def test_wrong_row_is_named_with_its_line(folder, row, message):
    folder.image("img/d.png")
    folder.table([*GOOD, row])
    problems = folder.problems(classes=["cat", "dog"])
    assert any(p.startswith("labels.csv:5: ") and message in p for p in problems), problems


def test_an_image_with_a_mask_alone_gets_its_labels_from_the_user(folder):
    with_masks(folder)
    rows = [f"{row},masks/{row[4]}.png" for row in GOOD]
    folder.table(["img/a.png,train,,masks/a.png", *rows[1:]], "image,split,labels,mask")
    expected = "no label beside its mask; write the classes that the mask shows, or background"
    assert f"labels.csv:2: {expected}" in folder.problems(classes=["cat", "dog"])


def test_truncated_image_is_named(folder):
    folder.image("img/a.png", size=(90, 90))
    path = folder.root / "img/a.png"
    path.write_bytes(path.read_bytes()[:70])
    assert "a.png: cannot be decoded" in one(folder.problems())


@pytest.mark.parametrize("split", ["train", "val"])
def test_empty_split_is_named(folder, split):
    with_masks(folder)
    rows = [f"{row},masks/{row[4]}.png" for row in GOOD if f",{split}," not in row]
    folder.table(rows, "image,split,labels,mask")
    found = next(p for p in folder.problems() if f"split {split} has no image" in p)
    assert "correct that, or list images of it" in found


def test_class_that_cannot_be_learnt_is_named(folder):
    folder.table([GOOD[0], "img/b.png,val,dog"])
    expected = "labels.csv:3: unknown label 'dog'; no training image has it"
    assert one(folder.problems()) == expected


def test_classes_that_differ_in_case_are_named(folder):
    folder.table([*GOOD[:2], "img/c.png,train,Dog", "img/c.png,val,dog"])
    assert any("'Dog' and 'dog' differ" in problem for problem in folder.problems())


def test_a_class_listed_twice_is_named(folder):
    found = folder.problems(classes=["cat", "dog", "dog"])
    assert one(found) == "class 'dog' is listed 2 times"


def test_more_classes_than_a_mask_holds():
    (line,) = _class_problems([f"thing {number}" for number in range(300)])
    assert line == (
        "300 classes, but an 8-bit mask holds at most 254; join similar ones, or leave some out of "
        "the labels"
    )


@pytest.mark.parametrize("name", ["a;b", "a\nb", "a\x07b", "a\x85b", "a\u2028b"])
def test_a_name_that_no_table_can_hold_is_no_class(folder, name):
    problem = f"dataset.classes: {name!r} cannot be the name of a class"
    assert folder.problems(classes=["cat", "dog", name]) == [problem]


def test_many_problems_are_cut_short(folder):
    folder.table([f"img/{number}.png,train,cat" for number in range(150)])
    found = folder.problems()
    assert len(found) == 101 and found[-1] == "... 50 more"


def test_no_class_at_all_is_named(folder):
    folder.table(["img/a.png,train,background", "img/b.png,val,background"])
    assert "no class" in one(folder.problems())


def test_background_cannot_be_a_class(folder):
    problems = folder.problems(classes=["background", "cat", "dog"])
    assert any("'background' cannot be the name of a class" in p for p in problems)


@pytest.mark.parametrize(
    "images, ids",
    [
        (["a.jpg", "b.jpg"], ["a", "b"]),
        (["x/y/a.jpg", "x/z/b.png"], ["y__a", "z__b"]),
        (["x/a.jpg", "x/y/b.jpg"], ["a", "y__b"]),
        (["x/a.b.jpg"], ["a.b"]),
        (["x.jpg", "."], ["x", ""]),
        ([], []),
    ],
)
def test_image_ids(images, ids):
    assert image_ids([Path(image) for image in images]) == ids


def with_masks(folder, **options):
    """Masks for all images, each of one class; the options describe that of a.png."""
    for name, fill in {"a": 1, "b": 1, "c": 2}.items():
        folder.image(f"masks/{name}.png", mode="L", fill=fill)
    folder.image("masks/a.png", **{"mode": "L", "fill": 1, **options})
    rows = [f"{row},masks/{row[4]}.png" for row in GOOD]
    folder.table(rows, "image,split,labels,mask")


def test_masks_are_listed_apart(folder):
    with_masks(folder)
    _, masks = folder.check()
    assert sorted(masks.paths) == ["a", "b", "c"]
    assert masks.source == "column mask of labels.csv"


@pytest.mark.parametrize(
    "options, message",
    [
        ({"size": (6, 8)}, "the mask is 6 x 8 pixels, its image 8 x 6"),
        ({"fill": 3}, "holds id 3, but there are 2 classes"),
        ({"mode": "RGB"}, "palette or 8-bit grey"),
    ],
)
def test_wrong_mask_is_named(folder, options, message):
    with_masks(folder, **options)
    problem = folder.problems()[0]
    assert problem.startswith("labels.csv:2: ") and message in problem


def test_missing_mask_is_named(folder):
    with_masks(folder)
    (folder.root / "masks/b.png").unlink()
    assert any("masks/b.png: the mask does not exist" in p for p in folder.problems())


def test_ignored_pixels_are_no_class(folder, caplog):
    with_masks(folder, fill=255)
    assert "a" in folder.check()[1].paths
    assert "masks without any class of a labelled image: 1; a" in caplog.text


def test_black_and_white_masks_are_named(folder):
    with_masks(folder)
    folder.image("masks/c.png", mode="L", fill=255)
    problem = one(folder.problems())
    assert problem.startswith("split val: the masks hold only 0 and 255 (= ignored)")
    assert "write class ids 1, 2, ..." in problem


def test_empty_masks_of_images_without_class_are_fine(folder, caplog):
    with_masks(folder)
    folder.image("masks/c.png", mode="L", fill=0)
    rows = [f"{row},masks/{row[4]}.png" for row in [*GOOD[:2], "img/c.png,val,background"]]
    folder.table(rows, "image,split,labels,mask")
    folder.check()
    assert not caplog.text


def test_a_class_beyond_the_labels_is_reported(folder, caplog):
    with_masks(folder, fill=2)
    folder.check()
    assert "masks with a class their labels lack: 1; a" in caplog.text


def test_large_images_are_warned_about_once(folder, caplog):
    folder.image("img/a.png", size=(2001, 4))
    folder.image("img/c.png", size=(4, 2002))
    folder.check()
    assert caplog.text.count("images larger than 2000 pixels on a side: 2,") == 1
    assert "the largest is img/c.png (4 x 2002)" in caplog.text


def test_only_images_that_are_cut_may_be_huge(folder, monkeypatch):
    monkeypatch.setattr("wsss.data.check.WHOLE", 47)
    assert all("8 x 6 pixels, more than 47" in problem for problem in folder.problems())
    cut = Dataset(source="csv", root=str(folder.root), tiles={})
    assert len(check_listing(read(cut), cut)[0].items) == 3


def test_images_without_mask_are_fine(folder):
    with_masks(folder)
    rows = [f"{GOOD[0]},masks/a.png", *(f"{row}," for row in GOOD[1:])]
    folder.table(rows, "image,split,labels,mask")
    assert list(folder.check()[1].paths) == ["a"]


def test_no_masks_at_all_are_fine(folder):
    index, _ = folder.check()
    assert check_masks(Listing(folder.root, ()), index).paths == {}


def test_number_of_problems_comes_first(folder):
    with pytest.raises(UserError, match=f"^2 problems in {folder.root}:\n"):
        folder.check(classes=["cat"])


def test_a_class_of_a_given_list_may_be_absent(folder):
    index, _ = folder.check(classes=["cat", "cow", "dog"])
    assert index.class_names == ("cat", "cow", "dog")


def test_accents_in_one_piece_or_two_are_the_same_class(folder):
    folder.table([GOOD[0], "img/b.png,train,cafe\u0301", "img/c.png,val,caf\u00e9"])
    index, _ = folder.check()
    assert index.class_names == ("caf\u00e9", "cat")
    assert index.by_id["b"].classes == index.by_id["c"].classes == (0,)


def test_listed_classes_that_look_alike_are_named(folder):
    names = ("caf\u00e9", "cafe\u0301")
    assert any("coding of signs" in line for line in _class_problems(names))


def test_unusual_images_are_counted_with_the_reason(folder, caplog):
    Image.fromarray(np.full((4, 6), 4095, np.uint16)).save(folder.root / "img/a.png")
    Image.new("RGBA", (6, 4)).save(folder.root / "img/b.png")
    folder.table(GOOD)
    with caplog.at_level("WARNING", "wsss"):
        folder.check()
    text = caplog.text
    assert "16 bits, images: 1: 8 bits of a sample are left" in text
    assert "transparent, images: 1: transparent pixels are blended with white; img/b.png" in text
    assert "16-bit images that use less than an eighth of their range: 1;" in text
    assert "of all is 4095" in text
    assert "if white is 4095, use dataset.white: 4095: img/a.png" in text


def test_white_is_stated(folder, caplog):
    Image.fromarray(np.full((4, 6), 4095, np.uint16)).save(folder.root / "img/a.png")
    folder.table(GOOD)
    with caplog.at_level("WARNING", "wsss"):
        index, _ = folder.check(white=4095)
    assert "nearly black" not in caplog.text
    assert {item.white for item in index.items} == {4095}


def test_damaged_images_are_named_and_the_others_are_checked(folder, monkeypatch):
    def broken(self, *rest, **options):
        if "a.png" in getattr(self.fp, "name", ""):
            raise RuntimeError("no memory")
        return load(self, *rest, **options)

    load = PngImageFile.load
    monkeypatch.setattr(PngImageFile, "load", broken)
    folder.table([*GOOD, "img/x.png,val,cat"])
    first, second = folder.problems()
    assert "a.png: cannot be decoded (no memory)" in first and "x.png: no such file" in second
