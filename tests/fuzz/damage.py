"""Damage to the bytes of files, as tests of readers draw it."""

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

FEW = settings(
    max_examples=60,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
MANY = settings(FEW, max_examples=150)

_PLACES = st.floats(0, 1, exclude_max=True)
_EDITS = st.one_of(
    st.tuples(st.just("replace"), _PLACES, st.binary(min_size=1, max_size=8)),
    st.tuples(st.just("insert"), _PLACES, st.binary(min_size=1, max_size=8)),
    st.tuples(st.just("cut"), _PLACES, st.just(b"")),
    st.tuples(st.just("drop"), _PLACES, st.binary(min_size=1, max_size=8)),
)


def _apply(data: bytes, kind: str, place: float, new: bytes) -> bytes:
    at = int(place * len(data))
    if kind == "cut":
        return data[:at]
    gone = 0 if kind == "insert" else len(new)
    return data[:at] + (b"" if kind == "drop" else new) + data[at + gone :]


@st.composite
def damaged(draw, data):
    """`data` after one to four edits; now and then the same."""
    for edit in draw(st.lists(_EDITS, min_size=1, max_size=4)):
        data = _apply(data, *edit)
    return data


@st.composite
def one_byte_changed(draw, data):
    """`data` with one byte of another value."""
    at = draw(st.integers(0, len(data) - 1))
    value = draw(st.integers(1, 255)) ^ data[at]
    return data[:at] + bytes([value]) + data[at + 1 :]
