"""Images of random layouts are read as a second reader reads them, or refused by their name.

Files are written by tifffile, OpenCV or Pillow from samples that are known; the expected pixels are
computed from the samples by the definition of the layout.
"""

import cv2
import numpy as np
import pytest

from wsss.errors import UserError
from wsss.io.images import image_size, read_image

tifffile = pytest.importorskip("tifffile", reason="tifffile, of the extra dev, is not installed")
pytestmark = pytest.mark.filterwarnings("ignore")

SHIFTS = {"uint8": 0, "uint16": 8}
COUNTS = pytest.mark.parametrize("count", [60, pytest.param(10_000, marks=pytest.mark.long)])


def over_white(colours, alpha):
    """Colours (H, W, 3) in 0..255 with alpha (H, W) in 0..255 over white."""
    share = alpha[..., None].astype(float) / 255
    return colours * share + 255 * (1 - share)


def samples(rng, channels, dtype):
    size = tuple(rng.integers(1, 40, 2))
    shape = size if channels == 1 else (*size, channels)
    return rng.integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


def grey(rng, dtype):
    data = samples(rng, 1, dtype)
    white = rng.random() < 0.5
    eight = (data >> SHIFTS[dtype]).astype(float)
    eight = 255 - eight if white else eight
    options = {"photometric": "miniswhite" if white else "minisblack"}
    return data, options, np.repeat(eight[..., None], 3, -1)


def bilevel(rng, dtype):
    data = samples(rng, 1, "uint8") > 127
    white = rng.random() < 0.5
    eight = 255.0 * (data ^ white)
    options = {"photometric": "miniswhite" if white else "minisblack"}
    return data, options, np.repeat(eight[..., None], 3, -1)


def packed(rng, dtype):
    pytest.importorskip("imagecodecs", reason="imagecodecs, which packs bits, is not installed")
    bits = int(rng.choice([2, 4]))
    data = samples(rng, 1, "uint8") >> (8 - bits)
    eight = data * (255.0 / ((1 << bits) - 1))
    return (
        data,
        {"photometric": "minisblack", "bitspersample": bits},
        np.repeat(eight[..., None], 3, -1),
    )


def rgb(rng, dtype):
    data = samples(rng, 3, dtype)
    return data, {"photometric": "rgb"}, (data >> SHIFTS[dtype]).astype(float)


def rgba(rng, dtype):
    data = samples(rng, 4, dtype)
    kind = str(rng.choice(["unassalpha", "assocalpha", "unspecified"]))
    if kind == "assocalpha":
        data[..., :3] = data[..., :3].astype(float) * data[..., 3:] / np.iinfo(dtype).max
    eight = (data >> SHIFTS[dtype]).astype(float)
    colours, alpha = eight[..., :3], eight[..., 3]
    blended = {
        "unassalpha": over_white(colours, alpha),
        "assocalpha": colours + (255 - alpha)[..., None],
        "unspecified": colours,
    }
    return data, {"photometric": "rgb", "extrasamples": [kind]}, blended[kind]


def grey_alpha(rng, dtype):
    data = samples(rng, 2, dtype)
    eight = (data >> SHIFTS[dtype]).astype(float)
    options = {"photometric": "minisblack", "extrasamples": ["unassalpha"]}
    return data, options, over_white(np.repeat(eight[..., :1], 3, -1), eight[..., 1])


def cmyk(rng, dtype):
    data = samples(rng, 4, dtype)
    ink = (data >> SHIFTS[dtype]).astype(float)
    return data, {"photometric": "separated"}, (255 - ink[..., :3]) * (255 - ink[..., 3:]) / 255


def ycbcr(rng, dtype):
    data = samples(rng, 3, "uint8")
    y, cb, cr = np.moveaxis(data.astype(float), -1, 0)
    cb, cr = cb - 128, cr - 128
    red, green, blue = y + 1.402 * cr, y - 0.344136 * cb - 0.714136 * cr, y + 1.772 * cb
    return data, {"photometric": "ycbcr"}, np.stack([red, green, blue], -1).clip(0, 255)


