from dataclasses import replace

import pytest

from wsss.config.dataset import Dataset
from wsss.data.check import check_listing
from wsss.data.sources import read
from wsss.planning.images import Images
from wsss.planning.photos import dataset_of, write_photos


@pytest.mark.parametrize(("labels", "shown"), [(1.5, 9), (0.4, 6), (9.0, 18)])
def test_made_up_photographs_are_a_sound_data_set(tmp_path, labels, shown):
    images = Images(5, 1, (48, 64), 3, labels)
    write_photos(tmp_path / "data", images)
    dataset = Dataset(**dataset_of(images) | {"root": str(tmp_path / "data")})
    index, masks = check_listing(read(dataset), dataset)
    assert len(index.split("train")) == 5 and len(masks.paths) == 6
    assert sum(len(item.classes) for item in index.items) == shown
    assert index.num_classes == 3


def test_made_up_photographs_are_always_the_same(tmp_path):
    images = replace(Images(1, 1, (48, 64), 3, 1.0))
    for name in "ab":
        write_photos(tmp_path / name, images)
    assert (tmp_path / "a/0.jpg").read_bytes() == (tmp_path / "b/0.jpg").read_bytes()
