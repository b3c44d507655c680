"""The white of 16-bit samples: pixels are the same in every format, byte order and orientation."""

import zlib

import cv2
import numpy as np
import pytest
from PIL import Image

from wsss.errors import UserError
from wsss.io.images import decode, read_image, read_item
from wsss.io.index import FULL, Index, Item
from wsss.io.provenance import bytes_digest

GREY = np.array([[0, 16, 2048, 4095]], np.uint16)
COLOURS = np.stack([GREY, GREY[:, ::-1], np.full_like(GREY, 255)], axis=2)
files = pytest.mark.parametrize("suffix", ["png", "tif"])
kinds = pytest.mark.parametrize("samples", [GREY, COLOURS], ids=["grey", "colours"])


def save(path, samples):
    assert cv2.imwrite(str(path), samples if samples.ndim == 2 else samples[..., ::-1])
    return path


def as_rgb(samples):
    return samples if samples.ndim == 3 else np.repeat(samples[..., None], 3, axis=2)


@files
@kinds
def test_samples_up_to_white_use_all_8_bits(tmp_path, suffix, samples):
    path = save(tmp_path / f"x.{suffix}", samples)
    assert (read_image(path, white=4095) == as_rgb(samples) // 16).all()
    assert (read_image(path) == as_rgb(samples) // 256).all()
    assert (read_image(path, white=8191) == as_rgb(samples) // 32).all()


@files
@kinds
def test_a_sample_above_white_is_an_error(tmp_path, suffix, samples):
    path = save(tmp_path / f"x.{suffix}", samples)
    with pytest.raises(
        UserError, match=rf"x\.{suffix}: a sample is 4095, above white, 4094: raise"
    ):
        read_image(path, white=4094)


@files
@kinds
def test_only_what_is_dark_under_white_is_named(tmp_path, suffix, samples):
    path = save(tmp_path / f"x.{suffix}", samples)
    assert decode(path, white=4095).dim is None
    assert decode(path, white=FULL).dim == 4095


def test_random_colours_keep_their_low_bytes(tmp_path):
    samples = np.random.default_rng(0).integers(0, 1000, (7, 5, 3), np.uint16)
    for suffix in ("png", "tif"):
        path = save(tmp_path / f"x.{suffix}", samples)
        assert (read_image(path, white=1023) == samples // 4).all()


@pytest.mark.parametrize("endian", ["<", ">"])
def test_byte_orders_of_tiff(tmp_path, endian):
    tifffile = pytest.importorskip("tifffile")
    path = tmp_path / "x.tif"
    tifffile.imwrite(path, COLOURS, photometric="rgb", byteorder=endian)
    assert (read_image(path, white=4095) == COLOURS // 16).all()


@kinds
def test_low_bytes_are_turned_upright_with_the_high_ones(tmp_path, samples):
    path = save(tmp_path / "x.png", samples)
    turned = path.read_bytes()
    exif = Image.Exif()
    exif[0x0112] = 6
    block = b"eXIf" + exif.tobytes().removeprefix(b"Exif\0\0")
    chunk = (len(block) - 4).to_bytes(4) + block + zlib.crc32(block).to_bytes(4)
    path.write_bytes(turned[:33] + chunk + turned[33:])
    assert (read_image(path, white=4095) == np.rot90(as_rgb(samples) // 16, -1)).all()


def test_white_of_8_bit_images_means_nothing(tmp_path):
    path = save(tmp_path / "x.png", np.array([[0, 200]], np.uint8))
    assert read_image(path, white=4095)[0, :, 0].tolist() == [0, 200]


def test_files_that_state_their_range_are_scaled_by_it(tmp_path):
    path = tmp_path / "x.pgm"
    path.write_bytes(b"P5 2 1 4095\n" + np.array([0, 4095], ">u2").tobytes())
    assert read_image(path, white=511)[0, :, 0].tolist() == [0, 255]


def test_alpha_of_16_bits_is_refused_with_a_white(tmp_path):
    path = tmp_path / "x.png"
    cv2.imwrite(str(path), np.full((2, 2, 4), 4095, np.uint16))
    with pytest.raises(UserError, match=r"x\.png: 16-bit samples with alpha"):
        read_image(path, white=4095)


def test_the_index_carries_white_to_every_stage(tmp_path):
    path = save(tmp_path / "x.png", COLOURS)
    item = Item("x", "train", path, bytes_digest(path.read_bytes()), (0,), 4095)
    Index(("cat",), (item,)).write(tmp_path / "index.tsv")
    (read,) = Index.read(tmp_path / "index.tsv").items
    assert read == item
    assert (read_item(read) == COLOURS // 16).all()
