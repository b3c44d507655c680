import numpy as np
import pytest
from PIL import Image

from tests.listed import listed
from wsss.errors import UserError
from wsss.stages.parts import image_of


@pytest.fixture
def photo(tmp_path):
    """A grey photograph of 6 x 9 pixels."""
    Image.fromarray(np.full((6, 9, 3), 80, np.uint8)).save(tmp_path / "a.png")
    return tmp_path / "a.png"


def test_the_image_of_its_maps(photo):
    assert image_of(listed(photo), (6, 9)).shape == (6, 9, 3)


def test_maps_of_another_size_are_named(photo):
    with pytest.raises(UserError, match=r"a\.png: the image changed since its maps were computed"):
        image_of(listed(photo), (6, 8))


def test_an_image_of_the_same_size_that_was_replaced_is_named(photo):
    item = listed(photo)
    Image.fromarray(np.full((6, 9, 3), 81, np.uint8)).save(photo)
    with pytest.raises(UserError, match=r"a\.png: changed since the index .*; run the same comm"):
        image_of(item, (6, 9))
