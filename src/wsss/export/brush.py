"""The run-length code of Label Studio's brush, read off its public decoder `decode_rle`.

Bits, most significant first: 32 of the number of values, 5 of the width of a value less one, four
times 4 of a width of counts less one; then blocks. A block is 1 bit "run", 2 bits naming one of the
four widths, the count less one in that width, and the value.
"""

import numpy as np

_WIDTHS = np.array([3, 4, 8, 16])
_VALUE = 8
_LONGEST = 1 << 16


def encode(mask: np.ndarray) -> list[int]:
    """Return the code of a mask.

    Args:
        mask: (H, W) bool. A brushed pixel becomes four values 255 (red, green, blue, opacity),
            any other four zeros.

    Returns:
        The bytes of the code, 0..255.
    """
    values, lengths = _runs(mask)
    kinds = np.searchsorted(1 << _WIDTHS, lengths)
    widths = _WIDTHS[kinds]
    codes = ((4 + kinds) << widths | (lengths - 1)) << _VALUE | values
    head = [(4 * mask.size, 32), (_VALUE - 1, 5), *((w - 1, 4) for w in _WIDTHS.tolist())]
    bits = [_bits(np.array([code]), np.array([width])) for code, width in head]
    bits.append(_bits(codes, 3 + widths + _VALUE))
    return np.packbits(np.concatenate(bits)).tolist()


def _runs(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the runs of the four values per pixel: value (R,) and length (R,), 65536 at most."""
    flat = mask.ravel().astype(bool)
    starts = np.flatnonzero(np.append(True, flat[1:] != flat[:-1]))
    lengths = 4 * np.diff(np.append(starts, flat.size))
    parts = -(-lengths // _LONGEST)
    values = np.repeat(np.where(flat[starts], 255, 0), parts)
    cut = np.full(parts.sum(), _LONGEST)
    cut[parts.cumsum() - 1] = lengths - (parts - 1) * _LONGEST
    return values, cut


def _bits(codes: np.ndarray, widths: np.ndarray) -> np.ndarray:
    """Return the last `widths` (N,) bits of `codes` (N,), one after the other, as 0 and 1."""
    places = np.arange(widths.max() - 1, -1, -1)
    table = (codes[:, None] >> places) & 1
    return table[places < widths[:, None]].astype(np.uint8)
