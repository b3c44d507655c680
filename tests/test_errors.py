import pytest

from wsss.errors import UserError, first_of, raise_problems


def test_problems_are_counted_and_many_cut_short():
    raise_problems("x", [])
    with pytest.raises(UserError, match=r"^1 problem in x:\nbad$"):
        raise_problems("x", ["bad"])
    with pytest.raises(UserError, match=r"^103 problems in x:\n(bad\n){100}\.\.\. 3 more$"):
        raise_problems("x", ["bad"] * 103)


def test_long_lists_of_names_are_shortened():
    assert first_of(list("abcde")) == "a, b, c, d, e"
    assert first_of(list("abcdef")).endswith("d, e, ...")
