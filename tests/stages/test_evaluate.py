from argparse import ArgumentParser
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from wsss.errors import UserError
from wsss.io.index import Index, Item, Masks
from wsss.io.labels import LabelReader, LabelWriter, write_labels
from wsss.io.maps import MapsWriter
from wsss.io.provenance import file_digest
from wsss.metrics.result import Evaluation
from wsss.pipeline import product
from wsss.stages import evaluate, locating

CONFIG = '{"evaluate":{"thresholds":[0.2,0.5,0.8],"threshold":%s,"min_area":0.01}}'
TRUTH = np.array([[0, 0, 1, 1], [0, 0, 1, 255]], np.uint8)
CAM = np.array([[[0.1, 0.4, 0.9, 0.9], [0.1, 0.1, 0.6, 0.6]]], np.float16)


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in "ab":
        Image.new("RGB", TRUTH.shape[::-1]).save(tmp_path / f"{name}.bmp")
    images = {name: tmp_path / f"{name}.bmp" for name in "ab"}
    items = [Item(name, "val", path, file_digest(path), (0,)) for name, path in images.items()]
    Index(("cat", "dog"), tuple(items)).write(tmp_path / "index.tsv")
    write_labels(tmp_path / "a.png", TRUTH)
    list_mask(tmp_path)
    Masks("none").write(tmp_path / "no_masks.tsv")
    # a cell per pixel, for maps that can be counted by hand
    monkeypatch.setattr("wsss.io.validated_maps.STRIDE", 1)
    return tmp_path


def list_mask(folder: Path) -> None:
    mask = folder / "a.png"
    Masks("by hand", {"a": mask}, {"a": file_digest(mask)}).write(folder / "masks.tsv")


def call(
    data: Path,
    kind: str,
    predictions: Path,
    masks: str = "masks.tsv",
    threshold: float | str = "null",
    pseudo: Path | None = None,
) -> Evaluation:
    parser = ArgumentParser()
    evaluate.add_arguments(parser)
    files = ["--index", data / "index.tsv", "--masks", data / masks, "--predictions", predictions]
    what: list[object] = ["--product", kind, "--form", product(kind).form, "--split", "val"]
    what += ["--labels", pseudo] if pseudo else []
    rest = ["--out", data / "out.json", "--config", CONFIG % threshold]
    evaluate.run(parser.parse_args([str(value) for value in files + what + rest]))
    return Evaluation.read(data / "out.json")


@pytest.fixture
def labels(data: Path) -> Path:
    with LabelWriter(data / "walk/labels.tsv") as writer:
        writer.put("a", np.array([[0, 0, 1, 1], [0, 1, 1, 2]], np.uint8))
        writer.put("b", np.array([[0, 0, 255, 2]] * 2, np.uint8))
    return data / "walk/labels.tsv"


@pytest.fixture
def cams(data: Path) -> Path:
    with MapsWriter(data / "cams.tsv") as writer:
        for name in "ab":
            writer.put(name, classes=np.array([0]), cam=CAM, size=np.array(CAM.shape[1:]))
    return data / "cams.tsv"


def test_label_maps_against_hand_counts(data: Path, labels: Path) -> None:
    result = call(data, "walk", labels).results["walk"]
    assert result.confusion == ((3, 1, 0), (0, 3, 0), (0, 0, 0))
    assert result.iou == pytest.approx({"background": 3 / 4, "cat": 3 / 4, "dog": 0})
    assert result.miou == pytest.approx(0.5)
    assert result.per_image == pytest.approx({"a": 0.75})
    assert (result.precision, result.recall) == pytest.approx((3 / 8, 1 / 2))


def test_an_evaluation_knows_its_label_maps(data: Path, labels: Path, cams: Path) -> None:
    assert call(data, "walk", labels).predictions == LabelReader([labels]).digest
    assert call(data, "cam", cams).predictions == ""


def test_metrics_without_masks_cover_all_images(data: Path, labels: Path) -> None:
    document = call(data, "walk", labels)
    result = document.results["walk"]
    assert result.coverage == pytest.approx(14 / 16)
    assert result.label_agreement == pytest.approx((1 / 2 + 0) / 2)
    for counts in (document, result):
        assert (counts.images, counts.images_predicted) == (1, 2)


