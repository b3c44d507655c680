import os
from pathlib import Path

import pytest

from tests.data.fake_voc import (
    MORE,
    TRAIN,
    VAL,
    labels,
    make_sbd,
    make_tgz,
    make_voc,
    png,
    save_mat,
)
from wsss.config.dataset import Dataset
from wsss.data.check import check_listing
from wsss.data.sources import drawn_inputs, drawn_masks, inputs, read, with_augment
from wsss.errors import UserError

AUG = {"train": "train_aug", "val": "val"}
LISTS = os.environ.get("WSSS_VOC12")


@pytest.fixture
def voc(tmp_path):
    return make_voc(tmp_path / "VOC2012")


@pytest.fixture
def sbd(tmp_path):
    return make_sbd(tmp_path / "benchmark_RELEASE")


def dataset(voc, augment=None, **options):
    own = {"splits": AUG, "augment": augment and str(augment), **options}
    return Dataset(source="voc", root=str(voc), **own)


def ids(listing, split):
    return [record.image.stem for record in listing.records if record.split == split]


def test_train_aug_is_train_and_sbd_without_val(voc, sbd):
    listing = read(dataset(voc, sbd))
    assert ids(listing, "train") == sorted({*TRAIN, *MORE}) and ids(listing, "val") == [*VAL]
    assert not listing.problems


def test_the_list_of_the_user_wins(voc, sbd):
    (voc / "ImageSets/Segmentation/train_aug.txt").write_text(f"{MORE[0]}\n")
    assert ids(read(dataset(voc, sbd)), "train") == [MORE[0]]


def test_train_aug_is_derived_from_pngs_too(voc, tmp_path):
    for name in (*MORE, *VAL):
        (tmp_path / f"{name}.png").write_bytes(png(labels(17)))
    assert ids(read(dataset(voc, tmp_path)), "train") == sorted({*TRAIN, *MORE})


def test_without_masks_the_missing_list_names_the_key(voc):
    with pytest.raises(UserError, match=r"train_aug\.txt: cannot be read .* dataset\.augment"):
        read(dataset(voc))


def test_the_folder_above_voc_is_recognised(voc):
    with pytest.raises(UserError, match=r"is dataset\.root .*VOC2012\?"):
        read(dataset(voc.parent, splits={"train": "train", "val": "val"}))


def test_every_object_counts_and_no_part(voc, sbd):
    index, _ = check_listing(read(dataset(voc, sbd)), dataset(voc, sbd))
    named = {i.image_id: [index.class_names[c] for c in i.classes] for i in index.items}
    assert named.pop(MORE[0]) == ["cat", "dog"]
    assert set(map(tuple, named.values())) == {("cat",)}


PLAIN = {"train": "train", "val": "val"}


def own_class(voc, name=TRAIN[0]):
    path = voc / f"Annotations/{name}.xml"
    path.write_text(path.read_text().replace("cat", "kitten"))


def test_a_class_that_voc_lacks_is_named(voc):
    own_class(voc)
    expected = "is no class of VOC; list your classes in dataset.classes"
    assert read(dataset(voc, splits=PLAIN)).problems == [
        f"Annotations/{TRAIN[0]}.xml: 'kitten' {expected}"
    ]


def test_classes_of_ones_own_are_found_in_the_xml(voc):
    own_class(voc)
    listing = read(dataset(voc, splits=PLAIN, classes=["cat", "kitten"]))
    assert not listing.problems and listing.records[0].labels == ("kitten",)


def test_a_missing_image_is_named_where_it_is_listed(voc):
    for path in (f"JPEGImages/{VAL[0]}.jpg", f"Annotations/{VAL[0]}.xml"):
        (voc / path).unlink()
    own = dataset(voc, splits=PLAIN)
    with pytest.raises(UserError, match=rf"^1 problem in .*\nval\.txt:1: .*{VAL[0]}\.jpg"):
        check_listing(read(own), own)


def test_missing_annotations_are_named(voc):
    (voc / f"Annotations/{VAL[0]}.xml").unlink()
    (problem,) = read(dataset(voc, splits=PLAIN)).problems
    assert problem.startswith(f"Annotations/{VAL[0]}.xml: cannot be read")


def test_a_part_of_the_masks_makes_no_train_aug(voc, tmp_path, monkeypatch):
    monkeypatch.setattr("wsss.data.sources.voc._OFFICIAL", {2: 5})
    make_sbd(tmp_path / "sbd")
    (problem,) = read(dataset(voc, tmp_path / "sbd")).problems
    assert problem.startswith("train_aug has 4 images instead of 5: ")
    assert "unpack it again, or put your own train_aug.txt" in problem


@pytest.mark.parametrize(
    ("mask", "message"),
    [(labels(21), "holds id 21, but there are 20 classes"), (labels(1).T, "the mask is 8 x 10")],
)
def test_a_wrong_mask_is_named_by_its_own_file(voc, sbd, mask, message):
    save_mat(sbd / f"dataset/cls/{MORE[0]}.mat", mask)
    with pytest.raises(UserError, match=rf"{MORE[0]}\.mat: {message}"):
        drawn_masks(dataset(voc, sbd), voc, "train")[MORE[0]]()


def test_images_that_are_listed_but_missing_are_named_at_once(voc, sbd):
    for name in MORE:
        (voc / f"JPEGImages/{name}.jpg").unlink()
    with pytest.raises(UserError, match=f"(?s)^2 problems.*{MORE[1]}.*{MORE[0]}"):
        check_listing(read(dataset(voc, sbd)), dataset(voc, sbd))


def test_masks_are_drawn_where_voc_has_none(voc, sbd):
    drawn = drawn_masks(dataset(voc, sbd), voc, "train")
    assert set(drawn) == set(MORE) and drawn_masks(dataset(voc, sbd), voc, "val") == {}
    assert ((drawn[MORE[0]]() == 17) == (labels(17) == 17)).all()


