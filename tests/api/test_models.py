"""Networks in Python give what the stages of the chain give, bit for bit, and know their facts."""

import numpy as np
import pytest
from PIL import Image

import wsss
from tests.api.conftest import CAM_INFER, CLASSES, save_classifier, save_segmenter
from wsss.cli import main
from wsss.config.model import Config
from wsss.config.slices import slice_json
from wsss.errors import UserError
from wsss.io.images import read_image
from wsss.io.index import Index, Item
from wsss.io.labels import palette, read_labels
from wsss.io.maps import MapsReader
from wsss.io.provenance import file_digest


@pytest.fixture(scope="module")
def model(segmenter):
    return wsss.load(segmenter, device="cpu")


@pytest.fixture(scope="module")
def finder(classifier):
    return wsss.load(classifier, device="cpu")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, []),
        ({"tile": 32}, ["--tile", "32"]),
        ({"scales": [1.0], "flip": False, "crf": 0}, ["--scales", "1", "--no-flip", "--crf", "0"]),
    ],
)
def test_masks_are_those_of_the_command(segmenter, photos, tmp_path, options, words):
    assert main(["predict", str(segmenter), str(photos), str(tmp_path / "out"), *words]) == 0
    found = wsss.load(segmenter, device="cpu", **options).predict(photos)
    names = [path.name.replace(".png", "") for path in sorted((tmp_path / "out").glob("*.png"))]
    assert names == ["a", "b", "sub__c"] and len(found) == 3
    for name, one in zip(names, found, strict=True):
        assert (one.labels == read_labels(tmp_path / f"out/{name}.png")).all()
        assert sum(one.shares.values()) == pytest.approx(1)
        assert all(0 <= score <= 1 for score in one.scores.values())


def test_every_form_of_an_image_gives_the_same_mask(model, photos, tmp_path):
    path = photos / "b.jpg"
    expected = model.predict(path)
    assert expected.labels.shape == (61, 37)
    with Image.open(path) as image:
        forms = [str(path), image.copy(), read_image(path)]
        forms[1].info["exif"] = image.info["exif"]
        found = [*model.predict(forms), *(model.predict(form) for form in forms)]
    assert all((one.labels == expected.labels).all() for one in found)
    assert all((one.probabilities == expected.probabilities).all() for one in found)
    expected.save(tmp_path / "mask.png")
    assert (read_labels(tmp_path / "mask.png") == expected.labels).all()


def test_probabilities_are_those_that_the_labels_are_decided_from(segmenter, photos):
    one = wsss.Segmenter(segmenter, crf=0, device="cpu").predict(photos / "a.png")
    assert one.probabilities.shape == (3, 40, 56)
    assert np.allclose(one.probabilities.sum(0), 1, atol=1e-5)
    assert (one.probabilities.argmax(0) == one.labels).all()
    assert one.scores == dict(zip(one.names, one.probabilities.max((1, 2)).tolist(), strict=True))
    assert (one.mask("cat") == (one.labels == 1)).all()
    with pytest.raises(UserError, match="there are background, cat, dog"):
        one.mask("cow")
    with pytest.raises(UserError, match="did you mean dog"):
        one.mask("dgo")


def test_a_folder_is_looked_at_image_by_image(model, photos, monkeypatch):
    seen = []
    monkeypatch.setattr(model, "_computed", lambda named: seen.append(named[0]) or named[0])
    loop = iter(model.predict(photos))
    assert seen == [] and next(loop) == str(photos / "a.png") and len(seen) == 1


def test_a_model_knows_its_facts(model, segmenter):
    assert model.classes == ("cat", "dog")
    assert model.palette["cat"] == tuple(palette()[1]) and len(model.palette) == 3
    assert model.licences == {"drawn 1.0": "MIT"}
    assert model.provenance["data"]["images"] == 3
    assert all(
        fact in repr(model)
        for fact in ("2: cat, dog", "scales 0.75, 1, mirrored, CRF of 2 iterations", "(MIT)", "cpu")
    )


