import numpy as np
import pytest

from wsss.data.problems import misfit, some, stop
from wsss.errors import UserError


def test_problems_are_counted_and_many_cut_short():
    stop("x", [])
    with pytest.raises(UserError, match=r"^1 problem in x:\nbad$"):
        stop("x", ["bad"])
    with pytest.raises(UserError, match=r"^103 problems in x:\n(bad\n){100}\.\.\. 3 more$"):
        stop("x", ["bad"] * 103)


def test_the_first_of_many_names_are_told():
    assert some(list("abcde")) == "a, b, c, d, e" and some(list("abcdef")).endswith("d, e, ...")


@pytest.mark.parametrize(
    ("size", "number", "told"),
    [((2, 3), 2, ""), ((3, 2), 2, "3 x 2 pixels, its image 2 x 3"), ((2, 3), 3, "holds id 3")],
)
def test_a_mask_fits_its_image_and_classes(size, number, told):
    found = misfit(np.array([[0, 255, 1], [0, 0, number]], np.uint8), size, 2)
    assert told in found and bool(told) == bool(found)