def test_sbd_half_copied_is_named(voc, sbd):
    for name in MORE:
        (sbd / f"dataset/cls/{name}.mat").unlink()
    with pytest.raises(UserError, match=rf"2 of 2 masks are missing; .*{MORE[1]}\.mat"):
        drawn_masks(dataset(voc, sbd), voc, "train")


def test_a_data_set_without_augment_draws_nothing(voc):
    plain = dataset(voc, splits={"train": "train", "val": "val"})
    assert drawn_masks(plain, voc, "train") == {}


def test_nothing_is_written_into_the_folders_of_the_user(voc, sbd):
    before = sorted(path for folder in (voc, sbd) for path in folder.rglob("*"))
    read(dataset(voc, sbd))
    drawn_masks(dataset(voc, sbd), voc, "train")[MORE[0]]()
    assert sorted(path for folder in (voc, sbd) for path in folder.rglob("*")) == before


def test_an_archive_is_unpacked_first(voc, sbd, tmp_path):
    packed = dataset(voc, make_tgz(sbd, tmp_path / "benchmark.tgz"))
    with pytest.raises(UserError, match=r"not unpacked yet; run wsss fetch-data"):
        read(packed)
    assert ids(read(with_augment(packed, sbd)), "train") == sorted({*TRAIN, *MORE})


def files(paths):
    return {Path(path).name for path in paths}


def test_an_archive_makes_every_image_but_val_count(voc, sbd, tmp_path):
    packed = dataset(voc, make_tgz(sbd, tmp_path / "benchmark.tgz"))
    train, _ = inputs(packed)["train"]
    shown = {f"{name}.{end}" for name in (*TRAIN, *MORE) for end in ("jpg", "xml")}
    assert files(train.files) == shown
    assert files(drawn_inputs(packed, "val")) == {"benchmark.tgz"}


def test_the_masks_laid_over_count_for_their_conversion_alone(voc, sbd):
    found = dataset(voc, sbd)
    train, masks = inputs(found)["train"]
    assert not any(path.endswith((".mat", ".png")) for path in train.files)
    assert files(masks.files) == {f"{name}.png" for name in TRAIN}
    assert files(drawn_inputs(found, "train")) == {f"{name}.mat" for name in MORE}
    assert drawn_inputs(found, "val") == ()


def test_masks_count_for_the_index_if_it_has_their_labels(voc, sbd):
    train, _ = inputs(dataset(voc, sbd, labels_from="masks"))["train"]
    assert {f"{name}.png" for name in TRAIN} <= files(train.files)
    assert not any(path.endswith(".xml") for path in train.files)


def test_downloaded_data_depend_on_no_file(voc):
    fetched = Dataset(source="voc", download=True, splits=AUG)
    assert {part for parts in inputs(fetched).values() for part in parts} == {
        inputs(Dataset())["train"][0]
    }
    assert drawn_inputs(fetched, "train") == ()


@pytest.mark.skipif(not LISTS, reason="WSSS_VOC12 names no folder with VOC 2012's lists")
def test_the_official_list_is_derived(tmp_path):
    official = {s: (Path(LISTS) / f"{s}.txt").read_text() for s in ("train", "val", "train_aug")}
    only_sbd = set(official["train_aug"].split()) - set(official["train"].split())
    (tmp_path / "ImageSets/Segmentation").mkdir(parents=True)
    (tmp_path / "dataset/cls").mkdir(parents=True)
    for split in ("train", "val"):
        (tmp_path / f"ImageSets/Segmentation/{split}.txt").write_text(official[split])
    more = sorted(only_sbd | set(official["val"].split()[::2]), reverse=True)
    (tmp_path / "dataset/train.txt").write_text("\n".join(more[::3]))
    (tmp_path / "dataset/val.txt").write_text("\n".join(more[1::3] + more[2::3]))
    listing = read(dataset(tmp_path, tmp_path, labels_from="masks"))
    assert ids(listing, "train") == official["train_aug"].split()
    assert len(ids(listing, "train")) == 10582 and len(ids(listing, "val")) == 1449
    assert not listing.problems


@pytest.mark.parametrize("ending", ["png", "jpeg", "JPG", "JPEG", "tif", "webp"])
def test_images_of_other_endings_are_found(voc, ending):
    for path in list((voc / "JPEGImages").glob("*.jpg")):
        path.rename(path.with_suffix(f".{ending}"))
    listing = read(dataset(voc, splits=PLAIN))
    assert not listing.problems and ids(listing, "train") == [*TRAIN]
    assert all((voc / record.image).is_file() for record in listing.records)


def test_the_image_of_the_official_name_wins_and_others_must_be_single(voc):
    (voc / f"JPEGImages/{TRAIN[0]}.png").write_bytes(b"")
    assert read(dataset(voc, splits=PLAIN)).records[0].image.suffix == ".jpg"
    (voc / f"JPEGImages/{TRAIN[0]}.jpg").rename(voc / f"JPEGImages/{TRAIN[0]}.jpeg")
    (problem,) = read(dataset(voc, splits=PLAIN)).problems
    assert "keep one" in problem


@pytest.mark.parametrize(
    "content",
    [b"<annotation", b'<?xml version="1.0" encoding="bogus"?><annotation/>', b"\xff\xfe<"],
)
def test_damaged_xml_is_the_error_of_its_file(voc, content):
    (voc / f"Annotations/{VAL[0]}.xml").write_bytes(content)
    (problem,) = read(dataset(voc, splits=PLAIN)).problems
    assert problem.startswith(f"Annotations/{VAL[0]}.xml: cannot be read")
