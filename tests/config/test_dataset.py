from pathlib import Path

import pytest
import yaml

from wsss.config.dataset import CAPABILITIES, Dataset, fetched_augment
from wsss.config.merging import merge
from wsss.config.resolve import load
from wsss.errors import UserError

ROOT = Path(__file__).parents[2]

VOC = {"source": "voc", "root": "VOC2012"}
AUG = {"train": "train_aug", "val": "val"}


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"source": "coco"}, "source coco needs root"),
        ({"root": "photos"}, "source demo has no root; for your own images set source to csv |"),
        ({**VOC, "download": True}, "download and root exclude each other"),
        ({"download": True}, "download goes with source voc"),
        ({**VOC, "source": "csv", "augment": "sbd"}, "augment goes with source voc"),
        ({**VOC, "augment_masks": True}, "augment_masks needs augment"),
        ({**VOC, "augment": "sbd", "masks": "a.json"}, "masks needs root and excludes augment"),
        ({"masks": "a.json"}, "masks needs root"),
        ({**VOC, "source": "folders", "masks": "labelmap.txt"}, "takes the JSON of Label Studio"),
        ({**VOC, "source": "folders", "labels_from": "masks"}, "folders has none"),
        ({"tiles": {"size": 64, "overlap": 64}}, "overlap 64 must be smaller than size 64"),
        ({"tiles": {"size": 8}}, "dataset.tiles.size"),
        ({"labels_from": "masks", "tiles": {"labels": "a.csv"}}, "tiles.labels: excludes labels"),
        ({"coco": {"annotations": {"test": "a.json"}}}, "dataset.coco.annotations.test"),
    ],
)
def test_keys_that_do_not_go_together_are_named(keys, message):
    with pytest.raises(UserError, match=r"^config: dataset") as error:
        load({"dataset": keys})
    assert message in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("keys", "folder"),
    [
        ({**VOC}, None),
        ({**VOC, "augment": "SegmentationClassAug"}, None),
        ({**VOC, "augment": "a/benchmark.tgz"}, "augment"),
        ({**VOC, "augment": "SegmentationClassAug.ZIP"}, "augment"),
        ({"source": "voc", "download": True}, None),
        ({"source": "voc", "download": True, "splits": AUG}, "benchmark_RELEASE"),
        ({"source": "voc", "download": True, "splits": AUG, "augment": "sbd"}, None),
        ({"source": "voc", "download": True, "splits": AUG, "augment": "sbd.zip"}, "augment"),
    ],
)
def test_what_is_unpacked_and_where(keys, folder):
    assert fetched_augment(Dataset(**keys)) == folder


def test_the_download_goes_behind_a_preset():
    raw = {}
    for name in ("voc12/psa", "data/voc12-download"):
        raw = merge(raw, yaml.safe_load((ROOT / f"configs/{name}.yaml").read_text()))
    assert fetched_augment(load(raw).dataset) == "benchmark_RELEASE"


def test_keys_of_sources_are_keys():
    keys = {key for capabilities in CAPABILITIES.values() for key in capabilities.keys}
    assert keys <= set(Dataset.model_fields)


PNGS = {"source": "csv", "root": "x"}
COCO = {"source": "coco", "root": "x"}
SBD = {**VOC, "augment": "sbd"}
CUT = {"tiles": {"size": 64, "overlap": 8}}


@pytest.mark.parametrize(
    ("keys", "drawn", "labels", "evaluation", "tiles"),
    [
        ({}, False, False, False, False),
        (PNGS | {"labels_from": "masks"}, False, False, False, False),
        (COCO, True, False, True, False),
        (COCO | {"labels_from": "masks"}, True, True, True, False),
        (COCO | CUT, True, False, False, True),
        (SBD, True, False, False, False),
        (SBD | {"labels_from": "masks"}, True, True, False, False),
        (SBD | {"augment_masks": True}, True, False, True, False),
        (SBD | CUT, True, False, False, False),
        (SBD | CUT | {"labels_from": "masks"}, True, False, False, True),
        (SBD | CUT | {"augment_masks": True}, True, False, False, True),
        ({"source": "voc", "download": True, "splits": AUG}, True, False, False, False),
    ],
)
def test_where_drawn_masks_are_needed(keys, drawn, labels, evaluation, tiles):
    dataset = Dataset(**keys)
    assert dataset.has_drawn_masks() == drawn
    assert dataset.labels_need_drawn_masks() == labels
    assert dataset.evaluation_needs_drawn_masks() == evaluation
    assert dataset.tiles_need_drawn_masks() == tiles


@pytest.mark.parametrize(
    ("keys", "fetched", "root"),
    [
        ({}, False, "made"),
        (VOC, False, "VOC2012"),
        ({**VOC, "augment": "sbd.zip"}, True, "VOC2012"),
        ({"source": "voc", "download": True}, True, "made/VOCdevkit/VOC2012"),
    ],
)
def test_data_of_the_workflow_and_of_the_user(keys, fetched, root):
    dataset = Dataset(**keys)
    assert dataset.needs_fetching() == fetched
    assert dataset.data_root(Path("made")) == Path(root)
