"""Reading of images: any common format, bit depth and orientation becomes 8-bit RGB."""

import io
import stat
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from wsss.errors import UserError
from wsss.io.deep import load_low_bytes, to_bytes
from wsss.io.index import FULL, Item
from wsss.io.layouts import grey_bits, is_inverted, misread, raw_mode

WHOLE = 90_000_000
"""Maximum number of pixels of an image that goes through a network at once."""

LARGEST = 2_000_000_000
"""Maximum number of pixels of an image that is cut into tiles."""

_AVIF = ("AVIF",) if find_spec("PIL.AvifImagePlugin") else ()
_HEIC = ("HEIF",) if find_spec("pillow_heif") else ()
_PLAIN = ("JPEG", "PNG", "TIFF", "BMP", "GIF", "WEBP", "PPM", "JPEG2000", "DIB", "TGA")
FORMATS = (*_PLAIN, *_AVIF, *_HEIC)
"""File formats that are read as images. Pillow knows more, but would start Ghostscript for
PostScript."""

LABEL_FORMATS = ("PNG", "TIFF", "BMP")
"""File formats that keep the labels of a mask unchanged; GIF renumbers the palette."""

HEIC_SUFFIXES = (".heic", ".heif", ".hif")
"""Lower-case suffixes of files that need the extra `heic`."""

if _HEIC:
    import pillow_heif

    pillow_heif.register_heif_opener()

# Pillow warns above its limit and raises above twice the limit
Image.MAX_IMAGE_PIXELS = LARGEST // 2
warnings.simplefilter("ignore", Image.DecompressionBombWarning)

_SIXTEEN_BIT = ("I;16", "I;16L", "I;16B", "I;16N")
_TRANSPOSED = (5, 6, 7, 8)
"""EXIF orientations that swap height and width."""

_DIM = 8
"""16-bit images that use less than this fraction of their range are nearly black in 8 bits."""

TRAITS = {
    "16 bits": "8 bits of a sample are left, of the range up to dataset.white",
    "CMYK or LAB": "colours are converted to RGB without a profile and may shift",
    "transparent": "transparent pixels are blended with white",
    "several frames or pages": "only the first one is read",
    "turned": "they are turned upright as their EXIF orientation says; masks must be upright, too",
}
"""Unusual properties of images, and why they matter."""


@dataclass(frozen=True)
class Decoded:
    """A decoded image.

    Attributes:
        pixels: (H, W, 3) uint8 RGB.
        traits: keys of `TRAITS` that the file has.
        dim: largest 16-bit sample, if less than an eighth of 0..white is used; else None.
    """

    pixels: np.ndarray
    traits: tuple[str, ...]
    dim: int | None


def read_image(path: Path, limit: int = WHOLE, white: int = FULL) -> np.ndarray:
    """Read an image as upright 8-bit RGB.

    The EXIF orientation is applied. Grey, bilevel, palette, CMYK, YCbCr and LAB files are
    converted to RGB; 16-bit samples are scaled from 0..white, whatever range they use; transparent
    pixels are blended with white; of an animation the first frame is read.

    Args:
        path: an image file in one of `FORMATS`.
        limit: maximum number of pixels: `WHOLE`, or `LARGEST` if the image is cut into tiles.
        white: value of 16-bit samples that is white: 4095 for data of 12 bits. Files that state
            their range (12-bit TIFF, PPM, JPEG 2000) are scaled by it instead.

    Returns:
        (H, W, 3) uint8 RGB.

    Raises:
        UserError: naming the file, if it is missing, empty, truncated, not an image, too large,
            brighter than white, or of a layout that would be decoded wrongly (32 bits per sample,
            signed samples, ...).
    """
    return decode(path, limit, white).pixels


def decode(path: Path, limit: int = WHOLE, white: int = FULL) -> Decoded:
    """Read an image as `read_image` does, with its unusual properties."""
    return _decoded(path, limit, white, path)


def from_pillow(image: Image.Image, name: str) -> np.ndarray:
    """Convert an image that Pillow has opened or made, as `read_image` does.

    Args:
        image: of 8 bits per sample; grey, palette, CMYK and transparent ones become RGB.
        name: for errors.

    Returns:
        (H, W, 3) uint8 RGB, upright.

    Raises:
        UserError: it has more than 8 bits per sample, or cannot be decoded.
    """
    if image.mode.startswith("I;16"):
        raise UserError(f"{name}: 16 bits per sample; give its path, which is read with its white")
    try:
        return np.array(_to_rgb(_upright(image), Path(name), 8))
    except UserError:
        raise
    except Exception as error:
        raise UserError(f"{name}: cannot be decoded ({error})") from error


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
    return _decoded(item.image, limit, item.white, io.BytesIO(item.content())).pixels


def _decoded(path: Path, limit: int, white: int, content: Path | io.BytesIO) -> Decoded:
    with _opened(path, limit, content) as image:
        if reason := misread(image):
            raise UserError(f"{path}: {reason}")
        raw, bits, inverted = raw_mode(image), grey_bits(image), is_inverted(image)
        deep = "16" in raw
        if bits < 16 or image.format not in ("PNG", "TIFF"):
            white = FULL  # the file states the range
        traits = tuple(_traits(image, deep or bits > 8))
        image.load()
        upright = _upright(image)
        samples = _grey(upright, bits)
        if samples is None and deep and white != FULL:
            samples = _colours(upright, path, limit, content, raw)
        if samples is None:
            pixels = np.array(_to_rgb(upright, path, bits))
            # of 16-bit colours only the high byte is known
            return Decoded(pixels, traits, _dim(pixels, 1 << 8, 8) if deep else None)
        _refuse_bright(samples, path, white)
        if inverted:
            samples = white - samples
        rgb = Image.fromarray(to_bytes(samples, white)).convert("RGB")
        return Decoded(np.array(rgb), traits, _dim(samples, white + 1))


