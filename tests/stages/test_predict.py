import argparse
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from PIL import Image

from wsss.cli import main
from wsss.config.segmenter import SegmenterInfer
from wsss.data.photos import Photo
from wsss.engine.checkpoint import save_model
from wsss.errors import UserError
from wsss.io.atomic import atomic_path, remove_stale_files
from wsss.io.labels import LabelReader, read_labels
from wsss.nn import segmenters
from wsss.nn.backbones import build
from wsss.report import overlays
from wsss.stages import predict, predicting

CLASSES = ["cat", "dog"]


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


def parsed(*arguments):
    parser = argparse.ArgumentParser()
    predict.add_arguments(parser)
    return parser.parse_args([*map(str, arguments), "--threads", "1"])


def run(*arguments):
    predict.run(parsed(*arguments))


def options(*arguments):
    args = parsed("model.pt", "photos", "out", *arguments)
    return predict.options_of(args, {"classes": CLASSES})


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


def test_a_single_image_is_turned_upright(model, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    photo(tmp_path / "turned.jpg", (40, 56), exif=exif)
    run(model, tmp_path / "turned.jpg", tmp_path / "out")
    assert read_labels(tmp_path / "out/turned.png").shape == (56, 40)


def test_white_of_16_bit_images(model, tmp_path, caplog):
    rng = np.random.default_rng(0)
    (tmp_path / "deep").mkdir()
    (tmp_path / "plain").mkdir()
    samples = rng.integers(0, 4096, (40, 56)).astype(np.uint16)
    Image.fromarray(samples).save(tmp_path / "deep/a.png")
    Image.fromarray((samples // 16).astype(np.uint8)).save(tmp_path / "plain/a.png")
    (tmp_path / "white.yaml").write_text("dataset: {source: csv, root: ., white: 4095}\n")
    run(model, tmp_path / "plain", tmp_path / "expected")
    run(model, tmp_path / "deep", tmp_path / "given", "--white", 4095)
    single = ("--config", tmp_path / "white.yaml", "--scales", "1", "--no-flip", "--crf", 0)
    run(model, tmp_path / "deep", tmp_path / "configured", *single)
    masks = [read_labels(tmp_path / f"{out}/a.png") for out in ("expected", "given", "configured")]
    assert (masks[0] == masks[1]).all() and (masks[0] == masks[2]).all()
    assert "nearly black" not in caplog.text
    run(model, tmp_path / "deep", tmp_path / "dark")
    assert "if white is 4095, use --white 4095" in caplog.text
    with pytest.raises(UserError, match=r"a\.png: a sample is \d+, above white, 1023"):
        run(model, tmp_path / "deep", tmp_path / "bright", "--white", 1023)


def test_results_within_the_folder_of_images_are_no_images(model, photos):
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


def test_an_interrupted_call_is_resumed(model, photos, tmp_path, monkeypatch):
    photo(photos / "c.png", (20, 20))
    predicted = []

    def broken(net, given, *rest, **options):
        predicted.append(given.size)
        if len(predicted) == 2:
            raise KeyboardInterrupt
        return original(net, given, *rest, **options)

    original = predicting.segment
    monkeypatch.setattr(predicting, "segment", broken)
    with pytest.raises(KeyboardInterrupt):
        run(model, photos, tmp_path / "out")
    assert not (tmp_path / "out/labels.tsv").exists()
    run(model, photos, tmp_path / "out")
    assert predicted == [(40, 56), (20, 20), (20, 20), (37, 61)]
    assert LabelReader([tmp_path / "out/labels.tsv"]).ids == ("a", "c", "sub__b")


@pytest.mark.parametrize("name", [".unfinished", "classes.txt", "labels.tsv"])
def test_a_call_that_was_killed_while_it_wrote_is_resumed(model, photos, tmp_path, name):
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    with atomic_path(tmp_path / "out" / name) as mine:
        mine.touch()
        left = mine.with_name(mine.name.replace(f"{os.getpid()}@", f"{process.pid}@"))
    left.touch()
    (tmp_path / "out" / name).unlink()
    remove_stale_files.cache_clear()
    run(model, photos, tmp_path / "out")
    assert not left.exists() and (tmp_path / "out/labels.tsv").is_file()


@pytest.mark.parametrize("change", [["--flip"], ["--tile", 40], ["--white", 4095]])
def test_other_options_start_anew(model, photos, tmp_path, monkeypatch, change):
    monkeypatch.setattr(predicting, "decode", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run(model, photos, tmp_path / "out")
    monkeypatch.undo()
    journal = (tmp_path / "out/.unfinished").read_text()
    run(model, photos, tmp_path / "out", *change)
    assert (tmp_path / "out/labels.tsv").read_text().split("\n")[0] != journal.split("\n")[0]


def test_damaged_images_are_named_and_the_others_have_masks(model, photos, tmp_path):
    photo(photos / "c.jpg", (300, 300))
    (photos / "c.jpg").write_bytes((photos / "c.jpg").read_bytes()[:9000])
    (photos / "d.jpg").write_bytes(b"no image")
    (photos / "e.jpg").symlink_to(tmp_path / "gone")
    with pytest.raises(UserError) as error:
        run(model, photos, tmp_path / "out")
    first, *others = str(error.value).split("\n")
    assert first == "damaged, hence without a mask: 3 of 5 images:"
    assert sorted(Path(line.partition(":")[0]).name for line in others) == [
        "c.jpg",
        "d.jpg",
        "e.jpg",
    ]
    assert LabelReader([tmp_path / "out/labels.tsv"]).ids == ("a", "sub__b")


def test_masks_of_an_earlier_call_are_no_images(model, photos, tmp_path):
    run(model, photos, photos / "first")
    run(model, photos, photos / "second")
    assert LabelReader([photos / "second/labels.tsv"]).ids == ("a", "sub__b")


def test_large_images_need_tiles(model, photos, tmp_path, monkeypatch):
    monkeypatch.setattr(predicting, "WHOLE", 2250)
    with pytest.raises(UserError, match=r"1 of 2 images:\n.*b\.jpg: 61 x 37 .*predict --tile"):
        run(model, photos, tmp_path / "out")
    run(model, photos, tmp_path / "out", "--tile", 32)


def test_a_configuration_says_how_and_options_win(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    kernel = {"gaussian_sxy": 2, "bilateral_sxy": 50, "bilateral_srgb": 3, "bilateral_weight": 5}
    crf = {"iterations": 7} | kernel
    infer = f"{{scales: [0.5, 1], flip: true, resampling: opencv, crf_image: wrapped, crf: {crf}}}"
    Path("a.yaml").write_text(f"segment: {{infer: {infer}}}")
    said = options("--config", "a.yaml").infer
    assert said == SegmenterInfer.model_validate(yaml.safe_load(infer))
    own = options("--scales", "2", "--no-flip", "--crf", "4", "--config", "a.yaml").infer
    changed = {"scales": [2], "flip": False, "crf": {"iterations": 4} | kernel}
    assert own == SegmenterInfer.model_validate(said.model_dump() | changed)


def test_without_a_configuration_the_image_is_seen_once(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("config.yaml").write_text("segment: {infer: {flip: true}}")
    assert options().infer == SegmenterInfer(scales=[1.0], flip=False)


def test_settings_of_one_run_are_not_guessed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("a.yaml").write_text("runs: {x: {segment: {infer: {flip: true}}}}")
    with pytest.raises(UserError, match=r"runs\.x\.segment\.infer is for that run alone"):
        options("--config", "a.yaml")


def test_the_model_is_looked_at_first(photos, tmp_path):
    (tmp_path / "net.pt").write_text("text")
    with pytest.raises(UserError, match=r"net\.pt: .*; name the model\.pt of a segmenter"):
        run(tmp_path / "net.pt", tmp_path / "nowhere", tmp_path / "out")


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


@pytest.mark.parametrize("name", [".a.png.1@00000000.tmp", ".labels.tsv.77@deadbeef.tmp"])
def test_temporary_files_of_another_machine_stay(model, photos, tmp_path, name):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / name).touch()
    run(model, photos, tmp_path / "out")
    assert (tmp_path / "out" / name).exists() and (tmp_path / "out/labels.tsv").is_file()


def test_a_model_that_is_a_pipe_does_not_block(photos, tmp_path):
    os.mkfifo(tmp_path / "model.pt")
    with pytest.raises(UserError, match=r"model\.pt: not a regular file"):
        run(tmp_path / "model.pt", photos, tmp_path / "out")


@pytest.mark.parametrize(("side", "readers"), [(500, 8), (5000, 5), (9000, 1), (90000, 1)])
def test_few_large_photos_are_read_ahead(side, readers):
    photos = [Photo("a", Path("a.jpg"), (10, 10)), Photo("b", Path("b.jpg"), (side, side))]
    assert predicting.Options().readers(photos, 8) == readers
    assert predicting.Options().readers([], 8) == 8


def test_overlays_and_scores_beside_the_masks(model, photos, tmp_path, caplog):
    caplog.set_level("INFO", "wsss")
    run(model, photos, tmp_path / "out", "--overlay", "--scores", "--tile", 32)
    for name, size in {"a": (56, 40), "sub__b": (61, 37)}.items():
        with Image.open(tmp_path / f"out/overlays/{name}.jpg") as image:
            assert image.width == size[0] and image.height >= size[1]
    table = pd.read_csv(tmp_path / "out/scores.csv")
    assert list(table["image"]) == ["a"] * 3 + ["sub__b"] * 3
    assert list(table["class"][:3]) == ["background", *CLASSES]
    labels = read_labels(tmp_path / "out/a.png")
    assert np.allclose(table["share"][:3], [(labels == i).mean() for i in range(3)], atol=1e-6)
    assert table["score"].between(0, 1).all()
    for made in ("2 masks in", "0 = background, 1 = cat", "out/overlays", "out/scores.csv"):
        assert made in caplog.text
    assert f"wsss export coco --labels {tmp_path / 'out'} --images {photos}" in caplog.text
    # within the images they are no images, and a call without them leaves none
    run(model, photos, photos / "masks", "--overlay", "--overlay-format", "png")
    run(model, photos, photos / "masks")
    assert {p.name for p in (photos / "masks").iterdir()} == {
        *("a.png", "sub__b.png", "labels.tsv", "classes.txt")
    }


def test_an_interrupted_call_keeps_what_is_beside_the_masks(model, photos, tmp_path, monkeypatch):
    arguments = (model, photos, tmp_path / "out", "--overlay", "--scores")
    run(*arguments)
    whole = (tmp_path / "out/scores.csv").read_text()
    run(*arguments[:3])
    stopped = []

    def broken(*given, **options):
        stopped.append(given)
        if len(stopped) == 2:
            raise KeyboardInterrupt
        return original(*given, **options)

    original = predicting.segment
    monkeypatch.setattr(predicting, "segment", broken)
    with pytest.raises(KeyboardInterrupt):
        run(*arguments)
    assert not (tmp_path / "out/labels.tsv").exists()
    run(*arguments)
    assert len(stopped) == 3 and (tmp_path / "out/scores.csv").read_text() == whole


def test_a_model_carries_its_settings(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("a.yaml").write_text("segment: {infer: {flip: true, scales: [0.5]}}")
    own = SegmenterInfer(scales=[2.0], flip=True)
    meta = {"classes": CLASSES, "inference": own.model_dump(mode="json"), "white": 4095}
    carried = predict.options_of(parsed("model.pt", "photos", "out"), meta)
    assert (carried.infer, carried.white) == (own, 4095)
    given = parsed("model.pt", "photos", "out", "--no-flip", "--white", 1023)
    assert predict.options_of(given, meta).infer == own.model_copy(update={"flip": False})
    assert predict.options_of(given, meta).white == 1023
    configured = parsed("model.pt", "photos", "out", "--config", "a.yaml")
    assert predict.options_of(configured, meta).infer.scales == [0.5]


def test_an_overlay_of_a_large_image_is_small(monkeypatch):
    monkeypatch.setattr(overlays, "OVERLAY_SIDE", 10)
    labels = np.zeros((40, 20), np.uint8)
    assert overlays.overlay(labels, np.zeros((40, 20, 3), np.uint8), []).size == (5, 10)
