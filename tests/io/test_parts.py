import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsss.errors import UserError
from wsss.io.parts import part_of


@given(st.lists(st.integers()), st.integers(1, 12))
def test_parts_partition_the_sequence_evenly(items, count):
    parts = [part_of(items, f"{i}-of-{count}") for i in range(1, count + 1)]
    assert [x for part in parts for x in part] == items
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


@pytest.mark.parametrize("name", ["0-of-3", "4-of-3", "1of3", "a-of-3", "1-of-3x", ""])
def test_a_wrong_name_is_refused(name):
    with pytest.raises(UserError, match="expected all, or i-of-n"):
        part_of([1], name)
