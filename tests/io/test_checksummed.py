import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsss.io.checksummed import add_checksum, verify_checksum


@given(st.text())
def test_the_text_comes_back_without_its_checksum(text):
    assert verify_checksum(add_checksum(text)) == text
    assert verify_checksum(add_checksum(add_checksum(text))) == add_checksum(text)


TEXT = add_checksum("step,loss\n1,0.5\n")


@pytest.mark.parametrize(
    "text", ["", "step,loss\n1,0.5\n", TEXT.replace("0.5", "0.4"), TEXT[:-1], TEXT + "\n"]
)
def test_any_change_is_noticed(text):
    with pytest.raises(ValueError, match="does not match its checksum"):
        verify_checksum(text)
