import numpy as np
import pytest
from PIL import Image

from wsss.config.dataset import Dataset, Demo
from wsss.data.check import check_listing
from wsss.data.sources import read
from wsss.demo.folder import make_demo
from wsss.demo.scenes import CLASSES, make_scene
from wsss.errors import UserError

FEW = Demo(images=10, val_images=5, size=64)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("demo")
    make_demo(root, FEW)
    return root


def test_demo_passes_the_check(root):
    index, masks = check_listing(read(Dataset(), root), Dataset())
    assert index.class_names == CLASSES
    assert len(index.split("train")) == 10 and len(index.split("val")) == 5
    assert len(masks.paths) == 15


def test_labels_are_those_of_the_masks(root):
    index, masks = check_listing(read(Dataset(), root), Dataset())
    for item in index.items:
        shown = set(np.unique(np.asarray(Image.open(masks.paths[item.image_id]))))
        assert shown - {0, 255} == {number + 1 for number in item.classes}


def test_same_seed_gives_the_same_files(root, tmp_path):
    make_demo(tmp_path, FEW)
    for path in root.rglob("*.*"):
        assert (tmp_path / path.relative_to(root)).read_bytes() == path.read_bytes()


def test_first_images_do_not_depend_on_the_number(root, tmp_path):
    make_demo(tmp_path, FEW.model_copy(update={"images": 2, "val_images": 1}))
    for path in (tmp_path / "JPEGImages").iterdir():
        assert path.read_bytes() == (root / "JPEGImages" / path.name).read_bytes()


def test_other_seed_gives_other_images():
    one, two = (make_scene(np.random.default_rng(seed), (48, 48), 0)[0] for seed in (0, 1))
    assert not np.array_equal(one, two)


@pytest.mark.parametrize("class_id", range(len(CLASSES)))
def test_the_first_class_is_in_the_picture(class_id):
    for seed in range(5):
        image, labels = make_scene(np.random.default_rng(seed), (60, 50), class_id)
        assert image.shape == (60, 50, 3) and labels.shape == (60, 50)
        assert (labels == class_id + 1).sum() > 30


def test_unfinished_folder_is_named(tmp_path):
    with pytest.raises(UserError, match="not a finished demo folder; run wsss make-demo"):
        read(Dataset(), tmp_path)
