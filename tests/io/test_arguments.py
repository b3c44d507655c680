"""Texts of any length reach a command, which bash gives no more than 128 KiB."""

import pytest

from wsss.errors import UserError
from wsss.io.arguments import passed, received


@pytest.mark.parametrize("length", [0, 10, 200_000])
def test_a_text_is_received_as_it_was_passed(tmp_path, length):
    text = "{" + "é" * length + "}"
    argument = passed(text, tmp_path / "folder/config.json")
    assert received(argument) == text
    assert len(argument) < 20_000


def test_a_short_text_leaves_no_file(tmp_path):
    passed("{}", tmp_path / "config.json")
    assert not list(tmp_path.iterdir())


def test_a_lost_file_is_named(tmp_path):
    with pytest.raises(UserError, match=r"config\.json: cannot be read"):
        received(f"@{tmp_path}/config.json")
