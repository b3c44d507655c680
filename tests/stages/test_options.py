import argparse

import pytest

from wsss.stages.options import integer, number, positive


@pytest.mark.parametrize(
    ("parse", "good", "bad", "expected"),
    [
        (integer(1), ["1", "20"], ["0", "-1", "1.5", "x"], "an integer, 1 or larger"),
        (integer(2, 3), ["2", "3"], ["1", "4"], "an integer, from 2 to 3"),
        (number(0), ["0", "1e3"], ["-0.1", "nan", "inf", "x"], "a number, 0 or larger"),
        (number(0, 1), ["0", "0.5", "1"], ["1.01", "nan"], "a number, from 0 to 1"),
        (positive, ["0.1", "7"], ["0", "-1", "inf", "nan", ""], "a number, above 0"),
    ],
)
def test_what_is_expected_is_said(parse, good, bad, expected):
    assert [parse(text) for text in good] == [float(text) for text in good]
    for text in bad:
        with pytest.raises(argparse.ArgumentTypeError, match=f"^{text!r}: expected {expected}$"):
            parse(text)
