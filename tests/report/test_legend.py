import numpy as np
import pytest

from wsss.report.legend import with_legend

PICTURE = np.full((30, 120, 3), 7, np.uint8)
ENTRIES = [("cat", "#e69f00"), ("a dog", "#56b4e9"), ("bird", "#009e73"), ("cow", "#0072b2")]


@pytest.mark.parametrize("count", [1, 4])
def test_every_colour_is_below_the_picture(count):
    shown = np.asarray(with_legend(PICTURE, ENTRIES[:count]))
    assert shown.shape[1] == 120 and (shown[:30] == PICTURE).all()
    colours = {tuple(colour) for colour in shown[30:].reshape(-1, 3).tolist()}
    assert all(tuple(bytes.fromhex(colour[1:])) in colours for _, colour in ENTRIES[:count])
    assert (0, 0, 0) in colours and len(shown) > 30


def test_nothing_to_explain():
    assert (np.asarray(with_legend(PICTURE, [])) == PICTURE).all()
