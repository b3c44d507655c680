"""Images that the Python interface takes, and those that it refuses with a remedy."""

import numpy as np
import pytest
from PIL import Image

import wsss
from wsss.api.inputs import pixels_of
from wsss.errors import UserError

RGB = np.arange(4 * 5 * 3, dtype=np.uint8).reshape(4, 5, 3)
REFUSED = [
    (RGB / 255, r"array of float64: expected uint8.*\(255 \* image\)\.round"),
    (RGB.astype(np.uint16), r"array of uint16: .*image // 257"),
    (RGB > 9, "array of bool: .*for a mask"),
    (RGB[..., 0], r"array of shape \(4, 5\): expected \(H, W, 3\), RGB; np\.stack"),
    (np.concatenate([RGB, RGB[..., :1]], -1), r"shape \(4, 5, 4\): .*image\[\.\.\., :3\]"),
    (RGB[..., :1], r"shape \(4, 5, 1\): expected"),
    (RGB[:0], r"shape \(0, 5, 3\): expected"),
    (Image.new("I;16", (5, 4)), "image: 16 bits per sample; give its path"),
    (Image.new("F", (5, 4)), "image: 32 bits per sample"),
    (7, "int: no image; give a path"),
    ("nothing.jpg", r"nothing\.jpg: no such file"),
]


@pytest.mark.parametrize(("picture", "line"), REFUSED, ids=[line[:30] for _, line in REFUSED])
def test_what_is_no_image_is_refused_with_a_remedy(picture, line):
    with pytest.raises(UserError, match=line):
        pixels_of(picture, 1000, 65535)


@pytest.mark.parametrize("picture", [RGB, Image.fromarray(RGB)])
def test_large_images_are_refused(picture):
    with pytest.raises(UserError, match=r"image of 5 x 4 pixels, more than 19 .*tile=1024"):
        pixels_of(picture, 19, 65535)


@pytest.mark.parametrize("mode", ["L", "1", "P", "RGBA", "CMYK", "LA"])
def test_images_of_pillow_become_rgb_as_their_files_do(mode, tmp_path):
    image = Image.fromarray(RGB).convert(mode)
    file = tmp_path / ("a.tif" if mode == "CMYK" else "a.png")
    image.save(file)
    assert (pixels_of(image, 1000, 65535) == pixels_of(file, 1000, 65535)).all()


def test_a_read_only_view_is_copied_and_a_writable_array_is_not():
    view = np.asarray(Image.fromarray(RGB))
    assert not view.flags.writeable
    assert pixels_of(view, 1000, 65535).flags.writeable
    own = RGB.copy()
    assert pixels_of(own, 1000, 65535) is own


def test_dark_images_are_said_to_be_dark(tmp_path, caplog):
    Image.fromarray(np.full((4, 5), 900, np.uint16)).save(tmp_path / "a.png")
    pixels_of(tmp_path / "a.png", 1000, 65535)
    assert "if white is 1023, use the option white = 1023" in caplog.text
    assert pixels_of(tmp_path / "a.png", 1000, 1023).mean() > 200


def test_a_folder_without_images(segmenter, tmp_path):
    with pytest.raises(UserError, match="no image"):
        wsss.load(segmenter, device="cpu").predict(tmp_path)


def test_a_damaged_image_is_named_at_its_turn(segmenter, photos, tmp_path):
    (tmp_path / "b.jpg").write_bytes(b"no image")
    Image.fromarray(RGB).resize((40, 40)).save(tmp_path / "a.png")
    loop = iter(wsss.load(segmenter, device="cpu", crf=0).predict(tmp_path))
    assert next(loop).labels.shape == (40, 40)
    with pytest.raises(UserError, match=r"b\.jpg: not an image"):
        next(loop)
