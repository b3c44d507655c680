"""Reading of images: any common format, bit depth and orientation becomes 8-bit RGB."""

import io
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from wsss.errors import UserError
from wsss.io.index import Item
from wsss.io.names import is_file

WHOLE = 90_000_000
"""Maximum number of pixels of an image that goes through a network at once."""

LARGEST = 2_000_000_000
"""Maximum number of pixels of an image that is cut into tiles."""

_AVIF = ("AVIF",) if find_spec("PIL.AvifImagePlugin") else ()
FORMATS = ("JPEG", "PNG", "TIFF", "BMP", "GIF", "WEBP", "PPM", "JPEG2000", "DIB", "TGA", *_AVIF)
"""File formats that are read as images. Pillow knows more, but would start Ghostscript for
PostScript."""

LABEL_FORMATS = ("PNG", "TIFF", "BMP")
"""File formats that keep the labels of a mask unchanged; GIF renumbers the palette."""

# Pillow warns above its limit and raises above twice the limit
Image.MAX_IMAGE_PIXELS = LARGEST // 2
warnings.simplefilter("ignore", Image.DecompressionBombWarning)

_SIXTEEN_BIT = ("I;16", "I;16L", "I;16B", "I;16N")
_TRANSPOSED = (5, 6, 7, 8)
"""EXIF orientations that swap height and width."""
_DECODE_ERRORS = (OSError, SyntaxError, ValueError, EOFError, IndexError, struct.error, zlib.error)


def read_image(path: Path, limit: int = WHOLE) -> np.ndarray:
    """Read an image as upright 8-bit RGB.

    The EXIF orientation is applied. Grey, bilevel, palette, CMYK, YCbCr and LAB files are
    converted to RGB; 16-bit samples keep their high byte; transparent pixels are blended with
    white; of an animation the first frame is read.

    Args:
        path: an image file in one of `FORMATS`.
        limit: maximum number of pixels: `WHOLE`, or `LARGEST` if the image is cut into tiles.

    Returns:
        (H, W, 3) uint8 RGB.

    Raises:
        UserError: naming the file, if it is missing, empty, truncated, not an image, too large or
            has 32 bits per sample.
    """
    return _pixels(path, limit, path)


def read_item(item: Item, limit: int = WHOLE) -> np.ndarray:
    """Read an image of the index, as `read_image` does, and verify its digest.

    The file is read once, so that the decoded bytes are those whose digest was verified.

    Args:
        item: the entry of the index.
        limit: as in `read_image`.

    Returns:
        (H, W, 3) uint8 RGB.

    Raises:
        UserError: as in `read_image`, or the file changed since the index was made.
    """
    return _pixels(item.image, limit, io.BytesIO(item.content()))


def _pixels(path: Path, limit: int, content: Path | io.BytesIO) -> np.ndarray:
    with _opened(path, limit, content) as image:
        image.load()
        return np.array(_to_rgb(_upright(image), path))


def image_size(path: Path, limit: int = LARGEST) -> tuple[int, int]:
    """Size of an image, read from its header alone.

    Args:
        path: an image file in one of `FORMATS`.
        limit: maximum number of pixels.

    Returns:
        (H, W) after the EXIF orientation, as of the array that `read_image` returns.

    Raises:
        UserError: naming the file, as in `read_image`, for problems that the header shows.
    """
    with _opened(path, limit, path) as image:
        if image.format == "TIFF":
            image.load()  # Pillow transposes TIFFs while loading, some versions their size, too
        width, height = image.size
        return (width, height) if _orientation(image) in _TRANSPOSED else (height, width)


@contextmanager
def _opened(path: Path, limit: int, content: Path | io.BytesIO) -> Iterator[Image.Image]:
    """Open an image from `content`; all errors of decoding become a UserError that names `path`."""
    if not is_file(path):
        raise UserError(f"{path}: no such file")
    if path.stat().st_size == 0:
        raise UserError(f"{path}: the file is empty (0 bytes)")
    try:
        with Image.open(content, formats=FORMATS) as image:
            _refuse_large(image, path, limit)
            yield image
    except Image.DecompressionBombError as error:
        raise UserError(f"{path}: too many pixels to decode safely; scale it down") from error
    except UnidentifiedImageError as error:
        raise UserError(f"{path}: not an image, or of a format that is not supported") from error
    except _DECODE_ERRORS as error:
        raise UserError(f"{path}: cannot be decoded ({error})") from error


def _refuse_large(image: Image.Image, path: Path, limit: int) -> None:
    """Raise UserError before an image with more than `limit` pixels is decoded."""
    if image.width * image.height > limit:
        size = f"{image.width} x {image.height} pixels, more than {limit} in all"
        tiles = "" if limit == LARGEST else ", or cut it into tiles: dataset.tiles, predict --tile"
        raise UserError(f"{path}: {size}; scale it down{tiles}")


def _orientation(image: Image.Image) -> int:
    """EXIF orientation 1..8; 1 if the EXIF block is damaged, as in image viewers."""
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except (*_DECODE_ERRORS, TypeError, KeyError):
        return 1


def _upright(image: Image.Image) -> Image.Image:
    """Rotate or mirror an image according to its EXIF orientation."""
    return image if _orientation(image) == 1 else ImageOps.exif_transpose(image)


def _to_rgb(image: Image.Image, path: Path) -> Image.Image:
    """Convert an image of any mode to RGB."""
    if image.mode in _SIXTEEN_BIT or (image.mode == "I" and image.format == "PNG"):
        high = np.asarray(image).astype(np.uint32) >> 8
        return Image.fromarray(high.astype(np.uint8)).convert("RGB")
    if image.mode in ("I", "F"):
        raise UserError(f"{path}: 32 bits per sample; save it as an 8-bit image")
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")
    return image.convert("RGB")
