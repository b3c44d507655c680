"""Layouts of pixels that Pillow opens, but decodes wrongly or with a loss.

They are found in the header. Source of the layouts: TIFF 6.0; PNG specification, third edition.
"""

from PIL import Image

_PHOTOMETRIC, _PLANAR, _PREDICTOR, _SUBSAMPLING, _SAMPLE_FORMAT = 262, 284, 317, 530, 339
_BITS, _COMPRESSION, _ORIENTATION = 258, 259, 274
_WHITE_IS_ZERO, _YCBCR = 0, 6
_UNCOMPRESSED = 1
_PREDICTABLE = (5, 8, 32946, 34925, 50000)
"""Compressions of TIFF that use the predictor: LZW, Deflate (twice), LZMA and Zstandard."""


def misread(image: Image.Image) -> str:
    """Reason why the pixels of an opened, not yet loaded image would be wrong; "" = none."""
    if image.format == "TIFF":
        return _misread_tiff(image)
    if "transparency" in image.info and "16" in raw_mode(image):
        return "one of its 16-bit colours is transparent; save it with an alpha channel"
    return ""


def _misread_tiff(image: Image.Image) -> str:
    bits, planes = _tag(image, _BITS, (1,)), _tag(image, _PLANAR, (1,))[0]
    compression = _tag(image, _COMPRESSION, (_UNCOMPRESSED,))[0]
    subsampled = _tag(image, _SUBSAMPLING, (2, 2)) != (1, 1)
    kinds = set(_tag(image, _SAMPLE_FORMAT, (1,)))
    if 2 in kinds:
        return "its samples are signed numbers; save it as an unsigned 8-bit image"
    if planes == 2 and len(bits) > 1 and max(bits) > 8:
        return "16-bit colours in separate planes; save it with interleaved colours"
    if planes == 2 and image.mode == "LA":
        return "grey and alpha in separate planes; save it interleaved"
    if _tag(image, _PREDICTOR, (1,))[0] != 1 and compression not in _PREDICTABLE:
        return "a predictor without a compression that uses it; save it as PNG"
    if _photometric(image) == _YCBCR and compression == _UNCOMPRESSED and subsampled:
        return "uncompressed YCbCr with subsampled colours; save it as RGB"
    return ""


def misread_labels(image: Image.Image) -> str:
    """Reason why labels of an opened, not yet loaded mask would be ambiguous; "" = none."""
    if reason := misread(image):
        return reason
    if getattr(image, "n_frames", 1) > 1:
        return "it has several pages or frames; save one"
    if image.getexif().get(_ORIENTATION, 1) != 1:
        return "it has an EXIF orientation; turn its pixels and save it without one"
    if image.format == "TIFF" and _photometric(image) == _WHITE_IS_ZERO:
        return "it is WhiteIsZero, where label 0 is 255; save it as BlackIsZero or with a palette"
    return ""


def raw_mode(image: Image.Image) -> str:
    """Layout of the samples in the file, such as `L;4`, in Pillow's words; "" = unknown."""
    tile = getattr(image, "tile", None)
    options = tile[0][3] if tile else ""
    first = options[0] if isinstance(options, tuple) and options else options
    return first if isinstance(first, str) else ""


def grey_bits(image: Image.Image) -> int:
    """Bits per sample of an opened, not yet loaded grey image: 1, 2, 4, 8, 12 or 16."""
    if image.format == "TIFF":
        return int(_tag(image, _BITS, (1,))[0])
    _, _, bits = raw_mode(image).partition(";")
    known = {"1": 1, "2": 2, "4": 4, "16B": 16}
    return known.get(bits, 16 if image.mode.startswith("I") else 1 if image.mode == "1" else 8)


def is_inverted(image: Image.Image) -> bool:
    """True for 16-bit TIFFs whose white is 0; Pillow inverts those of up to 8 bits alone."""
    inverted = image.format == "TIFF" and _photometric(image) == _WHITE_IS_ZERO
    return inverted and image.mode.startswith("I;16")


def _photometric(image: Image.Image) -> int:
    return int(_tag(image, _PHOTOMETRIC, (1,))[0])


def _tag(image: Image.Image, number: int, default: tuple[int, ...]) -> tuple[int, ...]:
    found = image.tag_v2.get(number, default)  # type: ignore[attr-defined]
    return found if isinstance(found, tuple) else (found,)
