from pathlib import Path

import pytest
import yaml

from wsss.config.dataset import Dataset, fetched_augment
from wsss.config.resolve import load, merge
from wsss.errors import UserError

ROOT = Path(__file__).parents[2]

VOC = {"source": "voc", "root": "VOC2012"}
AUG = {"train": "train_aug", "val": "val"}


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"source": "coco"}, "source coco needs root"),
        ({**VOC, "download": True}, "download and root exclude each other"),
        ({"download": True}, "download goes with source voc"),
        ({**VOC, "source": "csv", "augment": "sbd"}, "augment goes with source voc"),
        ({**VOC, "augment_masks": True}, "augment_masks needs augment"),
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
