import base64
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from wsss.report import panels

GREY = np.full((6, 8, 3), 100, np.uint8)
ORANGE = {0: "#e69f00"}


@given(st.dictionaries(st.text("abcdef", min_size=1), st.floats(0, 1)), st.integers(1, 4))
def test_best_and_worst_never_overlap(scores: dict[str, float], count: int) -> None:
    best, worst = panels.choose(scores, count)
    assert not set(best) & set(worst)
    assert len(best) + len(worst) == min(len(scores), 2 * count)
    assert all(scores[b] >= scores[w] for b in best for w in worst)


def test_worst_comes_first_among_the_worst() -> None:
    assert panels.choose({"a": 0.1, "b": 0.2, "c": 0.9, "d": 0.8}, 2) == (["c", "d"], ["a", "b"])


def test_images_without_a_label_are_never_the_best() -> None:
    scores = {"a": 0.1, "b": 0.2, "c": 1.0, "d": 0.8, "e": 1.0}
    assert panels.choose(scores, 2, {"c", "e"}) == (["d", "b"], ["a", "e"])


def test_spread_takes_both_ends() -> None:
    assert panels.spread(list("abcdefg"), 3) == ["a", "d", "g"]
    assert panels.spread(["a"], 8) == ["a"]


@given(st.sets(st.integers(0, 80), max_size=7))
def test_classes_of_a_row_have_different_colours(classes: set[int]) -> None:
    assert len(set(panels.assign(sorted(classes)).values())) == len(classes)


def test_labels_colour_their_pixels_only() -> None:
    labels = np.zeros((6, 8), np.uint8)
    labels[:, 4:] = 1
    out = panels.paint_labels(labels, GREY, ORANGE)
    assert np.ptp(out[:, :4]) == 0
    assert (out[:, 4:, 0] > out[:, 4:, 2] + 100).all()


def test_ignored_pixels_are_striped() -> None:
    out = panels.paint_labels(np.full((6, 8), 255, np.uint8), GREY, {})
    assert len(np.unique(out)) == 2


def test_cam_opacity_follows_its_value() -> None:
    cam = np.linspace(0, 1, 8, dtype=np.float32)[None, None].repeat(6, axis=1)
    out = panels.paint_cam(panels.Heatmap(cam, np.array([0])), GREY, ORANGE)
    assert (np.diff(out[0, :, 0].astype(int)) > 0).all()


def test_cam_below_zero_is_drawn_as_zero() -> None:
    cam = np.array([[[-1, -0.01, 0, 1, 1.01]], [[-1, 0, -0.01, -1, -1]]], np.float16)
    shown = [panels.Heatmap(maps, np.array([0, 1])) for maps in (cam, cam.clip(0, 1))]
    colours = panels.assign([0, 1])
    below, clipped = (panels.paint_cam(layer, GREY, colours) for layer in shown)
    assert (below == clipped).all()


def test_cam_of_nothing_leaves_the_image_grey() -> None:
    nothing = panels.Heatmap(np.full((1, 3, 4), -1, np.float32), np.array([0]))
    assert np.ptp(panels.paint_cam(nothing, GREY, ORANGE)) == 0


def test_panel_without_classes_and_one_pixel_wide() -> None:
    layers = {
        "CAM": panels.Heatmap(np.zeros((0, 1, 1), np.float32), np.array([], int)),
        "truth": np.zeros((9, 1), np.uint8),
    }
    row = panels.panel("a", "", np.zeros((9, 1, 3), np.uint8), layers, ["cat"])
    assert [tile.caption for tile in row.tiles] == ["CAM", "truth"]
    assert row.chips == ()


def test_chips_name_all_labels_of_the_row() -> None:
    layers = {"x": np.array([[0, 1]], np.uint8), "y": np.array([[2, 255]], np.uint8)}
    row = panels.panel("a", "", np.zeros((1, 2, 3), np.uint8), layers, ["cat", "dog"])
    assert [chip.name for chip in row.chips] == ["cat", "dog"]


def test_chips_compare_the_labels_of_the_image_with_those_found() -> None:
    found = np.array([[0, 1], [3, 255]], np.uint8)
    row = panels.panel(
        *("a", "", GREY[:2, :2], {"x": found}, ["cat", "dog", "owl"]), own=[0, 1], found=found
    )
    statuses = [(chip.name, chip.status) for chip in row.chips]
    assert statuses == [("cat", ""), ("dog", "missing"), ("owl", "untrue")]


def test_pictures_are_described_in_words() -> None:
    layers = {
        "image": panels.photograph(GREY),
        "CAM": panels.Heatmap(np.zeros((1, 2, 2), np.float32), np.array([0])),
        "labels": np.array([[0, 1], [1, 1]], np.uint8),
    }
    row = panels.panel("a", "", GREY, layers, ["cat"])
    assert [tile.alt for tile in row.tiles] == ["image", "CAM: cat", "labels: cat 75 %"]


def test_an_overlay_keeps_the_image_and_outlines_its_labels() -> None:
    labels = np.zeros((6, 8), np.uint8)
    labels[:, 4:] = 1
    out = panels.paint_overlay(labels, GREY, ORANGE)
    assert np.array_equal(out[:, :3], GREY[:, :3])
    assert (out[:, 3] == 255).all()
    assert (out[:, 4:, 0] > out[:, 4:, 2] + 80).all()


def test_picture_survives_its_address() -> None:
    data = panels.data_uri(GREY).partition(",")[2]
    assert np.asarray(Image.open(io.BytesIO(base64.b64decode(data)))) == pytest.approx(GREY, abs=3)
