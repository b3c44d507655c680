import argparse

import numpy as np
import pytest

from tests.data.fake_voc import MORE, TRAIN, VAL, labels, make_sbd, make_voc, png
from wsss.config.resolve import load
from wsss.config.slices import slice_json
from wsss.errors import UserError
from wsss.io.index import Index, Masks
from wsss.io.labels import LabelReader
from wsss.stages import convert_masks, prepare_data, prepare_masks


def run(stage, keys, *arguments):
    parser = argparse.ArgumentParser()
    stage.add_arguments(parser)
    config = slice_json(stage.__name__.rpartition(".")[2], load({"dataset": keys}))
    stage.run(parser.parse_args([*map(str, arguments), "--config", config]))


class Chain:
    """VOC with SBD over it, from the folders to the two tables."""

    def __init__(self, folder, **keys):
        self.folder, self.record = folder, folder / "masks/labels.tsv"
        self.keys = {
            "source": "voc",
            "root": str(make_voc(folder / "VOC2012")),
            "augment": str(make_sbd(folder / "benchmark_RELEASE")),
            "splits": {"train": "train_aug", "val": "val"},
            **keys,
        }

    def convert(self):
        run(convert_masks, self.keys, "--split", "train", "--out", self.record)
        return LabelReader([self.record])

    def index(self, *converted):
        out = self.folder / "index.tsv"
        run(prepare_data, self.keys, "--out", out, "--converted", *converted)
        return Index.read(out)

    def masks(self, *converted):
        index, out = self.folder / "index.tsv", self.folder / "masks.tsv"
        run(prepare_masks, self.keys, "--index", index, "--out", out, "--converted", *converted)
        return Masks.read(out)


def test_sbd_becomes_pngs_where_voc_has_none(tmp_path):
    reader = Chain(tmp_path).convert()
    assert set(reader.ids) == set(MORE)
    assert (reader.read(MORE[1]) == np.where(labels(17) == 17, 17, 0)).all()


def test_converting_again_gives_the_same_files(tmp_path):
    chain = Chain(tmp_path)
    chain.convert()
    before = {path.name: path.read_bytes() for path in (tmp_path / "masks").iterdir()}
    chain.convert()
    assert before == {path.name: path.read_bytes() for path in (tmp_path / "masks").iterdir()}


def test_segmentation_class_aug_keeps_its_ignored_pixels(tmp_path):
    (tmp_path / "aug").mkdir()
    for name in MORE:
        (tmp_path / f"aug/{name}.png").write_bytes(png(labels(3)))
    reader = Chain(tmp_path, augment=str(tmp_path / "aug")).convert()
    assert (reader.read(MORE[0]) == labels(3)).all()


def test_a_broken_mask_leaves_no_record(tmp_path):
    chain = Chain(tmp_path)
    (tmp_path / f"benchmark_RELEASE/dataset/cls/{MORE[1]}.mat").write_bytes(b"MATLAB")
    with pytest.raises(UserError, match=MORE[1]):
        chain.convert()
    assert not chain.record.exists()


def test_all_broken_masks_are_named_at_once(tmp_path):
    chain = Chain(tmp_path)
    for name in MORE:
        (tmp_path / f"benchmark_RELEASE/dataset/cls/{name}.mat").write_bytes(b"MATLAB")
    with pytest.raises(UserError, match=f"(?s)^2 problems.*{MORE[1]}.*{MORE[0]}"):
        chain.convert()


def test_evaluation_looks_at_vocs_own_masks(tmp_path):
    chain = Chain(tmp_path)
    assert len(chain.index().items) == 5
    found = chain.masks()
    assert set(found.paths) == {*TRAIN, *VAL} and found.source == "SegmentationClass"


def test_evaluation_reads_all_masks_if_configured(tmp_path):
    chain = Chain(tmp_path, augment_masks=True)
    chain.convert()
    chain.index()
    found = chain.masks(chain.record)
    assert set(found.paths) == {*TRAIN, *VAL, *MORE}
    assert found.source == "SegmentationClass, SBD"
    assert found.paths[MORE[0]] == tmp_path / f"masks/{MORE[0]}.png"


def test_the_source_named_is_the_one_in_use(tmp_path):
    chain = Chain(tmp_path, augment_masks=True)
    # SBD's masks show sheep
    for path in tmp_path.glob("VOC2012/Annotations/*.xml"):
        path.write_text(path.read_text().replace("</an", "<object><name>sheep</name></object></an"))
    chain.index()
    assert chain.masks().source == "SegmentationClass"
    chain.convert()
    for name in TRAIN + VAL:
        (tmp_path / f"VOC2012/SegmentationClass/{name}.png").unlink()
    assert chain.masks(chain.record).source == "SBD"


def shown(index):
    return {i.image_id: [index.class_names[c] for c in i.classes] for i in index.items}


def test_labels_are_read_off_all_masks(tmp_path):
    chain = Chain(tmp_path, labels_from="masks")
    for path in (tmp_path / "VOC2012/Annotations").iterdir():
        path.unlink()
    chain.convert()
    assert shown(chain.index(chain.record)) == {
        **{key: ["cat"] for key in (*TRAIN, *VAL)},
        **{key: ["sheep"] for key in MORE},
    }


def test_an_image_without_a_mask_has_no_labels_to_read(tmp_path):
    chain = Chain(tmp_path, labels_from="masks")
    with pytest.raises(UserError, match=f"(?s)^2 problems.*{MORE[1]}.jpg has no mask.*{MORE[0]}"):
        chain.index()


def test_the_sizes_of_the_sets_are_reported(tmp_path, caplog):
    with caplog.at_level("INFO", "wsss"):
        Chain(tmp_path).index()
    assert "Training set size: 4, validation set size: 1" in caplog.text
