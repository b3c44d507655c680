import io
import re
import tarfile

import numpy as np
import pytest
from PIL import Image

from wsss.data.taxonomy import VOC_CLASSES
from wsss.errors import UserError
from wsss.export import voc
from wsss.io.labels import encode_labels

IDS = ["2007_000033", "2007_000042"]
MASKS = {IDS[0]: np.array([[0, 20]], np.uint8), IDS[1]: np.array([[7], [7], [0]], np.uint8)}
FOLDER = "results/VOC2012/Segmentation/comp6_test_cls/"
GOOD = {f"{FOLDER}{name}.png": encode_labels(labels) for name, labels in MASKS.items()}


@pytest.fixture
def label_maps(make):
    return make(MASKS, VOC_CLASSES)


def photos(label_maps):
    return {item.image_id: item.path for item in label_maps.items}


def tar(path, files):
    with tarfile.open(path, "w:gz") as archive:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return path


@pytest.mark.parametrize("name", ["out.tar", "out.tar.gz", "out.tgz"])
@pytest.mark.parametrize("competition", voc.COMPETITIONS)
def test_what_is_written_passes_the_check(label_maps, tmp_path, name, competition):
    voc.write(label_maps, tmp_path / name, competition, "val", IDS[::-1])
    assert voc.check(tmp_path / name, IDS, photos(label_maps)) == f"{competition}_val_cls"
    with tarfile.open(tmp_path / name) as archive:
        first = archive.extractfile(archive.getmembers()[0])
        np.testing.assert_array_equal(Image.open(first), MASKS[IDS[1]])


def test_the_list_chooses_the_masks(label_maps, tmp_path):
    voc.write(label_maps, tmp_path / "out.tar", "comp6", "test", IDS[:1])
    with tarfile.open(tmp_path / "out.tar") as archive:
        assert archive.getnames() == [f"{FOLDER}{IDS[0]}.png"]
    with pytest.raises(UserError, match="images of the list without a label map: 1, x"):
        voc.write(label_maps, tmp_path / "out.tar", "comp6", "test", ["x"])


@pytest.mark.parametrize("value", [21, 255])
def test_labels_the_server_rejects_are_not_written(make, tmp_path, value):
    label_maps = make({IDS[0]: np.full((2, 2), value)}, [str(n) for n in range(30)])
    with pytest.raises(UserError, match=f"mask holds {value}, the server accepts 0..20"):
        voc.write(label_maps, tmp_path / "out.tar", "comp6", "test", None)
    assert not (tmp_path / "out.tar").exists()


def test_other_classes_are_warned_about(make, tmp_path, caplog):
    voc.write(make(MASKS, [*VOC_CLASSES[1:], "a"]), tmp_path / "out.tar", "comp6", "test", None)
    assert "not VOC's 20 classes" in caplog.text


def test_only_a_tar_and_names_without_blanks_will_do(make, tmp_path):
    with pytest.raises(UserError, match=r"ends in .tar.gz"):
        voc.write(make(), tmp_path / "out.zip", "comp6", "test", None)
    with pytest.raises(UserError, match="allow no spaces"):
        voc.write(make({"a b": MASKS[IDS[0]]}), tmp_path / "out.tar", "comp6", "test", None)


def png(array, mode="P"):
    buffer = io.BytesIO()
    Image.fromarray(np.array(array, np.uint8)).convert(mode).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({f"{FOLDER}{IDS[0]}.png": None}, f"{IDS[0]}.png is missing"),
        ({f"{FOLDER}x.png": b""}, "x.png: not the mask of an image of the list"),
        ({f"results/{IDS[0]}.png": GOOD[f"{FOLDER}{IDS[0]}.png"]}, "or a second one"),
        ({f"{FOLDER}{IDS[0]}.png": b"no"}, f"{IDS[0]}.png: cannot be read as a PNG"),
        ({f"{FOLDER}{IDS[0]}.png": png([[1, 2]], "L")}, "not an indexed PNG, but of mode L"),
        ({f"{FOLDER}{IDS[0]}.png": encode_labels(np.array([[255, 0]]))}, "holds 255"),
        ({f"{FOLDER}{IDS[0]}.png": encode_labels(np.zeros((3, 3)))}, "its image (1, 2)"),
    ],
)
def test_the_check_names_what_is_wrong(label_maps, tmp_path, change, text):
    files = {name: data for name, data in (GOOD | change).items() if data is not None}
    with pytest.raises(UserError, match=re.escape(text)):
        voc.check(tar(tmp_path / "out.tgz", files), IDS, photos(label_maps))


def test_the_check_names_wrong_folders(tmp_path):
    files = {name.replace("comp6", "comp9"): data for name, data in GOOD.items()}
    with pytest.raises(UserError, match="comp9_test_cls: not results/VOC2012/Segm"):
        voc.check(tar(tmp_path / "out.tgz", files), IDS, None)


def test_the_check_shows_the_first_of_many_problems(tmp_path):
    ids = [f"{n}" for n in range(9)]
    with pytest.raises(UserError) as caught:
        voc.check(tar(tmp_path / "out.tgz", {}), ids, None)
    assert str(caught.value).count("missing") == 5 and "and 4 more" in str(caught.value)


def test_a_mask_without_image_is_named(label_maps, tmp_path):
    with pytest.raises(UserError, match="no image to compare its size with"):
        voc.check(tar(tmp_path / "out.tgz", GOOD), IDS, {})


def test_files_that_are_no_tars_are_named(tmp_path):
    (tmp_path / "out.tar").write_bytes(b"no tar")
    for name in ("out.tar", "none.tar"):
        with pytest.raises(UserError, match="cannot be read as a tar"):
            voc.check(tmp_path / name, IDS, None)


def test_truncated_tars_are_named(label_maps, tmp_path):
    voc.write(label_maps, tmp_path / "out.tgz", "comp6", "test", None)
    (tmp_path / "cut.tgz").write_bytes((tmp_path / "out.tgz").read_bytes()[:-200])
    with pytest.raises(UserError, match="cannot be read as a tar"):
        voc.check(tmp_path / "cut.tgz", IDS, None)


def test_lists_are_read_by_their_first_words(tmp_path):
    (tmp_path / "list.txt").write_text("a 1\n\nb -1\n")
    assert voc.read_list(tmp_path / "list.txt") == ["a", "b"]
    for text in ("", "a\na\n"):
        (tmp_path / "list.txt").write_text(text)
        with pytest.raises(UserError, match="each image of the set once"):
            voc.read_list(tmp_path / "list.txt")
    with pytest.raises(UserError, match="cannot be read"):
        voc.read_list(tmp_path / "none.txt")
