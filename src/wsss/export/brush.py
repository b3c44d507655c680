"""Run-length encoding of Label Studio's brush masks.

Source: `decode_rle` of `label_studio_sdk.converter.brush`. Bit stream, most significant bit first:
number of values (32 bits), value width - 1 (5 bits), four run-length widths - 1 (4 bits each); then
one block per run: bit 1, index of the run-length width (2 bits), run length - 1, value (8 bits).
"""

import numpy as np

_WIDTHS = np.array([3, 4, 8, 16])
"""Run-length widths in bits."""

_VALUE_BITS = 8
_MAX_RUN = 1 << 16


def encode(mask: np.ndarray) -> list[int]:
    """Encode a mask.

    Args:
        mask: (H, W) bool. Each pixel becomes four values (RGBA): 255 inside the mask, else 0.

    Returns:
        Bytes of the code, 0..255.
    """
    values, lengths = _runs(mask)
    # the smallest width that holds each run length - 1
    index = np.searchsorted(1 << _WIDTHS, lengths)
    widths = _WIDTHS[index]
    # block: bit 1 and index (3 bits), run length - 1, value
    blocks = ((4 + index) << widths | (lengths - 1)) << _VALUE_BITS | values
    head = [(4 * mask.size, 32), (_VALUE_BITS - 1, 5), *((w - 1, 4) for w in _WIDTHS.tolist())]
    bits = [_bits(np.array([code]), np.array([width])) for code, width in head]
    bits.append(_bits(blocks, 3 + widths + _VALUE_BITS))
    return list(map(int, np.packbits(np.concatenate(bits))))


def _runs(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Runs of the RGBA values of a mask: values (R,) and lengths (R,), at most 65536."""
    flat = mask.ravel().astype(bool)
    starts = np.flatnonzero(np.append(True, flat[1:] != flat[:-1]))
    lengths = 4 * np.diff(np.append(starts, flat.size))
    # split runs longer than the maximum; the last part holds the rest
    parts = -(-lengths // _MAX_RUN)
    values = np.repeat(np.where(flat[starts], 255, 0), parts)
    split = np.full(parts.sum(), _MAX_RUN)
    split[parts.cumsum() - 1] = lengths - (parts - 1) * _MAX_RUN
    return values, split


def _bits(codes: np.ndarray, widths: np.ndarray) -> np.ndarray:
    """Concatenate the lowest `widths` (N,) bits of `codes` (N,), as an array of 0 and 1."""
    places = np.arange(widths.max() - 1, -1, -1)
    table = (codes[:, None] >> places) & 1
    return table[places < widths[:, None]].astype(np.uint8)
