"""The configuration that wsss init writes for a folder of the user."""

from pathlib import Path

import pytest
import yaml
from PIL import Image

from wsss.cli import main


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder `pets` in the current one, and a function that adds images to it."""
    monkeypatch.chdir(tmp_path)

    def add(*names):
        for name in names:
            path = tmp_path / "pets" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (8, 6)).save(path)
        return tmp_path / "pets"

    return add


def written():
    return yaml.safe_load(Path("pets.yaml").read_text())["dataset"]


def test_folders_of_classes_without_val_hold_nothing_out(folder, capfd):
    folder("train/cat/1.png", "train/dog/2.png")
    assert main(["init", "pets"]) == 0
    assert written()["splits"] == {"train": "train"} and written()["classes"] == ["cat", "dog"]
    assert "no image is held out" in capfd.readouterr().err
    assert main(["check", "pets.yaml"]) == 0


def test_folders_of_classes_of_both_splits_need_no_key(folder, capfd):
    folder("train/cat/1.png", "val/cat/2.png")
    assert main(["init", "pets"]) == 0
    shown = capfd.readouterr().err
    assert "splits" not in written() and "held out" not in shown
    assert "wrote pets.yaml; train images: 1, val images: 1" in shown
    head = "# train images: 1, val images: 1, classes: 1; written by"
    assert Path("pets.yaml").read_text().startswith(head)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["1.png", "2.jpg"], "pets: 2 images without labels; put a table labels.csv"),
        (["cat/1.png"], "pets: no known layout; put a table labels.csv"),
    ],
)
def test_images_without_labels_are_one_line_with_a_remedy(folder, capfd, names, said):
    folder(*names)
    assert main(["init", "pets"]) == 2
    shown = capfd.readouterr().err
    assert said in shown and "train/<class>" in shown and len(shown.splitlines()) == 1
    assert not Path("pets.yaml").exists()


def test_a_misspelt_split_is_warned_about(folder, capfd):
    root = folder("a.png", "b.png", "c.png")
    rows = ["image,split,labels", "a.png,train,cat", "b.png,trian,cat", "c.png,val,cat"]
    (root / "labels.csv").write_text("\n".join(rows))
    assert main(["init", "pets"]) == 0
    assert "split 'trian' is not used, rows: 1; did you mean train?" in capfd.readouterr().err


def test_labels_that_read_as_several_are_asked_about(folder, capfd):
    root = folder("a.png", "b.png")
    (root / "labels.csv").write_text('image,labels\na.png,"dog, cat"\nb.png,cat\n')
    assert main(["init", "pets"]) == 2
    assert "labels.csv:2: 'dog, cat' reads as several labels" in capfd.readouterr().err
    assert not Path("pets.yaml").exists()
