import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from wsss.errors import UserError
from wsss.io.index import Masks
from wsss.io.labels import (
    LabelReader,
    LabelWriter,
    label_ids,
    mask_problem,
    palette,
    read_labels,
    read_mask,
    write_labels,
)
from wsss.io.provenance import file_digest

LABELS = np.array([[0, 1, 255], [20, 3, 0]], np.uint8)


def test_palette_is_that_of_voc():
    expected = [(0, 0, 0), (128, 0, 0), (0, 128, 0), (128, 128, 0), (0, 0, 128)]
    assert [tuple(c) for c in palette()[:5]] == expected
    assert tuple(palette()[20]) == (0, 64, 128)
    assert tuple(palette()[255]) == (224, 224, 192)
    assert len({tuple(c) for c in palette()}) == 256


def test_ids_survive_the_file(tmp_path):
    write_labels(tmp_path / "a.png", LABELS)
    assert np.array_equal(read_labels(tmp_path / "a.png"), LABELS)
    assert Image.open(tmp_path / "a.png").mode == "P"


@pytest.mark.parametrize("mode", ["RGB", "I;16", "1"])
def test_a_picture_is_not_a_label_image(tmp_path, mode):
    Image.new(mode, (2, 2)).save(tmp_path / "a.png")
    with pytest.raises(UserError, match="palette or 8-bit grey"):
        read_labels(tmp_path / "a.png")


def test_a_damaged_file_is_named(tmp_path):
    (tmp_path / "a.png").write_bytes(b"\x89PNG nothing")
    with pytest.raises(UserError, match=r"a\.png: cannot be read"):
        read_labels(tmp_path / "a.png")


@pytest.mark.parametrize("name", ["labels.tsv", "parts/1-of-2.tsv"])
def test_maps_are_readable_once_their_record_is_written(tmp_path, name):
    record = tmp_path / "train" / name
    with LabelWriter(record) as out:
        out.put("x", LABELS)
        assert not record.exists()
    reader = LabelReader([record])
    assert reader.ids == ("x",) and (tmp_path / "train/x.png").is_file()
    assert np.array_equal(reader.read("x"), LABELS)


def test_a_failure_leaves_no_record(tmp_path):
    record = tmp_path / "labels.tsv"
    with LabelWriter(record) as out:
        out.put("x", LABELS)
    with pytest.raises(RuntimeError), LabelWriter(record) as out:
        raise RuntimeError
    assert not record.exists()


def test_changed_labels_are_refused(tmp_path):
    with LabelWriter(tmp_path / "labels.tsv") as out:
        out.put("x", LABELS)
    write_labels(tmp_path / "x.png", LABELS + 1)
    with pytest.raises(UserError, match="does not match its record"):
        LabelReader([tmp_path / "labels.tsv"]).read("x")


def test_an_unknown_image_is_refused(tmp_path):
    with LabelWriter(tmp_path / "labels.tsv"):
        pass
    with pytest.raises(UserError, match="image y has no label map"):
        LabelReader([tmp_path / "labels.tsv"]).read("y")


def test_a_smaller_split_leaves_no_older_file(tmp_path):
    for ids in (("x", "y"), ("x",)):
        with LabelWriter(tmp_path / "labels.tsv") as out:
            for image_id in ids:
                out.put(image_id, LABELS)
    assert [path.name for path in sorted(tmp_path.glob("*.png"))] == ["x.png"]


def test_odd_ids_come_back_as_they_are(tmp_path):
    with LabelWriter(tmp_path / "labels.tsv") as out:
        out.put('"a" b', LABELS)
    assert LabelReader([tmp_path / "labels.tsv"]).ids == ('"a" b',)


def test_label_ids_start_with_the_background():
    assert label_ids(np.array([0, 4])).tolist() == [0, 1, 5]
    assert label_ids(np.array([], np.int64)).dtype == np.uint8


@pytest.mark.parametrize("class_id", [-2, 254, 300])
def test_a_class_beyond_8_bits_has_no_label(class_id):
    with pytest.raises(ValueError, match="8-bit"):
        label_ids(np.array([0, class_id]))


