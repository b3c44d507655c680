"""Legend of class names and colours below a picture."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

_SIZE = 14
"""Height of the letters in pixels."""
_ROW = 22
_GAP = 6


def with_legend(picture: np.ndarray, entries: Sequence[tuple[str, str]]) -> Image.Image:
    """Return a picture with the names and colours of its classes below it.

    Args:
        picture: (h, w, 3) uint8 RGB.
        entries: name and colour, such as #e69f00, in their order; none = the picture as it is.
    """
    image = Image.fromarray(picture)
    if not entries:
        return image
    font = ImageFont.load_default(_SIZE)
    # places (column, row) of the entries, as many in a row as fit
    places, x, row = [], _GAP, 0
    for name, _ in entries:
        width = _SIZE + _GAP + round(font.getlength(name)) + 2 * _GAP
        if x > _GAP and x + width > image.width:
            x, row = _GAP, row + 1
        places.append((x, image.height + row * _ROW))
        x += width
    whole = Image.new("RGB", (image.width, image.height + (row + 1) * _ROW), "white")
    whole.paste(image)
    draw = ImageDraw.Draw(whole)
    for (name, colour), (left, top) in zip(entries, places, strict=True):
        box = (left, top + 4, left + _SIZE, top + 4 + _SIZE)
        draw.rectangle(box, fill=colour)
        draw.text((left + _SIZE + _GAP, top + 2), name, fill="black", font=font)
    return whole