def _grey(image: Image.Image, bits: int) -> np.ndarray | None:
    """Grey samples (H, W) scaled from `bits` to 16 bits; None = the image has 8 bits or colours."""
    if image.mode in _SIXTEEN_BIT or (image.mode == "I" and image.format in ("PNG", "PPM")):
        return np.asarray(image).astype(np.uint32) << max(16 - bits, 0)
    return None


def _colours(
    high: Image.Image, path: Path, limit: int, content: Path | io.BytesIO, raw: str
) -> np.ndarray:
    """Colours (H, W, 3) of 16 bits of an image, upright, whose high bytes are decoded."""
    again = content if isinstance(content, Path) else io.BytesIO(content.getvalue())
    with _opened(path, limit, again) as low:
        if high.has_transparency_data or not load_low_bytes(low, raw):
            raise UserError(f"{path}: 16-bit samples with alpha or of CMYK; save it as RGB or grey")
        return np.asarray(high).astype(np.uint16) << 8 | np.asarray(_upright(low))


def _refuse_bright(samples: np.ndarray, path: Path, white: int) -> None:
    """Raise UserError for samples above white."""
    peak = int(samples.max(initial=0))
    if peak > white:
        raise UserError(
            f"{path}: a sample is {peak}, above white, {white}: "
            "raise dataset.white (predict: --white)"
        )


def _dim(samples: np.ndarray, whole: int, shift: int = 0) -> int | None:
    """Largest sample, `shift` bits added, if it is below an eighth of the range, and not 0."""
    peak = int(samples.max(initial=0))
    return ((peak + 1) << shift) - 1 if 0 < peak < whole // _DIM else None


def _traits(image: Image.Image, deep: bool) -> Iterator[str]:
    """Yield keys of `TRAITS` for an opened, not yet loaded image."""
    shown = {
        "16 bits": deep,
        "CMYK or LAB": image.mode in ("CMYK", "LAB"),
        "transparent": image.has_transparency_data,
        "several frames or pages": getattr(image, "n_frames", 1) > 1,
        "turned": _orientation(image) in range(2, 9),
    }
    yield from (trait for trait, has in shown.items() if has)


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
    unknown = "not an image, or of a format that is not supported"
    with decoding(path, content, FORMATS, "cannot be decoded", unknown) as image:
        _refuse_large(image, path, limit)
        yield image


@contextmanager
def decoding(
    path: Path, content: Path | io.BytesIO, formats: tuple[str, ...], failure: str, unknown: str
) -> Iterator[Image.Image]:
    """Open an image to decode it; whatever its decoder raises is the error of that file.

    Decoders raise exceptions of all kinds on damage, MemoryError and TypeError among them.

    Args:
        path: the file, for the message.
        content: what is decoded: the file, or bytes of it.
        formats: formats that are tried, in Pillow's words.
        failure: message for a damaged file, to which the reason is added.
        unknown: message for a file of no known format.

    Raises:
        UserError: the file is missing, empty, no regular file, not an image, or damaged.
    """
    _refuse_irregular(path)
    try:
        # by its path Pillow would map a TIFF into memory, and so turn it the wrong way
        opened = content.open("rb") if isinstance(content, Path) else content
        with opened, Image.open(opened, formats=formats) as image:
            yield image
    except UserError:
        raise
    except Image.DecompressionBombError as error:
        raise UserError(f"{path}: too many pixels to decode safely; scale it down") from error
    except UnidentifiedImageError as error:
        if path.suffix.lower() in HEIC_SUFFIXES and not _HEIC:
            raise UserError(f"{path}: HEIC needs pillow-heif: pip install 'wsss[heic]'") from error
        raise UserError(f"{path}: {unknown}") from error
    except Exception as error:
        reason = error if str(error) not in ("", "None") else type(error).__name__
        raise UserError(f"{path}: {failure} ({reason})") from error


def _refuse_irregular(path: Path) -> None:
    """Raise UserError for a file that is missing, empty or of a kind that blocks when read."""
    try:
        found = path.stat()
    except (OSError, ValueError) as error:
        denied = isinstance(error, PermissionError)
        reason = "you may not read its folder" if denied else "no such file"
        raise UserError(f"{path}: {reason}") from error
    if stat.S_ISDIR(found.st_mode):
        raise UserError(f"{path}: a folder, no file")
    if not stat.S_ISREG(found.st_mode):
        raise UserError(f"{path}: not a regular file, but a pipe, socket or device")
    if found.st_size == 0:
        raise UserError(f"{path}: the file is empty (0 bytes)")


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
    except Exception:
        return 1


def _upright(image: Image.Image) -> Image.Image:
    """Rotate or mirror an image according to its EXIF orientation."""
    return ImageOps.exif_transpose(image) if _orientation(image) in range(2, 9) else image


def _to_rgb(image: Image.Image, path: Path, bits: int) -> Image.Image:
    """Convert an image of 8 bits per sample, or of `bits` if it is grey, to RGB."""
    if image.mode in ("I", "F"):
        raise UserError(f"{path}: 32 bits per sample; save it as an 8-bit image")
    transparent = image.info.get("transparency")
    if image.mode == "L" and isinstance(transparent, int) and bits in (2, 4):
        # Pillow scales the samples to 8 bits, but not the transparent one
        image.info["transparency"] = transparent * 255 // ((1 << bits) - 1)
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")
    # Pillow would copy an image that is RGB already
    return image if image.mode == "RGB" else image.convert("RGB")
