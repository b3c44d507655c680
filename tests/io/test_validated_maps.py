from pathlib import Path

import numpy as np
import pytest

from wsss.errors import UserError
from wsss.io.index import Item
from wsss.io.maps import MapsReader, MapsWriter
from wsss.io.validated_maps import read_cam, read_refined, read_scores

ITEM = Item("a", "train", Path("a.png"), "0", (1, 3))
CLASSES = np.array([1, 3])
CAM = np.linspace(-1, 1, 12).reshape(2, 2, 3).astype(np.float16)
SIZE = np.array([5, 12])
CRF = np.arange(36, dtype=np.uint8).reshape(3, 3, 4)


@pytest.fixture
def reader(tmp_path):
    """A reader of maps with the arrays given of the image `a`."""

    def write(**arrays):
        with MapsWriter(tmp_path / "1.tsv") as out:
            out.put("a", **arrays)
        return MapsReader([tmp_path / "1.tsv"])

    return write


def with_value(value):
    cam = CAM.copy()
    cam[1, 0, 0] = value
    return cam


def test_a_cam_comes_with_the_size_of_its_image(reader):
    cam, size = read_cam(reader(classes=CLASSES, cam=CAM, size=SIZE), ITEM)
    assert np.array_equal(cam, CAM) and size == (5, 12)


def test_a_cam_of_an_image_without_labels_is_sound(reader):
    none = Item("a", "train", Path("a.png"), "0", ())
    maps = reader(classes=np.array([], np.int64), cam=np.zeros((0, 2, 3), np.float16), size=SIZE)
    assert read_cam(maps, none)[0].shape == (0, 2, 3)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"classes": np.array([1, 2])}, r"of classes \[1, 2\] instead of \[1, 3\]"),
        ({"classes": np.array([1, 300])}, r"of classes \[1, 300\]"),
        ({"classes": np.array([1.0, 3.0])}, r"of classes \[1\.0"),
        ({"cam": with_value(np.nan)}, "outside"),
        ({"cam": with_value(np.inf)}, "outside"),
        ({"cam": with_value(-100)}, "outside"),
        ({"cam": with_value(1.5)}, "outside"),
        ({"cam": CAM.astype(np.float64)}, r"float64 \(2, 2, 3\) instead of float16"),
        ({"cam": CAM.astype(np.uint8)}, "uint8"),
        ({"cam": np.concatenate([CAM, CAM])}, r"\(4, 2, 3\) instead of float16 \(2, 2, 3\)"),
        ({"cam": CAM[:, :, :2]}, r"\(2, 2, 2\)"),
        ({"size": np.array([5, 13])}, r"instead of float16 \(2, 2, 4\)"),
        ({"size": np.array([5])}, r"\(2, 2\)"),
        ({"size": np.array([0, 12]), "cam": CAM[:, :0]}, r"an image of size \(0, 12\)"),
    ],
)
def test_another_cam_is_refused(reader, wrong, said):
    maps = reader(**({"classes": CLASSES, "cam": CAM, "size": SIZE} | wrong))
    with pytest.raises(
        UserError, match=rf"1\.npz: .* image a: .*{said}.*; delete 1\.tsv of its split and run"
    ):
        read_cam(maps, ITEM)


def test_posteriors_come_by_their_alpha(reader):
    found = read_refined(reader(classes=CLASSES, alpha_32=CRF, alpha_4=CRF + 1), ITEM)
    assert list(found) == [4, 32] and np.array_equal(found[32], CRF)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"classes": np.array([0, 99])}, r"of classes \[0, 99\]"),
        ({"alpha_4": np.full(CRF.shape, np.nan, np.float32)}, "float32"),
        ({"alpha_4": CRF[:1]}, r"\(1, 3, 4\) instead of uint8 \(3, 3, 4\)"),
        ({"alpha_32": CRF[:, 1:]}, r"\(3, 2, 4\)"),
        ({"alpha_4": CRF[0]}, r"uint8 \(3, 4\)"),
    ],
)
def test_other_posteriors_are_refused(reader, wrong, said):
    maps = reader(**({"classes": CLASSES, "alpha_4": CRF, "alpha_32": CRF} | wrong))
    with pytest.raises(
        UserError, match=rf"1\.npz: .* image a: .*{said}.*; delete 1\.tsv of its split and run"
    ):
        read_refined(maps, ITEM)


def test_posteriors_of_a_part_of_the_image_are_refused(reader):
    maps = reader(classes=CLASSES, alpha_4=CRF)
    assert np.array_equal(read_scores(maps, ITEM, "alpha_4", size=(3, 4))["alpha_4"], CRF)
    with pytest.raises(UserError, match=r"uint8 \(3, 3, 4\) instead of uint8 \(3, 9, 4\)"):
        read_scores(maps, ITEM, "alpha_4", size=(9, 4))


def test_the_last_label_gets_what_the_others_leave(reader):
    kept = np.array([[[255, 100, 128]], [[0, 20, 128]]], np.uint8)
    found = read_refined(reader(classes=CLASSES, alpha_4=kept), ITEM)[4]
    assert np.array_equal(found, [*kept, [[0, 135, 0]]]) and found.dtype == np.uint8


def test_another_kind_of_maps_holds_no_posteriors(reader):
    with pytest.raises(UserError, match=r"1\.npz: .* image a: there are no CRF posteriors"):
        read_refined(reader(classes=CLASSES, cam=CAM), ITEM)


def test_other_alphas_than_those_asked_for_are_named(reader):
    with pytest.raises(UserError, match=r"1\.tsv: has no alpha_4 of image a"):
        read_scores(reader(classes=CLASSES, alpha_5=CRF), ITEM, "alpha_4")
