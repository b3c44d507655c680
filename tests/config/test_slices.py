import json

import pytest

from wsss.config.resolve import load, merge, runs
from wsss.config.slices import STAGES, canonical, read_slice, slice_json

RUN = runs(load({}))["psa"]
OF_DATA = {stage for stage, keys in STAGES.items() if keys and keys[0].startswith("dataset.")}
COMBINED = {"alpha": 0.2, "adversary": {"name": "tiny", "weights": None}}


@pytest.mark.parametrize("stage", STAGES)
def test_a_slice_reads_back(stage):
    config = load({}) if stage in OF_DATA else RUN
    read_slice(slice_json(stage, config))


def test_a_stage_cannot_see_other_keys():
    config = read_slice(slice_json("infer_cam", RUN))
    assert config.cam.infer.flip is True
    for path in ("seed", "crf"):
        with pytest.raises(AttributeError):
            getattr(config, path)
    with pytest.raises(AttributeError):
        _ = config.cam.train


@pytest.mark.parametrize(
    ("change", "stages"),
    [
        ({"cam": {"infer": {"flip": False}}}, {"infer_cam"}),
        ({"cam": {"psa": {"dropout": 0.1}}}, {"train_cam"}),
        ({"crf": {"alphas": [4, 24]}}, {"refine_crf", "train_affinity"}),
        ({"walk": {"beta": 4}}, {"random_walk"}),
        ({"segment": {"infer": {"flip": False}}}, {"infer_segmenter", "segment_whole"}),
        ({"seed": 5}, {"train_cam", "train_affinity", "train_segmenter"}),
        ({"segment": {"train": {"init": "cam"}}}, {"train_segmenter"}),
        ({"backbone": {"freeze": False}}, {"train_cam"}),
        ({"cam": {"seam": {"dropout": 0.1}}}, set()),
        ({"until": "cam"}, set()),
    ],
)
def test_a_key_reaches_exactly_its_stages(change, stages):
    other = runs(load(merge({}, change)))["psa"]
    of_runs = set(STAGES) - OF_DATA
    assert {s for s in of_runs if slice_json(s, other) != slice_json(s, RUN)} == stages


@pytest.mark.parametrize(
    "change",
    [
        {"cam": {"train": {"area": [0.1, 0.9]}}},
        {"walk": {"crf": {"bilateral_sxy": 50}}},
        {"segment": {"infer": {"crf": {"gaussian_sxy": 1}}}},
        {"dataset": {"labels": "other.csv", "coco": {"images": {"train": "a", "val": "b"}}}},
    ],
)
def test_a_key_that_nothing_reads_reaches_no_stage(change):
    config = load(merge({"segment": {"infer": {"crf": {"iterations": 0}}}}, change))
    base = load({"segment": {"infer": {"crf": {"iterations": 0}}}})
    assert all(slice_json(s, config) == slice_json(s, base) for s in OF_DATA)
    other, run = runs(config)["psa"], runs(base)["psa"]
    assert all(slice_json(s, other) == slice_json(s, run) for s in set(STAGES) - OF_DATA)


def test_a_key_that_is_read_after_all_reaches_its_stage():
    sampled = {"cam": {"train": {"sampling": "area"}}}
    one, other = (
        runs(load(merge(sampled, {"cam": {"train": {"area": area}}})))["psa"]
        for area in ([0.1, 0.9], [0.1, 0.8])
    )
    assert slice_json("train_cam", one) != slice_json("train_cam", other)


def test_canonical_ignores_the_order_of_keys():
    assert canonical({"b": 1, "a": 2}) == canonical(json.loads('{"a": 2, "b": 1}'))


def test_nothing_untrackable_is_canonical():
    with pytest.raises(TypeError):
        canonical({"a": object()})


def test_a_combination_sees_the_options_of_its_parts():
    run = runs(load({"method": "psa+eader", "cam": {"eader": COMBINED}}))["psa+eader"]
    config = read_slice(slice_json("train_cam", run))
    assert config.cam.eader.alpha == 0.2
    assert config.cam.psa.dropout == 0.5
    with pytest.raises(AttributeError):
        _ = config.cam.seam
