import numpy as np
import pytest
from scipy.io import savemat

from tests.data.fake_voc import MORE, TRAIN, VAL, labels, make_sbd, png, save_mat
from wsss.data.sources.sbd import find, read_mask
from wsss.errors import UserError


@pytest.mark.parametrize("inner", ["", "dataset", "benchmark_RELEASE"])
def test_sbd_is_found_from_above_and_below(tmp_path, inner):
    make_sbd(tmp_path / "benchmark_RELEASE")
    folder = tmp_path if inner == "benchmark_RELEASE" else tmp_path / "benchmark_RELEASE" / inner
    found = find(folder)
    assert found.name == "SBD" and set(found.files) == {*MORE, *VAL, TRAIN[1]}
    assert all(path.is_file() for path in found.files.values())


@pytest.mark.parametrize("inner", ["", "SegmentationClassAug"])
def test_segmentation_class_aug_is_found(tmp_path, inner):
    (tmp_path / inner).mkdir(exist_ok=True)
    for name in (MORE[0], "._junk"):
        (tmp_path / inner / f"{name}.png").write_bytes(png(labels(3)))
    found = find(tmp_path)
    assert found.name == "SegmentationClassAug" and list(found.files) == [MORE[0]]
    assert (read_mask(found.files[MORE[0]]) == labels(3)).all()


def test_another_folder_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"dataset\.augment: .* neither SBD .* nor"):
        find(tmp_path)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(UserError, match=r"dataset\.augment: no such folder: .*nope$"):
        find(tmp_path / "nope")


def test_sbd_without_a_list_is_refused(tmp_path):
    make_sbd(tmp_path)
    (tmp_path / "dataset/val.txt").unlink()
    with pytest.raises(UserError, match=r"val\.txt: cannot be read"):
        find(tmp_path)


def test_a_mat_file_is_read_as_it_was_drawn(tmp_path):
    drawn = np.arange(12, dtype=np.uint8).reshape(3, 4)
    save_mat(tmp_path / "a.mat", drawn)
    read = read_mask(tmp_path / "a.mat")
    assert read.dtype == np.uint8 and (read == drawn).all()


@pytest.mark.parametrize("share", [0, 0.1, 0.5, 0.9])
def test_a_truncated_mat_file_is_one_line(tmp_path, share):
    save_mat(tmp_path / "a.mat", labels(3))
    data = (tmp_path / "a.mat").read_bytes()
    (tmp_path / "a.mat").write_bytes(data[: int(len(data) * share)])
    with pytest.raises(UserError, match=r"a\.mat: no mask of SBD") as error:
        read_mask(tmp_path / "a.mat")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "content",
    [{"other": 1}, {"GTcls": 1}, {"GTcls": {"Boundaries": 1}}, {"GTcls": {"Segmentation": 0.5}}],
)
def test_another_mat_file_is_refused(tmp_path, content):
    savemat(tmp_path / "a.mat", content)
    with pytest.raises(UserError, match=r"a\.mat: "):
        read_mask(tmp_path / "a.mat")
