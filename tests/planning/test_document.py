import yaml
from hypothesis import given
from hypothesis import strategies as st

from wsss.planning.document import mapping_lines, scalar

NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=8)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | NAMES
TREES = st.recursive(
    SCALARS | st.lists(SCALARS, max_size=3),
    lambda inner: st.dictionaries(NAMES, inner, max_size=3),
)


@given(st.dictionaries(NAMES, TREES, max_size=4))
def test_mappings_are_read_as_they_were_written(tree):
    text = "\n".join(mapping_lines(tree, dict.fromkeys(tree, "a note: # of it")))
    assert (yaml.safe_load(text) or {}) == tree


def test_a_note_stands_behind_its_key():
    lines = list(mapping_lines({"a": {"b": [1, 2]}, "c": None}, {"a.b": "why", "c": "so"}))
    assert lines == ["a:", "  b: [1, 2]  # why", "c: null  # so"]


def test_a_value_that_occurs_twice_is_written_twice():
    one = {"x": 1}
    assert scalar([one, one]) == "[{x: 1}, {x: 1}]"
