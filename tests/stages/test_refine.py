import argparse
from operator import attrgetter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from wsss.cli import main
from wsss.data.imported import Scores
from wsss.errors import UserError
from wsss.io.labels import LabelReader, encode_labels, read_labels
from wsss.stages import refine

SIZE = (24, 32)


@pytest.fixture
def given(tmp_path):
    """Photographs with a bright right half, and scores that cover a part of it."""
    for name in ("a", "sub/b"):
        photo(tmp_path / f"photos/{name}.png")
        scores = np.zeros((2, 12, 16), np.float32)
        scores[1, 1:11, 9:15] = 1
        save(tmp_path / f"maps/{name}.npy", scores)
    return tmp_path


def photo(path, size=SIZE):
    pixels = np.full((*size, 3), 40, np.uint8)
    pixels[:, size[1] // 2 :] = 220
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def save(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, array, allow_pickle=array.dtype == object)


def run(folder, *more, names="cat,dog"):
    parser = argparse.ArgumentParser()
    refine.add_arguments(parser)
    paths = {"images": folder / "photos", "maps": folder / "maps", "out": folder / "out"}
    words = [str(word) for name, path in paths.items() for word in (f"--{name}", path)]
    words += ["--names", names, "--threads", "1", *map(str, more)]
    refine.run(parser.parse_args(words))
    return LabelReader([folder / "out/labels.tsv"])


@pytest.mark.parametrize("refiner", ["par", "crf", "par+crf"])
def test_scores_fill_the_area_of_their_colour(given, refiner):
    masks = run(given, "--refine", refiner)
    assert masks.ids == ("a", "sub__b")
    labels = masks.read("a")
    assert labels.shape == SIZE and (labels[4:20, 18:30] == 2).all() and not labels[:, :16].any()
    assert (given / "out/classes.txt").read_text() == "background\ncat\ndog\n"


def test_the_walk_follows_features_of_the_backbone(given):
    masks = run(given, "--refine", "none", "--walk")
    assert set(np.unique(masks.read("a"))) <= {0, 2}


def test_the_defaults_are_the_recipe_for_photographs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    recipe = Path(__file__).parents[2] / "configs/photos.yaml"
    own, other = (refine.configured(files, "crf", walk=True) for files in ([], [recipe]))
    for key in ("backbone.name", "backbone.weights", "crf", "walk.beta", "walk.crf"):
        assert attrgetter(key)(own) == attrgetter(key)(other)


@pytest.mark.parametrize("names", ["cat,dog", "background,cat,dog"])
def test_a_mask_is_refined_and_what_is_not_known_is_filled(given, names):
    labels = np.zeros(SIZE, np.uint8)
    labels[:, 16:] = 2
    labels[8:14, 20:26] = 255
    (given / "maps/a.npy").unlink()
    (given / "maps/a.png").write_bytes(encode_labels(labels[::2, ::2]))
    (given / "maps/sub/b.npy").unlink()
    (given / "maps/sub/b.png").write_bytes(encode_labels(labels * 0))
    masks = run(given, names=names)
    labels[labels == 255] = 2
    assert (masks.read("a") == labels).mean() > 0.97 and not masks.read("sub__b").any()


def test_saved_maps_can_be_refined_again(given):
    first = run(given, "--save-maps").read("a")
    maps = np.load(given / "out/maps/a.npy")
    assert maps.shape == (3, *SIZE) and np.allclose(maps.sum(0), 1, atol=2e-3)
    assert (maps.argmax(0) == first).all()
    (given / "out/maps").rename(given / "again")
    (given / "maps").rename(given / "first")
    (given / "again").rename(given / "maps")
    again = run(given, names=str(given / "out/classes.txt")).read("a")
    assert (again == first).mean() > 0.95
    assert not (given / "out/maps").exists()


def test_maps_of_a_call_before_are_removed(given):
    run(given, "--save-maps")
    run(given)
    assert not (given / "out/maps").exists()


def test_image_labels_leave_out_other_classes(given):
    (given / "labels.csv").write_text(
        "image,labels\nphotos/a.png,cat\nsub/b.png,cat;dog\nx.png,y\n"
    )
    masks = run(given, "--labels", given / "labels.csv")
    assert not masks.read("a").any() and masks.read("sub__b").any()


def test_an_image_of_background_alone(given):
    (given / "labels.csv").write_text("image,labels\nphotos/a.png,background\nsub/b.png,dog\n")
    for refiner in ("par", "par+crf"):
        masks = run(given, "--labels", given / "labels.csv", "--refine", refiner)
        assert not masks.read("a").any()


def test_the_background_grows_with_a_lower_exponent():
    rng = np.random.default_rng(0)
    scores = Scores(np.array([1]), rng.random((1, *SIZE), np.float32))
    config = refine.configured([], "par", walk=False)
    image = rng.integers(0, 256, (*SIZE, 3), np.uint8)
    low, high = (refine.refine(image, scores, config, alpha)[0].sum() for alpha in (1, 4))
    assert low > high


def test_maps_without_a_background_keep_their_height():
    scores = Scores(np.array([1]), np.full((1, *SIZE), 0.25, np.float32))
    config = refine.configured([], "par", walk=False)
    found = refine.refine(np.zeros((*SIZE, 3), np.uint8), scores, config, 1.0)
    assert np.allclose(found[1], 0.25, atol=1e-4)


def test_a_configuration_says_how_and_options_win(given, monkeypatch):
    monkeypatch.chdir(given)
    (given / "a.yaml").write_text("{refine: par+crf, crf: {alphas: [2, 3]}, seed: 3}")
    config = refine.configured([given / "a.yaml"], None, walk=False)
    assert (config.refine, config.alphas()) == ("par+crf", [2, 3])
    assert refine.configured([given / "a.yaml"], "par", walk=False).refine == "par"
    (given / "b.yaml").write_text("runs: {x: {crf: {alphas: [2, 3]}}}")
    with pytest.raises(UserError, match=r"runs\.x\.crf is for that run alone"):
        refine.configured([given / "b.yaml"], None, walk=False)


ARRAYS = {
    "another number": (np.zeros((3, 12, 16)), r"is \(3, 12, 16\), expected \(2, .*cat, dog"),
    "nan": (np.full((2, 12, 16), np.nan), "NaN"),
    "logits": (np.full((2, 12, 16), 7.5), r"7\.5 to 7\.5, expected scores in \[0, 1\]"),
    "turned": (np.zeros((2, 16, 12)), "is 12 x 16 pixels, its image 32 x 24"),
    "pickled": (np.array({"cat": 1}, object), "not a .npy array of numbers"),
}


@pytest.mark.parametrize(("array", "message"), ARRAYS.values(), ids=ARRAYS)
def test_an_unusable_map_is_named_and_nothing_is_written(given, array, message):
    save(given / "maps/a.npy", array)
    with pytest.raises(UserError, match=rf"^1 problem in .*maps:\n.*a\.npy: .*{message}"):
        run(given)
    assert not (given / "out").exists()


MASKS = {
    "other ids": (np.full(SIZE, 3, np.uint8), "holds id 3, but there are 2 classes in --names"),
    "other proportions": (np.zeros((24, 24), np.uint8), "24 x 24 pixels, its image 32 x 24"),
}


@pytest.mark.parametrize(("labels", "message"), MASKS.values(), ids=MASKS)
def test_an_unusable_mask_is_named_and_nothing_is_written(given, labels, message):
    (given / "maps/a.npy").unlink()
    (given / "maps/a.png").write_bytes(encode_labels(labels))
    with pytest.raises(UserError, match=rf"a\.png: .*{message}"):
        run(given)
    assert not (given / "out").exists()


def test_missing_and_doubled_maps_are_named(given):
    (given / "maps/a.png").touch()
    with pytest.raises(UserError, match=r"a\.npy and .*a\.png: are for one image; remove one"):
        run(given)
    (given / "maps/a.png").unlink()
    (given / "maps/a.npy").rename(given / "maps/c.npy")
    with pytest.raises(UserError, match=r"a\.png: has no a\.npy or \.png in "):
        run(given)
    assert not (given / "out").exists()


TABLES = {
    "unknown": ("a.png,cart\nsub/b.png,dog", "'cart' is not in --names; did you mean cat?"),
    "twice": ("a.png,cat\na.png,dog\nsub/b.png,dog", "has a row before"),
    "missing": ("a.png,cat", "b.png: has no row in"),
    "empty": ("a.png,\nsub/b.png,dog", "no label"),
}


@pytest.mark.parametrize(("rows", "message"), TABLES.values(), ids=TABLES)
def test_wrong_image_labels_are_named(given, rows, message):
    (given / "labels.csv").write_text(f"image,labels\n{rows}\n")
    with pytest.raises(UserError, match=message):
        run(given, "--labels", given / "labels.csv")
    assert not (given / "out").exists()


@pytest.mark.parametrize("names", ["", "cat,cat", "cat,background", "background", "cat,Cat", "a;b"])
def test_names_that_no_classes_can_have(given, names):
    with pytest.raises(UserError, match="--names"):
        run(given, names=names)


def test_mistakes_are_a_line_and_code_2(given, capfd):
    words = ["--images", given / "photos", "--maps", given / "gone", "--out", given / "out"]
    assert main(["refine", *map(str, words), "--names", "cat,dog"]) == 2
    assert capfd.readouterr().err.endswith(
        "gone: no such folder; it must hold <image id>.npy or .png files\n"
    )
    assert main(["refine", *map(str, words), "--names", "cat", "--refine", "none"]) == 2
    assert "nothing to do; add --walk" in capfd.readouterr().err


def test_a_walk_that_cannot_be_made_leaves_an_earlier_result(given):
    before = run(given).digest
    (given / "tiny.yaml").write_text("backbone: {name: tiny, weights: null}")
    with pytest.raises(UserError, match="--walk: backbone tiny has no pretrained weights"):
        run(given, "--walk", "--config", given / "tiny.yaml")
    assert LabelReader([given / "out/labels.tsv"]).digest == before


def test_files_of_the_user_stay(given):
    (given / "out/maps").mkdir(parents=True)
    with pytest.raises(UserError, match="holds maps, no result of refine"):
        run(given)


def test_a_damaged_photograph_has_no_mask_and_the_others_do(given):
    photo(given / "photos/c.png", (240, 320))
    content = (given / "photos/c.png").read_bytes()
    (given / "photos/c.png").write_bytes(content[: len(content) // 2])
    save(given / "maps/c.npy", np.zeros((2, 12, 16), np.float32))
    with pytest.raises(UserError, match=r"1 of 3 photographs:\n.*c\.png"):
        run(given)
    assert read_labels(given / "out/a.png").any()


def test_a_second_call_computes_what_has_changed(given, monkeypatch):
    monkeypatch.setattr(refine, "_write", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run(given)
    monkeypatch.undo()
    assert not (given / "out/labels.tsv").exists()
    assert run(given).ids == ("a", "sub__b")