def palette(rng, dtype):
    data = samples(rng, 1, "uint8")
    colours = rng.integers(0, 65536, (3, 256), np.uint16)
    options = {"photometric": "palette", "colormap": colours}
    return data, options, np.moveaxis(colours[:, data] >> 8, 0, -1).astype(float)


def signed(rng, dtype):
    data = samples(rng, 1, "int8" if dtype == "uint8" else "int16")
    return data, {"photometric": "minisblack"}, None


KINDS = (grey, bilevel, packed, rgb, rgba, grey_alpha, cmyk, ycbcr, palette, signed)
"""Makers of samples, options of tifffile, and pixels (H, W, 3); None = must be refused."""

TURNS = {
    1: lambda p: p,
    2: lambda p: p[:, ::-1],
    3: lambda p: p[::-1, ::-1],
    4: lambda p: p[::-1],
    5: lambda p: p.swapaxes(0, 1),
    6: lambda p: np.rot90(p, -1),
    7: lambda p: p[::-1, ::-1].swapaxes(0, 1),
    8: lambda p: np.rot90(p),
}
"""Upright pixels by EXIF orientation."""


def tiff(path, seed):
    """Write a TIFF of a random layout; return its upright pixels, None if it must be refused."""
    rng = np.random.default_rng(seed)
    kind = KINDS[seed % len(KINDS)]
    data, options, pixels = kind(rng, str(rng.choice(list(SHIFTS))))
    options["byteorder"] = str(rng.choice(["<", ">"]))
    options["planarconfig"] = "contig"
    if data.ndim == 3 and rng.random() < 0.3:
        data, options["planarconfig"] = np.moveaxis(data, -1, 0).copy(), "separate"
    if kind is not packed and rng.random() < 0.4:
        options["compression"] = "zlib"
        options["predictor"] = kind in (grey, rgb, rgba) and rng.random() < 0.5
    if rng.random() < 0.4:
        options["tile"] = (16, 32)
    elif rng.random() < 0.5:
        options["rowsperstrip"] = int(rng.integers(1, 9))
    turn = int(rng.integers(1, 9)) if rng.random() < 0.5 else 1
    tifffile.imwrite(path, data, extratags=[(274, 3, 1, turn, True)], **options)
    return None if pixels is None else TURNS[turn](pixels)


def with_opencv(path, seed):
    """Write a PNG, JPEG, BMP, PPM or PGM with OpenCV; return what OpenCV reads from it."""
    rng = np.random.default_rng(seed)
    ending = str(rng.choice([".png", ".jpg", ".bmp", ".ppm", ".webp"]))
    channels = int(
        rng.choice([1, 3, 4] if ending == ".png" else [3] if ending != ".jpg" else [1, 3])
    )
    dtype = str(rng.choice(list(SHIFTS))) if ending in (".png", ".ppm") else "uint8"
    data = samples(rng, channels, dtype)
    path.write_bytes(cv2.imencode(ending, data)[1].tobytes())
    eight = (cv2.imread(str(path), cv2.IMREAD_UNCHANGED) >> SHIFTS[dtype]).astype(float)
    if eight.ndim == 2:
        return np.repeat(eight[..., None], 3, -1)
    colours = eight[..., 2::-1]
    return over_white(colours, eight[..., 3]) if eight.shape[-1] == 4 else colours


def compare(path, expected):
    """Read an image; True if it was refused, by its name."""
    try:
        found = read_image(path)
    except UserError as error:
        assert path.name in str(error)
        return True
    assert expected is not None, "read, although it must be refused"
    assert found.shape == expected.shape == (*image_size(path), 3)
    assert np.abs(found - expected).max() <= 3
    return False


@pytest.mark.parametrize("kind", range(len(KINDS)), ids=[kind.__name__ for kind in KINDS])
@COUNTS
def test_a_tiff_of_any_layout_is_read_rightly_or_refused(tmp_path, kind, count):
    for seed in range(kind, count, len(KINDS)):
        compare(tmp_path / "x.tif", tiff(tmp_path / "x.tif", seed))


@COUNTS
def test_files_of_opencv_are_read_as_opencv_reads_them(tmp_path, count):
    for seed in range(count):
        assert not compare(tmp_path / "x.img", with_opencv(tmp_path / "x.img", seed))
