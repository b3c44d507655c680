import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsss.io.checksummed import seal, unseal


@given(st.text())
def test_a_sealed_text_comes_back(text):
    assert unseal(seal(text)) == text
    assert unseal(seal(seal(text))) == seal(text)


SEALED = seal("step,loss\n1,0.5\n")


@pytest.mark.parametrize(
    "text", ["", "step,loss\n1,0.5\n", SEALED.replace("0.5", "0.4"), SEALED[:-1], SEALED + "\n"]
)
def test_any_change_is_noticed(text):
    with pytest.raises(ValueError, match="does not match its checksum"):
        unseal(text)
