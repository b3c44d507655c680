import json

import pytest

from wsss.config.resolve import load, runs
from wsss.config.slices import canonical, read_slice, slice_json
from wsss.pipeline import STAGES

RUN = runs(load({}))["psa"]
OF_DATA = {n for n, stage in STAGES.items() if stage.keys and stage.keys[0].startswith("dataset.")}
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


def test_canonical_ignores_the_order_of_keys():
    assert canonical({"b": 1, "a": 2}) == canonical(json.loads('{"a": 2, "b": 1}'))


def test_nothing_untrackable_is_canonical():
    with pytest.raises(TypeError):
        canonical({"a": object()})


def test_a_combination_sees_the_options_of_its_parts():
    run = runs(load({"method": "psa+eader", "cam": {"eader": COMBINED}}))["psa+eader"]
    config = read_slice(slice_json("train_cam", run))
    assert config.cam.eader.alpha == 0.2
    assert config.cam.psa.dropout == 0.2
    with pytest.raises(AttributeError):
        _ = config.cam.seam
