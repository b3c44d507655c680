"""Photographs and label maps of any bytes are decoded, or refused by their name."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.fuzz.damage import FEW, MANY, damaged, one_byte_changed
from wsss.errors import UserError
from wsss.io.images import image_size, read_image
from wsss.io.labels import LabelReader, LabelWriter, read_labels

pytestmark = pytest.mark.filterwarnings("ignore")  # of Pillow, on damage

PIXELS = np.random.default_rng(0).integers(0, 256, (9, 7, 3), dtype=np.uint8)
LABELS = np.arange(12, dtype=np.uint8).reshape(3, 4)


def encoded(kind, **options):
    buffer = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(PIXELS).save(buffer, kind, exif=exif, **options)
    return buffer.getvalue()


KINDS = {
    "PNG": encoded("PNG"),
    "JPEG": encoded("JPEG"),
    "TIFF": encoded("TIFF", compression="tiff_lzw"),
    "WEBP": encoded("WEBP", lossless=True),
}


@pytest.mark.parametrize("kind", KINDS)
@MANY
@given(draw=st.data())
def test_a_photo(tmp_path, kind, draw):
    path = tmp_path / "x.img"
    path.write_bytes(draw.draw(damaged(KINDS[kind])))
    try:
        image = read_image(path)
        assert image.dtype == np.uint8 and image.shape == (*image_size(path), 3)
    except UserError as error:
        assert "x.img" in str(error)


@FEW
@given(data=st.binary(min_size=1, max_size=64))
def test_bytes_that_are_no_image(tmp_path, data):
    path = tmp_path / "x.img"
    path.write_bytes(data)
    for read in (read_image, image_size, read_labels):
        with pytest.raises(UserError, match=r"x\.img"):
            read(path)


@FEW
@given(name=st.text(min_size=1, max_size=300) | st.just("a" * 5000))
def test_a_name_of_no_file(tmp_path, name):
    with pytest.raises(UserError):
        read_image(tmp_path / "none" / name.replace("/", "_"))


@MANY
@given(draw=st.data())
def test_a_label_map_is_what_its_record_says_or_named(tmp_path, draw):
    record = tmp_path / "labels.tsv"
    with LabelWriter(record, "p") as out:
        out.put("a", LABELS)
    path = draw.draw(st.sampled_from([record, tmp_path / "a.png"]))
    data = path.read_bytes()
    path.write_bytes(draw.draw(one_byte_changed(data) | damaged(data)))
    try:
        reader = LabelReader([record])
        assert all((reader.read(image_id) == LABELS).all() for image_id in reader.ids)
    except UserError as error:
        assert path.name in str(error) or "a.png" in str(error)


@FEW
@given(draw=st.data())
def test_a_mask_of_the_user(tmp_path, draw):
    with LabelWriter(tmp_path / "labels.tsv") as out:
        out.put("a", LABELS)
    path = tmp_path / "a.png"
    path.write_bytes(draw.draw(damaged(path.read_bytes())))
    try:
        assert read_labels(path).dtype == np.uint8
    except UserError as error:
        assert "a.png" in str(error)
