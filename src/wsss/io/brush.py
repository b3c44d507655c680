"""Run-length encoding of Label Studio's brush masks.

Source: `decode_rle` of `label_studio_sdk.converter.brush`. Bit stream, most significant bit first:
number of values (32 bits), value width - 1 (5 bits), four run-length widths - 1 (4 bits each); then
one block per run: bit 1, index of the run-length width (2 bits), run length - 1, value (8 bits).
"""

from collections.abc import Sequence

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


def decode(code: Sequence[int], pixels: int) -> np.ndarray:
    """Decode the opacity of a mask.

    Args:
        code: bytes, 0..255.
        pixels: their number.

    Returns:
        (pixels,) uint8: the last of the four values (RGBA) of every pixel, row by row.

    Raises:
        ValueError: the code is damaged, or has another number of pixels.
    """
    bits = _Bits("".join(f"{byte:08b}" for byte in code))
    count, width = bits.take(32), bits.take(5) + 1
    widths = [bits.take(4) + 1 for _ in range(4)]
    if count != 4 * pixels:
        raise ValueError(f"{count} values instead of {4 * pixels}")
    values, lengths, total = [], [], 0
    while total < count:
        is_run = bits.take(1)
        length = bits.take(widths[bits.take(2)]) + 1
        # without the bit of a run, every value is written on its own
        values += [bits.take(width) for _ in range(1 if is_run else length)]
        lengths += [length] if is_run else [1] * length
        total += length
    if total != count:
        raise ValueError(f"{total} values instead of {count}")
    return np.repeat(values, lengths).astype(np.uint8)[3::4]


class _Bits:
    """Reader of numbers from a text of bits."""

    def __init__(self, text: str) -> None:
        self._text, self._place = text, 0

    def take(self, width: int) -> int:
        """Return the number in the next `width` bits.

        Raises:
            ValueError: there are less.
        """
        start, self._place = self._place, self._place + width
        if self._place > len(self._text):
            raise ValueError("cut off")
        return int(self._text[start : self._place], 2)


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
