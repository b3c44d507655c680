import json
from pathlib import Path

from tests.planning.cases import LAPTOP
from wsss.data.check import Examined, Look
from wsss.io.index import Index, Item, Masks
from wsss.planning.fingerprint import _spread, fingerprint

ROWS = [
    ("a", "train", (0, 1), (60, 80), ("turned",)),
    ("b", "train", (0,), (40, 30), ()),
    ("c", "train", (), (40, 20), ()),
    ("d", "val", (1,), (10, 10), ("turned",)),
]


def examined():
    """Four images; a and d have the same file."""
    items, looks = [], {}
    for name, split, classes, size, traits in ROWS:
        digest = "x" if name in "ad" else name
        items.append(Item(name, split, Path(name), digest, classes))
        looks[Path(name)] = Look("", digest, size, traits)
    return Examined(Index(("cat", "dog"), tuple(items)), Masks("none"), looks)


def found():
    return fingerprint("pets", "digest", examined(), ["d"], [[0, 3]], LAPTOP)


def test_images_are_counted():
    facts = found()
    assert facts.classes == {"cat": {"train": 2, "val": 0}, "dog": {"train": 1, "val": 1}}
    train, val = facts.splits["train"], facts.splits["val"]
    assert (train.images, train.background, train.masks) == (3, 1, 0)
    assert (val.images, val.background, val.masks) == (1, 0, 1)


def test_relations_are_those_of_training_images():
    facts = found()
    assert facts.together == {"cat": {"dog": 1}}
    assert facts.never_without == [["dog", "cat"]]
    assert (facts.never_apart, facts.without_negatives) == ([], [])


def test_sizes_copies_and_traits_are_those_of_all_images():
    facts = found()
    assert (facts.long_side.smallest, facts.long_side.median, facts.long_side.largest) == (
        10,
        40,
        80,
    )
    assert facts.megapixels == 60 * 80 / 1e6
    assert (facts.copies, facts.alike, facts.unusual) == ([["a", "d"]], [["a", "d"]], {"turned": 2})


def test_a_single_length_is_its_own_distribution():
    assert set(vars(_spread([7])).values()) == {7}


def test_it_is_written_as_json():
    content = json.loads(found().to_json())
    assert content["data"] == "digest" and content["hardware"]["cores"] == 2
