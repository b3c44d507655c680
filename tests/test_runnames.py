import pytest

from wsss import runnames


@pytest.mark.parametrize(
    ("name", "main", "group"),
    [
        ("a", "a", None),
        ("a.0", "a.0", "a"),
        ("psa+eader.12", "psa+eader.12", "psa+eader"),
        ("a.first", "a", None),
        ("a.0.first", "a.0", "a.first"),
        ("a.12.round2", "a.12", "a.round2"),
        ("a.3.bound", "a.3", "a.bound"),
    ],
)
def test_derived_runs_are_known_by_their_names(name, main, group):
    assert runnames.main(name) == main
    assert runnames.group(name) == group
    assert runnames.is_first(name) == name.endswith("first")


def test_all_derive_from_the_same_run():
    assert runnames.first("a.0.bound") == "a.0.first"
    assert runnames.bound("a.0.round1") == "a.0.bound"
    assert runnames.round_before("a.round2", 1) == "a.round1"
