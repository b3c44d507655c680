import io
import struct
import subprocess
import zlib

import numpy as np
import pytest
from PIL import Image

from tests.listed import listed
from wsss.errors import UserError
from wsss.io.images import FORMATS, LARGEST, image_size, read_image, read_item
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
