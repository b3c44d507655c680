import pytest

from wsss.io.names import MAX_BYTES, is_file, name_problem


@pytest.mark.parametrize("image_id", ["a", "a.b", "...", "<i>", "b" * MAX_BYTES])
def test_a_name(image_id):
    assert name_problem(image_id) == ""


@pytest.mark.parametrize("image_id", ["", ".", "..", "a/b", "a\0b", "ä" * MAX_BYTES])
def test_no_name(image_id):
    assert "name of a file" in name_problem(image_id)


@pytest.mark.parametrize("name", ["none", "a" * 5000, "a\0b", "\ud800", "."])
def test_there_is_no_such_file(tmp_path, name):
    assert not is_file(tmp_path / name)
