"""The masks of a run or of a queue are found with their images."""

from argparse import ArgumentParser

import numpy as np
import pytest
from PIL import Image

from wsss.errors import UserError
from wsss.export import palette
from wsss.io.index import Index, Item
from wsss.io.labels import LabelWriter
from wsss.io.queue import Suspect, read_queue, write_queue
from wsss.stages.export import export_masks
from wsss.stages.exported import Source, add_cleaning_option, add_mask_options, run_folder

LABELS = np.array([[0, 1, 1], [1, 0, 0], [0, 0, 1]], np.uint8)


@pytest.fixture
def run(tmp_path):
    """The folder of a run with pseudo labels of two images, and masks of SAM of them."""
    folder = tmp_path / "results/pets/psa"
    items = []
    for name in ("sub/a", "sub/b"):
        path = tmp_path / f"photos/{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (3, 3)).save(path)
        items.append(Item(path.stem, "train", path, "0", (0,)))
    for place in ("walk/train", "walk/sam/train"):
        with LabelWriter(folder / place / "labels.tsv") as out:
            for item in items:
                out.put(item.image_id, LABELS if "sam" in place else LABELS[::-1])
    (folder / "run.yaml").touch()
    Index(("cat",), tuple(items)).write(tmp_path / "results/pets/index.train.tsv")
    return folder


def source(*words):
    parser = ArgumentParser()
    add_mask_options(parser)
    add_cleaning_option(parser)
    return Source.of(parser.parse_args([str(word) for word in (*words, "--out", "out")]))


def test_the_last_masks_of_a_run_with_their_images(run):
    label_maps = source("--run", run).open()
    assert [item.file for item in label_maps.items] == ["a.png", "b.png"]
    assert label_maps.class_names == ("cat",)
    np.testing.assert_array_equal(next(iter(label_maps))[1], LABELS)


def test_a_run_by_its_data_set_or_configuration(run, tmp_path, monkeypatch):
    assert run_folder(run) == run_folder(run.parent) == run
    monkeypatch.chdir(tmp_path)
    data = "dataset: {name: pets, source: csv, root: photos}\n"
    (tmp_path / "pets.yaml").write_text(data)
    assert run_folder(tmp_path / "pets.yaml").resolve() == run
    (run.parent / "other").mkdir()
    (run.parent / "other/run.yaml").touch()
    with pytest.raises(UserError, match=r"name one of its runs: .*other, .*psa"):
        run_folder(run.parent)
    with pytest.raises(UserError, match="neither the folder of a run"):
        run_folder(tmp_path / "photos")
    with pytest.raises(UserError, match="no masks of val; wsss status says what"):
        source("--run", run, "--split", "val")


@pytest.fixture
def queue(run):
    rows = [
        Suspect(name, score, ["no pixel of dog", "2 classes"], ["cat", "dog"], mask)
        for name, score in (("b", 0.9), ("a", 0.25))
        for mask in [run / f"walk/train/{name}.png"]
    ]
    write_queue(run / "review.tsv", rows)
    return run / "review.tsv"


def test_the_first_masks_of_a_queue_keep_the_names_of_all(queue):
    assert queue.read_text().splitlines() == [
        "rank\timage\tscore\treasons\tlabels\tmask",
        "1\tb\t0.900\tno pixel of dog; 2 classes\tcat;dog\twalk/train/b.png",
        "2\ta\t0.250\tno pixel of dog; 2 classes\tcat;dog\twalk/train/a.png",
    ]
    ((item, labels),) = source("--queue", queue, "--first", 1).open()
    assert (item.image_id, item.file) == ("b", "b.png")
    np.testing.assert_array_equal(labels, LABELS[::-1])
    assert len(source("--queue", queue).open()) == 2


def test_masks_are_cleaned_on_demand(queue):
    (_, labels), _ = source("--queue", queue, "--min-region", 0.3).open()
    # the class is one region, and so is the background
    np.testing.assert_array_equal(labels, [[0, 0, 0], [1, 0, 0], [1, 1, 1]])


def test_what_to_do_with_the_masks_of_a_queue_is_said(queue, tmp_path, caplog):
    with caplog.at_level("INFO", "wsss"):
        export_masks("palette", source("--queue", queue), tmp_path / "out", palette.write)
        assert "segment.corrected" in caplog.messages[-1]
        export_masks("palette", source("--run", queue.parent), tmp_path / "all", palette.write)
        assert "segment.corrected" not in caplog.messages[-1]


def test_an_edited_queue(queue):
    head, first, second = queue.read_text().splitlines()
    queue.write_text(f"{head}\tnote\r\n{second}\tlook here\r\n{first}\t\r\n")
    assert [image for image, _ in read_queue(queue)] == ["a", "b"]
    for text, message in (
        ("", "must name images"),
        (head, "must name images"),
        (f"{head}\n{first}\n{first}", "each once"),
        ("rank\n1\n", "has no column 'image'; wsss review writes"),
    ):
        queue.write_text(text)
        with pytest.raises(UserError, match=message):
            read_queue(queue)


def test_no_cell_of_a_queue_is_a_formula(tmp_path):
    mask = tmp_path / "=b.png"
    write_queue(tmp_path / "review.tsv", [Suspect("=b", 0.5, ["no pixel of x"], ["@x"], mask)])
    row = (tmp_path / "review.tsv").read_text().splitlines()[1].split("\t")
    assert row == ["1", "'=b", "0.500", "no pixel of x", "'@x", "'=b.png"]
    assert read_queue(tmp_path / "review.tsv") == [("=b", mask)]


def test_the_iou_is_marked_as_what_needs_masks(tmp_path):
    one = Suspect("a", 0.5, [], ["cat"], tmp_path / "a.png", iou=0.25)
    write_queue(tmp_path / "review.tsv", [one])
    head, row = (line.split("\t") for line in (tmp_path / "review.tsv").read_text().splitlines())
    assert dict(zip(head, row, strict=True))["iou (needs masks)"] == "0.250"


@pytest.mark.parametrize(
    ("words", "message"),
    [(["--first", 3, "--labels", "x"], "--first: needs --queue"), (["--queue", "no"], "read")],
)
def test_options_that_do_not_go_together(words, message):
    with pytest.raises(UserError, match=message):
        source(*words)
