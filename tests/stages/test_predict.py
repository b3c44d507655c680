import argparse

import numpy as np
import pytest
import torch
from PIL import Image

from wsss.cli import main
from wsss.engine.checkpoint import save_model
from wsss.errors import UserError
from wsss.io.labels import LabelReader, read_labels
from wsss.nn import segmenters
from wsss.nn.backbones import build
from wsss.nn.segmenters import Segmenter
from wsss.stages import predict

CLASSES = ["cat", "dog"]


class Red(Segmenter):
    """Label 1 where a pixel is more red than green, from the pixel alone."""

    def forward(self, x):
        return torch.stack([x[:, 1], x[:, 0]], dim=1)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    torch.manual_seed(0)
    options = {"width": 8}
    net = segmenters.build("deeplab_v3plus", build("tiny"), 3, **options)
    path = tmp_path_factory.mktemp("model") / "model.pt"
    backbone = {"name": "tiny", "output_stride": None}
    meta = {"segmenter": "deeplab_v3plus", "options": options, "backbone": backbone}
    save_model(path, net, "segmenter", classes=CLASSES, **meta)
    return path


@pytest.fixture
def photos(tmp_path):
    for name, size in {"a.png": (40, 56), "sub/b.jpg": (37, 61)}.items():
        photo(tmp_path / "photos" / name, size)
    return tmp_path / "photos"


def photo(path, size, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    Image.fromarray(pixels).save(path, **options)


def run(*arguments):
    parser = argparse.ArgumentParser()
    predict.add_arguments(parser)
    predict.run(parser.parse_args([*map(str, arguments), "--threads", "1"]))


def options(tile=None, overlap=0, **infer):
    return predict.Options(predict.SegmenterInfer(scales=[1.0], flip=False, **infer), tile, overlap)


@pytest.mark.parametrize(
    "more", [[], ["--tile", 32], ["--scales", "0.5,1", "--flip", "--crf", 2, "--tile", 40]]
)
def test_every_image_gets_a_mask_of_its_size(model, photos, tmp_path, more):
    run(model, photos, tmp_path / "out", *more)
    masks = LabelReader([tmp_path / "out/labels.tsv"])
    assert masks.ids == ("a", "sub__b")
    assert [masks.read(name).shape for name in masks.ids] == [(40, 56), (37, 61)]
    assert (tmp_path / "out/classes.txt").read_text() == "background\ncat\ndog\n"
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"a.png", "sub__b.png", "labels.tsv", "classes.txt"}


def test_a_single_photograph_is_turned_upright(model, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    photo(tmp_path / "turned.jpg", (40, 56), exif=exif)
    run(model, tmp_path / "turned.jpg", tmp_path / "out")
    assert read_labels(tmp_path / "out/turned.png").shape == (56, 40)


@pytest.mark.parametrize("iterations", [0, 1])
def test_tiles_leave_no_seams(iterations):
    image = np.random.default_rng(0).integers(0, 256, (70, 90, 3), np.uint8)
    crf = {"iterations": iterations}
    whole = predict.predict(Red(), image, options(crf=crf))
    tiled = predict.predict(Red(), image, options(32, 9, crf=crf))
    np.testing.assert_array_equal(tiled, whole)
    assert set(np.unique(whole)) == {0, 1}


def test_results_within_the_folder_of_photographs_are_no_photographs(model, photos):
    for _ in range(2):
        run(model, photos, photos / "out")
    assert LabelReader([photos / "out/labels.tsv"]).ids == ("a", "sub__b")


def test_a_second_call_replaces_the_first(model, photos, tmp_path):
    run(model, photos, tmp_path / "out")
    (photos / "a.png").unlink()
    run(model, photos, tmp_path / "out")
    assert {path.name for path in (tmp_path / "out").glob("*.png")} == {"b.png"}


@pytest.mark.parametrize("name", ["drawing.png", "notes.txt", "labels.tsv", "classes.txt"])
def test_files_of_the_user_stay(model, photos, tmp_path, name):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / name).write_text("mine")
    with pytest.raises(UserError, match=f"holds {name}, no result of predict; name another"):
        run(model, photos, tmp_path / "out")
    assert (tmp_path / "out" / name).read_text() == "mine"


def test_a_mask_that_was_added_by_hand_stays(model, photos, tmp_path):
    run(model, photos, tmp_path / "out")
    (tmp_path / "out/mine.png").touch()
    with pytest.raises(UserError, match=r"holds mine\.png"):
        run(model, photos, tmp_path / "out")
    assert (tmp_path / "out/mine.png").exists() and (tmp_path / "out/a.png").exists()


def test_an_interrupted_call_starts_again(model, photos, tmp_path, monkeypatch):
    monkeypatch.setattr(predict, "predict", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run(model, photos, tmp_path / "out")
    assert not (tmp_path / "out/labels.tsv").exists()
    monkeypatch.undo()
    run(model, photos, tmp_path / "out")
    assert (tmp_path / "out/labels.tsv").exists()


def test_unreadable_images_stop_before_anything_is_written(model, photos, tmp_path):
    (photos / "c.jpg").write_bytes(b"no image")
    with pytest.raises(UserError, match=r"1 problem in .*\n.*c\.jpg: not an image"):
        run(model, photos, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_damaged_image_is_named_and_the_others_have_masks(model, photos, tmp_path):
    photo(photos / "c.jpg", (300, 300))
    (photos / "c.jpg").write_bytes((photos / "c.jpg").read_bytes()[:9000])
    with pytest.raises(UserError, match=r"without a mask: 1 of 3 images:\n.*c\.jpg: cannot be"):
        run(model, photos, tmp_path / "out")
    assert LabelReader([tmp_path / "out/labels.tsv"]).ids == ("a", "sub__b")


def test_another_kind_of_model_is_refused(photos, tmp_path):
    save_model(tmp_path / "net.pt", build("tiny"), "backbone", classes=[])
    with pytest.raises(UserError, match="another kind of model, backbone instead of segmenter"):
        run(tmp_path / "net.pt", photos, tmp_path / "out")


@pytest.mark.parametrize("more", [["--overlap", "4"], ["--tile", "32", "--overlap", "32"]])
def test_overlaps_that_make_no_sense(model, photos, tmp_path, more):
    with pytest.raises(UserError, match="--overlap"):
        run(model, photos, tmp_path / "out", *more)


@pytest.mark.parametrize(
    "more", [["--scales", "0"], ["--scales", "a"], ["--scales", "nan"], ["--tile", "31"]]
)
def test_options_out_of_range(model, photos, tmp_path, more, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["predict", str(model), str(photos), str(tmp_path / "out"), *more])
    assert stop.value.code == 2 and f"argument {more[0]}" in capsys.readouterr().err
