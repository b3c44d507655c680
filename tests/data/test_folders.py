import pytest
from PIL import Image

from wsss.config.dataset import Dataset
from wsss.data.check import check_listing
from wsss.data.sources import folders
from wsss.errors import UserError
from wsss.io.images import HEIC_SUFFIXES

FILES = ("train/cat/1.png", "train/dog/2.png", "val/cat/3.png")


class Tree:
    """A folder per class, of three images."""

    def __init__(self, root):
        self.root = root
        for number, name in enumerate(FILES):
            self.image(name, number)

    def image(self, name, grey):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (8, 6), grey).save(path)

    def read(self, **options):
        return folders.read(Dataset(source="folders", root=str(self.root), **options), self.root)

    def labels(self):
        return {str(record.image): record.labels for record in self.read().records}


@pytest.fixture
def tree(tmp_path):
    return Tree(tmp_path)


def test_folders_are_labels(tree):
    listing = tree.read()
    assert listing.names == ("cat", "dog") and listing.problems == []
    assert [(str(r.image), r.split, r.labels) for r in listing.records] == [
        ("train/cat/1.png", "train", ("cat",)),
        ("train/dog/2.png", "train", ("dog",)),
        ("val/cat/3.png", "val", ("cat",)),
    ]


def test_the_listing_passes_the_check(tree):
    dataset = Dataset(source="folders", root=str(tree.root))
    index, masks = check_listing(tree.read(), dataset)
    assert list(index.by_id) == ["train__cat__1", "train__dog__2", "val__cat__3"]
    assert masks.paths == {}


def test_the_same_image_in_two_folders_has_two_labels(tree):
    tree.image("train/dog/1.png", 0)
    assert tree.labels()["train/cat/1.png"] == ("cat", "dog")
    assert "train/dog/1.png" not in tree.labels()


def test_different_images_of_the_same_name_are_two(tree):
    tree.image("train/dog/1.png", 9)
    assert tree.labels()["train/cat/1.png"] == ("cat",)
    assert tree.labels()["train/dog/1.png"] == ("dog",)


def test_the_same_image_of_two_splits_stays_two(tree):
    tree.image("val/dog/1.png", 0)
    assert tree.labels()["val/dog/1.png"] == ("dog",)


def test_background_means_none_of_the_classes(tree):
    tree.image("train/background/4.png", 9)
    assert tree.labels()["train/background/4.png"] == ("background",)
    assert tree.read().names == ("cat", "dog")


def test_hidden_files_and_other_files_do_not_count(tree):
    (tree.root / "train/cat/.DS_Store").write_bytes(b"x")
    (tree.root / "train/cat/notes.txt").write_text("x")
    (tree.root / "train/.git").mkdir()
    assert len(tree.labels()) == 3
    (warning,) = tree.read().warnings
    assert warning.endswith("other files are left out: 1 .DS_Store, 1 .txt")


def test_endings_may_have_capitals(tree):
    Image.new("L", (8, 6)).save(tree.root / "train/cat/5.JPG", "JPEG")
    assert "train/cat/5.JPG" in tree.labels()


def test_every_ending_is_one_that_pillow_knows():
    assert Image.registered_extensions().keys() >= folders.SUFFIXES - set(HEIC_SUFFIXES)


def test_an_empty_folder_is_named(tree):
    (tree.root / "val/dog").mkdir()
    (problem,) = tree.read().problems
    assert problem == "val/dog: no image in it; add some, or remove the folder"


def test_an_image_beside_the_folders_is_named(tree):
    tree.image("train/5.png", 5)
    assert tree.read().problems == ["train/5.png: is in no class folder"]


def test_a_folder_in_a_folder_is_named(tree):
    tree.image("train/cat/day/5.png", 5)
    assert tree.read().problems == ["train/cat/day: a folder inside a class folder"]


def test_a_class_that_training_lacks_is_named_once(tree):
    for number in range(3):
        tree.image(f"val/cats/{number}.png", number)
    assert tree.read().problems == ["val/cats: no such class; did you mean cat?"]


def test_configured_classes_are_the_only_ones(tree):
    listing = tree.read(classes=["cat"])
    assert listing.names == ("cat",)
    assert listing.problems == [
        "train/dog: no such class; add it to dataset.classes or to the training images"
    ]


@pytest.mark.parametrize("split", ["train", "val"])
def test_a_missing_split_is_named_with_the_layout(tree, split):
    (tree.root / split).rename(tree.root / "other")
    with pytest.raises(UserError, match=rf"{split}: no such folder; .*train/<class> and val/<cla"):
        tree.read()


def test_splits_may_have_other_names(tree):
    (tree.root / "train").rename(tree.root / "fit")
    listing = tree.read(splits={"train": "fit", "val": "val"})
    assert [record.split for record in listing.records] == ["train", "train", "val"]


def test_an_unreadable_image_is_left_to_the_check(tree):
    (tree.root / "train/dog/1.png").symlink_to(tree.root / "nowhere")
    assert tree.labels()["train/dog/1.png"] == ("dog",)


def test_names_that_look_alike_are_one_class(tree):
    tree.image("train/caf\u00e9/4.png", 3)
    tree.image("train/cafe\u0301/4.png", 3)
    tree.image("val/cafe\u0301/5.png", 4)
    assert tree.read().names == ("caf\u00e9", "cat", "dog")
    found = tree.labels()
    assert found["val/cafe\u0301/5.png"] == ("caf\u00e9",)
    assert list(found.values()).count(("caf\u00e9",)) == 2