def test_a_class_outside_the_masks_is_named(
    data: Path, labels: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", "wsss"):
        result = call(data, "walk", labels).results["walk"]
    assert result.absent_classes == ("dog",)
    assert result.miou_present == pytest.approx(0.75)
    assert caplog.messages[-2:] == [
        "walk: mIoU 50.00 % (everything background 19.05 %) of 1 val images with masks "
        "(75.00 % over the classes in them), "
        "label agreement 25.0 % of 2 images",
        "1 class never occurs in the val masks and counts as 0: dog",
    ]


def test_no_masks_give_no_miou(data: Path, labels: Path) -> None:
    document = call(data, "walk", labels, "no_masks.tsv")
    result = document.results["walk"]
    assert (result.miou, result.miou_present, result.absent_classes) == (None,) * 3
    assert (result.images, result.images_predicted) == (0, 2)


def test_cam_curve_and_chosen_thresholds(data: Path, cams: Path) -> None:
    document = call(data, "cam", cams)
    curve = document.threshold_curve
    assert curve.miou == pytest.approx([(3 / 4 + 3 / 4) / 3, 2 / 3, (4 / 5 + 2 / 3) / 3])
    assert (curve.oracle.threshold, curve.oracle.miou) == (0.5, pytest.approx(2 / 3))
    assert curve.label_agreement == (1, 1, 1)
    assert curve.mask_free.threshold == 0.5
    assert document.results["cam"].per_image == pytest.approx({"a": 1})


def test_cam_without_masks_keeps_the_label_threshold(data: Path, cams: Path) -> None:
    document = call(data, "cam", cams, "no_masks.tsv")
    curve = document.threshold_curve
    assert (curve.oracle, curve.miou) == (None, None)
    assert list(document.results) == ["cam mask-free"]


def test_a_fixed_threshold_is_evaluated_beside_the_chosen_ones(data: Path, cams: Path) -> None:
    plain, document = call(data, "cam", cams), call(data, "cam", cams, threshold=0.3)
    fixed = document.results.pop("cam fixed")
    assert document == plain
    assert fixed.confusion == ((3, 1, 0), (0, 3, 0), (0, 0, 0))
    assert (fixed.threshold, fixed.miou) == (0.3, pytest.approx(0.5))
    assert (fixed.precision, fixed.recall) == pytest.approx((3 / 8, 1 / 2))


def test_a_fixed_threshold_needs_no_masks(data: Path, cams: Path) -> None:
    result = call(data, "cam", cams, "no_masks.tsv", 0.3).results["cam fixed"]
    assert (result.miou, result.confusion, result.label_agreement) == (None, None, 1)


def test_cam_of_an_image_without_classes(data: Path) -> None:
    items = [Item(name, "val", Path(f"{name}.png"), "0", ()) for name in "ab"]
    Index(("cat", "dog"), tuple(items)).write(data / "index.tsv")
    none = np.zeros((0, 2, 4), np.float16)
    with MapsWriter(data / "cams.tsv") as writer:
        for name in "ab":
            writer.put(name, classes=np.array([], int), cam=none, size=np.array([2, 4]))
    result = call(data, "cam", data / "cams.tsv").results["cam"]
    assert result.iou == pytest.approx({"background": 4 / 7, "cat": 0, "dog": 0})


def test_crf_has_a_result_per_alpha(data: Path) -> None:
    sure, none = np.full((2, 4), 255, np.uint8), np.zeros((2, 4), np.uint8)
    maps = {"alpha_4": np.stack([sure, none]), "alpha_32": np.stack([none, sure])}
    with MapsWriter(data / "crf.tsv") as writer:
        for name in "ab":
            writer.put(name, classes=np.array([0]), **maps)
    results = call(data, "refined", data / "crf.tsv").results
    assert results["refined alpha 4"].confusion == ((4, 0, 0), (3, 0, 0), (0, 0, 0))
    assert results["refined alpha 32"].confusion == ((0, 4, 0), (0, 3, 0), (0, 0, 0))


def test_criteria_of_location_need_no_masks(
    data: Path, labels: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", "wsss"):
        result = call(data, "segment", labels, "no_masks.tsv", pseudo=labels).results["segment"]
    # the images are black, so no boundary lies on an edge
    assert (result.edge_contrast, result.stability) == (0, None)
    # an image of cats without a cat counts as 0
    assert result.located["segmenter_agreement"] == {"a": 1, "b": 0}
    assert result.segmenter_agreement == 0.5
    assert "edge contrast 0.0 %, refiner agreement " in caplog.messages[-1]
    assert caplog.messages[-1].endswith("segmenter agreement 50.0 %")


def test_the_stability_of_seeds_is_that_of_their_maps(data: Path) -> None:
    with MapsWriter(data / "cams.tsv") as writer:
        for name, stable in {"a": 0.25, "b": np.nan}.items():
            arrays = {"classes": np.array([0]), "size": np.array(CAM.shape[1:])}
            writer.put(name, cam=CAM, stability=np.array(stable, np.float32), **arrays)
    results = call(data, "cam", data / "cams.tsv").results
    assert results["cam mask-free"].stability == 0.25
    assert results["cam"].located == {}


def test_criteria_are_measured_on_a_sample(
    data: Path, labels: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locating, "SAMPLE", 1)
    located = call(data, "walk", labels).results["walk"].located
    assert {tuple(of) for of in located.values()} == {("a",)}


def test_an_image_of_another_size_than_its_prediction(data: Path, labels: Path) -> None:
    Image.new("RGB", (5, 5)).save(data / "a.bmp")
    item = Index.read(data / "index.tsv").by_id["a"]
    changed = replace(item, digest=file_digest(item.image))
    read = locating.of_label_maps("walk", LabelReader([labels]), None)
    with pytest.raises(UserError, match=r"a\.bmp: is \(5, 5\), its prediction \(2, 4\)"):
        locating.locate("walk", [changed], read)


def test_missing_prediction_is_named(data: Path) -> None:
    with LabelWriter(data / "labels.tsv") as writer:
        writer.put("a", TRUTH)
    with pytest.raises(UserError, match=r"split val: images without a prediction: b; give"):
        call(data, "walk", data / "labels.tsv")


def test_mask_of_another_size_is_named(data: Path, labels: Path) -> None:
    write_labels(data / "a.png", TRUTH.T)
    list_mask(data)
    with pytest.raises(UserError, match=r"a\.png: the mask is \(4, 2\)"):
        call(data, "walk", labels)


def test_mask_with_foreign_label_is_named(data: Path, labels: Path) -> None:
    write_labels(data / "a.png", TRUTH + 4)
    list_mask(data)
    with pytest.raises(UserError, match="holds label 5"):
        call(data, "walk", labels)


def test_a_mask_that_was_replaced_is_refused(data: Path, labels: Path) -> None:
    write_labels(data / "a.png", 1 - TRUTH % 2)
    with pytest.raises(UserError, match=r"a\.png: changed since the table of masks was made; run"):
        call(data, "walk", labels)


def test_masks_of_another_split_are_refused(data: Path, labels: Path) -> None:
    Masks("by hand", {"z": data / "a.png"}, {"z": ""}).write(data / "masks.tsv")
    with pytest.raises(UserError, match=r"masks\.tsv: has no mask of these images; delete it"):
        call(data, "walk", labels)


@pytest.mark.parametrize("kind", ["cam", "refined"])
def test_predictions_of_other_labels_are_refused(data: Path, kind: str) -> None:
    with MapsWriter(data / "maps.tsv") as writer:
        for name in "ab":
            arrays = {"classes": np.array([1]), "cam": CAM, "size": np.array(CAM.shape[1:])}
            writer.put(name, **arrays, alpha_4=np.zeros((2, 2, 4), np.uint8))
    with pytest.raises(UserError, match=r"maps\.npz: .* of classes \[1\] instead of \[0\]"):
        call(data, kind, data / "maps.tsv")


def test_same_input_same_bytes(data: Path, cams: Path) -> None:
    call(data, "cam", cams)
    first = (data / "out.json").read_bytes()
    call(data, "cam", cams)
    assert (data / "out.json").read_bytes() == first
