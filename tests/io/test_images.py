import io
import os
import struct
import subprocess
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngImageFile

from tests.listed import listed
from wsss.errors import UserError
from wsss.io.images import FORMATS, LARGEST, decode, image_size, read_image, read_item
from wsss.io.labels import read_labels


@pytest.fixture
def save(tmp_path):
    def save(image, name="image.png", **options):
        image.save(tmp_path / name, **options)
        return tmp_path / name

    return save


def huge(path, width, height):
    """Write a PNG of one pixel whose header says it is large."""
    buffer = io.BytesIO()
    Image.new("L", (1, 1)).save(buffer, "PNG")
    data = bytearray(buffer.getvalue())
    data[16:24] = struct.pack(">II", width, height)
    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    path.write_bytes(data)
    return path


def test_rgb_is_read_as_it_is(save):
    pixels = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    assert np.array_equal(read_image(save(Image.fromarray(pixels))), pixels)


def test_result_is_writable(save):
    assert read_image(save(Image.new("RGB", (2, 2)))).flags.writeable


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "LA", "RGBA"])
def test_every_mode_of_png_becomes_rgb(save, mode):
    image = read_image(save(Image.new(mode, (5, 3))))
    assert image.shape == (3, 5, 3) and image.dtype == np.uint8


@pytest.mark.parametrize("mode", ["L", "CMYK", "YCbCr"])
def test_every_mode_of_jpeg_becomes_rgb(save, mode):
    path = save(Image.new("RGB", (8, 8), (200, 200, 200)).convert(mode), "image.jpg")
    assert np.abs(read_image(path).astype(int) - 200).max() <= 3


def test_sixteen_bits_keep_their_high_byte(save):
    grey = np.array([[0, 256, 65535]], np.uint16)
    assert read_image(save(Image.fromarray(grey)))[0, :, 0].tolist() == [0, 1, 255]


def test_thirty_two_bits_are_refused(save):
    path = save(Image.new("F", (2, 2)), "image.tif")
    with pytest.raises(UserError, match=r"image\.tif: 32 bits"):
        read_image(path)


def test_transparent_pixels_lie_over_white(save):
    image = Image.new("RGBA", (2, 1), (10, 20, 30, 255))
    image.putpixel((1, 0), (10, 20, 30, 0))
    assert read_image(save(image)).tolist() == [[[10, 20, 30], [255, 255, 255]]]


