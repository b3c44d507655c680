import numpy as np
import pytest
from PIL import Image

from tests.listed import listed
from wsss.errors import UserError
from wsss.io.maps import MapsReader, MapsWriter
from wsss.stages.parts import read_with_cam


@pytest.fixture
def photo(tmp_path):
    """A grey photograph of 6 x 9 pixels."""
    Image.fromarray(np.full((6, 9, 3), 80, np.uint8)).save(tmp_path / "a.png")
    return tmp_path / "a.png"


def maps(photo, size):
    """Write the maps of a photograph that had this size."""
    cam = np.full((1, -(-size[0] // 4), -(-size[1] // 4)), 0.5, np.float16)
    with MapsWriter(photo.with_name("maps.tsv")) as out:
        out.put("a", classes=np.array([0]), cam=cam, size=np.array(size))
    return MapsReader([photo.with_name("maps.tsv")])


def test_an_image_comes_with_its_maps_at_its_size(photo):
    image, cam = read_with_cam(maps(photo, (6, 9)), listed(photo))
    assert image.shape == (6, 9, 3)
    assert cam.shape == (1, 6, 9) and (cam == 0.5).all()


def test_maps_of_another_size_are_named(photo):
    with pytest.raises(UserError, match=r"a\.png: the image changed since its maps were computed"):
        read_with_cam(maps(photo, (6, 8)), listed(photo))


def test_an_image_of_the_same_size_that_was_replaced_is_named(photo):
    item, cams = listed(photo), maps(photo, (6, 9))
    Image.fromarray(np.full((6, 9, 3), 81, np.uint8)).save(photo)
    with pytest.raises(UserError, match=r"a\.png: changed since the index .*; run the same comm"):
        read_with_cam(cams, item)