def test_a_mask_is_read_and_verified(tmp_path):
    path = tmp_path / "a.png"
    write_labels(path, LABELS)
    masks = Masks("by hand", {"a": path}, {"a": file_digest(path)})
    assert np.array_equal(read_mask(masks, "a"), LABELS)
    write_labels(path, LABELS[::-1])
    with pytest.raises(UserError, match=r"a\.png: changed since the table of masks was made; run"):
        read_mask(masks, "a")


def test_a_record_states_its_provenance(tmp_path):
    with LabelWriter(tmp_path / "labels.tsv", '{"seed":0}') as out:
        out.put("x", LABELS)
    assert (tmp_path / "labels.tsv").read_text().splitlines()[0] == '#{"seed":0}'


def test_a_truncated_record_is_named(tmp_path):
    with LabelWriter(tmp_path / "labels.tsv") as out:
        for image_id in "ab":
            out.put(image_id, LABELS)
    lines = (tmp_path / "labels.tsv").read_text().splitlines(keepends=True)
    for kept in range(len(lines)):
        (tmp_path / "labels.tsv").write_text("".join(lines[:kept]))
        with pytest.raises(UserError, match=r"labels\.tsv: not a complete commit record"):
            LabelReader([tmp_path / "labels.tsv"])


def test_a_record_of_one_endless_field_is_named(tmp_path):
    (tmp_path / "labels.tsv").write_bytes(bytes(200_000))
    with pytest.raises(UserError, match=r"labels\.tsv: not a complete commit record .*run again"):
        LabelReader([tmp_path / "labels.tsv"])


@pytest.mark.parametrize("kind", ["TIFF", "BMP"])
def test_masks_of_lossless_kinds_are_read(tmp_path, kind):
    Image.fromarray(LABELS).save(tmp_path / "a.img", kind)
    assert np.array_equal(read_labels(tmp_path / "a.img"), LABELS)


def test_a_mask_that_is_a_photograph_is_refused(tmp_path):
    Image.fromarray(LABELS).save(tmp_path / "a.png", "JPEG")
    with pytest.raises(UserError, match=r"a\.png: .* save it as PNG"):
        read_labels(tmp_path / "a.png")


@pytest.mark.parametrize(
    ("size", "number", "expected"),
    [((2, 3), 2, ""), ((3, 2), 2, "3 x 2 pixels, its image 2 x 3"), ((2, 3), 3, "holds id 3")],
)
def test_a_mask_fits_its_image_and_classes(size, number, expected):
    found = mask_problem(np.array([[0, 255, 1], [0, 0, number]], np.uint8), size, 2)
    assert expected in found and bool(expected) == bool(found)


@pytest.mark.parametrize("bits, row, ids", [(2, 0b00011011, [0, 1, 2, 3]), (4, 0x1F, [1, 15])])
def test_grey_labels_of_few_bits_are_ids(tmp_path, bits, row, ids):
    chunks = {
        b"IHDR": struct.pack(">IIBBBBB", len(ids), 1, bits, 0, 0, 0, 0),
        b"IDAT": zlib.compress(bytes([0, row])),
        b"IEND": b"",
    }
    with (tmp_path / "a.png").open("wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n")
        for kind, body in chunks.items():
            file.write(struct.pack(">I", len(body)) + kind + body)
            file.write(struct.pack(">I", zlib.crc32(kind + body)))
    assert read_labels(tmp_path / "a.png").tolist() == [ids]


@pytest.mark.parametrize(
    "name, options, reason",
    [
        ("a.png", {"exif": {274: 3}}, "EXIF orientation"),
        ("a.tif", {"tiffinfo": {262: 0}}, "WhiteIsZero"),
        ("a.tif", {"tiffinfo": {339: 2}}, "signed"),
        ("a.tif", {"save_all": True, "append_images": [Image.new("L", (3, 2))]}, "several pages"),
    ],
)
def test_ambiguous_labels_are_refused(tmp_path, name, options, reason):
    if "exif" in options:
        exif = Image.Exif()
        exif.update(options["exif"])
        options = {"exif": exif}
    Image.new("L", (3, 2), 1).save(tmp_path / name, **options)
    with pytest.raises(UserError, match=rf"{name}: not usable as labels: .*{reason}"):
        read_labels(tmp_path / name)


def test_a_single_class_is_one() -> None:
    found = mask_problem(np.full((2, 2), 2, np.uint8), (2, 2), 1)
    assert found == "holds id 2, but there is 1 class"