def test_palette_with_transparency(save):
    image = Image.new("P", (2, 1))
    image.putpalette([0, 0, 0, 200, 0, 0])
    image.putpixel((1, 0), 1)
    path = save(image, transparency=0)
    assert read_image(path).tolist() == [[[255, 255, 255], [200, 0, 0]]]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied_to_image_and_size(save, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = save(Image.new("RGB", (8, 4)), "image.jpg", exif=exif)
    expected = (4, 8) if orientation < 5 else (8, 4)
    assert read_image(path).shape[:2] == image_size(path) == expected


def test_broken_exif_is_no_reason_to_fail(save):
    path = save(Image.new("RGB", (8, 4)), "image.jpg", exif=b"Exif\0\0garbage")
    assert read_image(path).shape[:2] == image_size(path) == (4, 8)


@pytest.mark.parametrize("name", ["image.jpg", "image.png", "image.bmp"])
def test_truncated_file_is_named(save, name):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    path = save(Image.fromarray(noise), name)
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(UserError, match=f"{name}: cannot be decoded"):
        read_image(path)


@pytest.mark.parametrize("data, reason", [(b"", "is empty"), (b"hello", "not an image")])
def test_no_image_is_named(tmp_path, data, reason):
    (tmp_path / "x.jpg").write_bytes(data)
    with pytest.raises(UserError, match=rf"x\.jpg: .*{reason}"):
        read_image(tmp_path / "x.jpg")


@pytest.mark.parametrize("read", [read_image, image_size])
def test_missing_file_is_named(tmp_path, read):
    with pytest.raises(UserError, match=r"x\.jpg: no such file"):
        read(tmp_path / "x.jpg")


@pytest.mark.parametrize("read", [read_image, image_size])
def test_images_beyond_the_limit_name_the_way_out(save, read):
    path = save(Image.new("RGB", (11, 10)))
    read(path, limit=110)
    message = r"11 x 10 pixels, more than 109 in all; scale it down, or .* dataset\.tiles, .*--tile"
    with pytest.raises(UserError, match=message):
        read(path, limit=109)


def test_images_for_tiles_may_be_larger_than_those_for_networks(tmp_path):
    path = huge(tmp_path / "scan.png", 10980, 10980)
    assert image_size(path) == (10980, 10980)
    with pytest.raises(UserError, match="10980 x 10980 pixels"):
        read_image(path)


def test_a_decompression_bomb_is_refused(tmp_path):
    path = huge(tmp_path / "bomb.png", 50_000, 50_000)
    with pytest.raises(UserError, match="too many pixels to decode safely; scale it down"):
        read_image(path, LARGEST)


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_size_in_the_header_is_that_of_the_upright_pixels(tmp_path, suffix, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"a.{suffix}"
    Image.new("RGB", (12, 5)).save(path, exif=exif)
    assert image_size(path) == read_image(path).shape[:2]


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.tif"])
def test_an_image_of_the_index_is_read_as_any_other(save, name):
    exif = Image.Exif()
    exif[274] = 6
    pixels = np.random.default_rng(0).integers(0, 256, (4, 7, 3), np.uint8)
    path = save(Image.fromarray(pixels), name, exif=exif)
    assert np.array_equal(read_item(listed(path)), read_image(path))


def test_a_replaced_image_is_not_decoded(save):
    item = listed(save(Image.new("RGB", (4, 3), "red")))
    save(Image.new("RGB", (4, 3), "blue"))
    with pytest.raises(UserError, match=r"image\.png: changed since the index of the images was"):
        read_item(item)


def test_a_missing_image_of_the_index_is_named(save):
    item = listed(save(Image.new("RGB", (4, 3))))
    item.image.unlink()
    with pytest.raises(UserError, match=r"image\.png: no such file"):
        read_item(item)


def test_postscript_is_refused_and_no_program_starts(tmp_path, monkeypatch):
    def started(*_, **__):
        raise AssertionError("a program was started")

    monkeypatch.setattr(subprocess, "Popen", started)
    path = tmp_path / "x.png"
    Image.new("L", (4, 4)).save(path, "EPS")
    for read in (read_image, image_size):
        with pytest.raises(UserError, match=r"x\.png: not an image"):
            read(path)
    with pytest.raises(UserError, match=r"x\.png: cannot be read as a label image; save"):
        read_labels(path)


@pytest.mark.parametrize("kind", sorted(set(FORMATS) & set(Image.registered_extensions().values())))
def test_every_kind_of_photograph_is_read(tmp_path, kind):
    Image.new("RGB", (8, 6)).save(tmp_path / "x.img", kind)
    assert read_image(tmp_path / "x.img").shape == (6, 8, 3)


def test_a_picture_of_two_views_is_read(tmp_path):
    views = [Image.new("RGB", (8, 6)), Image.new("RGB", (8, 6))]
    views[0].save(tmp_path / "x.mpo", "MPO", save_all=True, append_images=views[1:])
    assert read_image(tmp_path / "x.mpo").shape == (6, 8, 3)


ERRORS = (RuntimeError, TypeError, MemoryError, OverflowError, SyntaxError, ValueError, KeyError)


@pytest.mark.parametrize("raised", [*ERRORS, struct.error, zlib.error, EOFError, RecursionError])
@pytest.mark.parametrize("read", [read_image, read_labels])
def test_whatever_a_decoder_raises_is_the_error_of_that_file(save, monkeypatch, read, raised):
    def fail(self):
        raise raised

    path = save(Image.new("L", (4, 3)))
    monkeypatch.setattr(PngImageFile, "load", fail)
    with pytest.raises(UserError, match=rf"image\.png: cannot be .*\({raised.__name__}\)"):
        read(path)


INFINITE = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x0b\0\x01\0\0\0\0\0\x80\x7f\0\0\0\0"


@pytest.mark.parametrize("exif", [INFINITE, INFINITE.replace(b"\x80\x7f", b"\xc0\x7f")])
def test_an_orientation_that_is_no_number_is_ignored(save, exif):
    path = save(Image.new("RGB", (8, 4)), "image.jpg", exif=exif)
    assert read_image(path).shape[:2] == image_size(path) == (4, 8)


@pytest.mark.parametrize("read", [read_image, image_size, read_labels])
def test_what_is_no_regular_file_is_named_and_does_not_block(tmp_path, read):
    (tmp_path / "loop.png").symlink_to("loop.png")
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "folder.png").mkdir()
    for name in (
        "loop.png: no such file",
        "pipe.png: not a regular",
        "folder.png: a folder, no file",
    ):
        with pytest.raises(UserError, match=name):
            read(tmp_path / name.partition(":")[0])


def test_a_folder_that_may_not_be_read_is_told_from_a_missing_file(tmp_path, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "stat", refuse)
    with pytest.raises(UserError, match=r"x\.png: you may not read its folder"):
        read_image(tmp_path / "x.png")


def png(width, bits, colour, row, transparent):
    """Bytes of a PNG of one row."""
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", width, 1, bits, colour, 0, 0, 0)),
        *([(b"tRNS", transparent)] if transparent else []),
        (b"IDAT", zlib.compress(b"\0" + row)),
        (b"IEND", b""),
    ]
    parts = [
        struct.pack(">I", len(b)) + k + b + struct.pack(">I", zlib.crc32(k + b)) for k, b in chunks
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.mark.parametrize(
    "bits, row, expected",
    [(2, [0b00011011], [0, 255, 170, 255]), (4, [0x01, 0x2F], [0, 255, 34, 255])],
)
def test_the_transparent_grey_of_few_bits(tmp_path, bits, row, expected):
    (tmp_path / "x.png").write_bytes(png(4, bits, 0, bytes(row), b"\0\x01"))
    assert read_image(tmp_path / "x.png")[0, :, 0].tolist() == expected


@pytest.mark.parametrize("colour, count", [(0, 1), (2, 3)])
def test_one_transparent_colour_of_sixteen_bits_is_refused(tmp_path, colour, count):
    data = png(1, 16, colour, b"\1\2" * count, b"\1\2" * count)
    (tmp_path / "x.png").write_bytes(data)
    with pytest.raises(UserError, match=r"x\.png: one of its 16-bit colours is transparent"):
        read_image(tmp_path / "x.png")


@pytest.mark.parametrize("most", [255, 4095])
def test_portable_maps_of_sixteen_bits_are_scaled_to_their_maximum(tmp_path, most):
    head = f"P5 2 1 {max(most, 256)}\n".encode()
    (tmp_path / "x.pgm").write_bytes(head + struct.pack(">2H", 0, max(most, 256)))
    assert read_image(tmp_path / "x.pgm")[0, :, 0].tolist() == [0, 255]


@pytest.mark.parametrize("most, dim", [(65535, None), (8192, None), (8191, 8191), (4095, 4095)])
def test_sixteen_bits_that_use_little_of_their_range(save, most, dim):
    path = save(Image.fromarray(np.array([[0, 7, most]], np.uint16)))
    assert decode(path).dim == dim
    assert read_image(path)[0, :, 0].tolist() == [0, 0, most >> 8]


def test_heic_is_read_or_names_its_extra(tmp_path):
    (tmp_path / "x.HEIC").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    known = "HEIF" in FORMATS
    with pytest.raises(UserError, match=r"x\.HEIC: " + ("" if known else ".*wsss\\[heic")):
        read_image(tmp_path / "x.HEIC")


def test_heic_of_a_phone(tmp_path):
    heif = pytest.importorskip("pillow_heif", reason="the extra heic is not installed")
    exif = Image.Exif()
    exif[0x0112] = 6
    heif.from_pillow(Image.new("RGB", (64, 32), "red")).save(
        tmp_path / "x.heic", exif=exif.tobytes()
    )
    image = read_image(tmp_path / "x.heic")
    assert image.shape[:2] == image_size(tmp_path / "x.heic")
    assert np.abs(image.astype(int) - [255, 0, 0]).max() < 12


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("mode", ["L", "P", "RGB", "RGBA", "CMYK"])
def test_a_tiff_without_compression_is_turned_as_one_with_it(tmp_path, mode, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    pixels = np.random.default_rng(0).integers(0, 256, (4, 7, 3), np.uint8)
    for name, compression in (("a.tif", None), ("b.tif", "tiff_lzw")):
        image = Image.fromarray(pixels).convert(mode)
        image.save(tmp_path / name, exif=exif, compression=compression)
    plain, packed = (read_image(tmp_path / name) for name in ("a.tif", "b.tif"))
    assert np.array_equal(plain, packed) and image_size(tmp_path / "a.tif") == plain.shape[:2]


@pytest.mark.parametrize(
    "mode, tags, reason",
    [
        ("L", {339: 2}, "signed"),
        ("RGB", {317: 2}, "a predictor without"),
        ("YCbCr", {530: (2, 2)}, "subsampled"),
    ],
)
def test_a_layout_that_would_be_misread_is_refused(save, mode, tags, reason):
    path = save(Image.new(mode, (4, 3)), "x.tif", tiffinfo=tags)
    with pytest.raises(UserError, match=rf"x\.tif: .*{reason}"):
        read_image(path)


def test_white_is_zero_in_sixteen_bits(save):
    grey = np.array([[0, 256, 65535]], np.uint16)
    path = save(Image.fromarray(grey), "x.tif", tiffinfo={262: 0})
    assert read_image(path)[0, :, 0].tolist() == [255, 254, 0]