def test_a_prediction_shows_itself(model, photos):
    one = model.predict(photos / "a.png")
    assert one.overlay().width == 56 and one._repr_png_().startswith(b"\x89PNG")
    assert f"<mask of {photos / 'a.png'}, 56 x 40: " in repr(one)


def test_maps_are_those_of_the_stage(finder, classifier, photos, tmp_path):
    path = photos / "a.png"
    item = Item("a", "val", path, file_digest(path), (0, 1))
    Index(tuple(CLASSES), (item,)).write(tmp_path / "index.tsv")
    config = slice_json(
        "infer_cam", Config.model_validate({"cam": {"infer": CAM_INFER.model_dump()}})
    )
    words = ["--index", tmp_path / "index.tsv", "--split", "val", "--model", classifier]
    words += ["--out", tmp_path / "val/maps.tsv", "--config", config]
    assert main(["infer-cam", *map(str, words)]) == 0
    stored = MapsReader([tmp_path / "val/maps.tsv"]).read("a")["cam"]
    found = finder.cams(path, ["cat", "dog"])
    assert found.maps.dtype == stored.dtype and (found.maps == stored).all()
    assert found.full().shape == (2, 40, 56) and found.overlay().width == 56


def test_a_classifier_says_what_it_finds(finder, photos):
    one = finder.predict(photos / "a.png")
    assert set(one.scores) == set(CLASSES)
    assert one.labels == tuple(name for name, score in one.scores.items() if score >= 0.5)
    best = max(one.scores, key=one.scores.get)
    assert finder.cams(photos / "a.png").labels == (one.labels or (best,))
    assert [c.name for c in finder.predict(photos)] == [p.name for p in finder.predict(photos)]
    with pytest.raises(UserError, match="no class 'cta'; did you mean cat"):
        finder.cams(photos / "a.png", ["cta"])


def test_a_file_of_older_layout_is_named(tmp_path, caplog):
    save_segmenter(tmp_path / "model.pt")
    assert "scales 1" in repr(wsss.load(tmp_path / "model.pt", device="cpu"))
    assert "has no settings of inference" in caplog.text and "no CRF" in caplog.text
    caplog.clear()
    save_classifier(tmp_path / "cam.pt")
    wsss.load(tmp_path / "cam.pt", device="cpu")
    (line,) = caplog.text.splitlines()
    assert "cam.pt: has no settings of inference" in line


MISTAKES = [
    ({"tile": 8}, "tile 8: expected the side"),
    ({"scales": [0]}, "scales"),
    ({"white": 3}, "white 3: expected an integer from 255"),
    ({"crf": -1}, "crf.iterations"),
    ({"device": "gpu"}, "device 'gpu': expected cuda"),
    ({"device": "cuda:99"}, "device 'cuda:99': there is none"),
]


@pytest.mark.parametrize(("options", "line"), MISTAKES, ids=[line for _, line in MISTAKES])
def test_options_out_of_range(segmenter, options, line):
    with pytest.raises(UserError, match=line):
        wsss.load(segmenter, **options)


def test_files_that_hold_no_such_network(segmenter, classifier, tmp_path):
    (tmp_path / "net.pt").write_text("text")
    with pytest.raises(
        UserError, match=r"^[^\n]*net\.pt: .*; name the model\.pt of a segmenter or"
    ):
        wsss.load(tmp_path / "net.pt")
    with pytest.raises(UserError, match=r"no such model; name"):
        wsss.load(tmp_path / "nothing.pt")
    with pytest.raises(UserError, match="another kind of model, classifier instead of segmenter"):
        wsss.Segmenter(classifier)
    with pytest.raises(UserError, match="another kind of model, segmenter instead of classifier"):
        wsss.Classifier(segmenter)
    with pytest.raises(UserError, match="no options crf and tile"):
        wsss.load(classifier, tile=64)
