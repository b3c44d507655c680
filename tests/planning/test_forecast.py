import json
import math

import pytest

from wsss.config.model import METHODS, Config
from wsss.config.slices import canonical
from wsss.config.training import Train
from wsss.plan.artifacts import Plan
from wsss.planning.brief import Machine, brief, samples
from wsss.planning.forecast import Forecast
from wsss.planning.images import Images, typical_size
from wsss.planning.photos import MadeUp, dataset_of
from wsss.planning.rehearsal import (
    Measured,
    Seconds,
    _command,
    memory_of,
    photos,
    rehearsals,
    seconds_of,
    seconds_per_item,
)

IMAGES = Images(train=400, val=100, size=(100, 200), classes=4, labels=1.5)
MACHINE = Machine(cores=2, gpus=0, name="two cores")
ONE = Measured(wall=Seconds(3, 0.5), cpu=Seconds(2, 0.25), memory=1e9, disk=10_000)
"""Start 3 s, then half a second per image or sample."""

TINY = {"name": "tiny", "weights": None}


def plan_of(images=IMAGES, **keys):
    config = Config(**{"backbone": TINY, "dataset": dataset_of(images)} | keys)
    return Plan(config, MadeUp(images.count if config.dataset.tiles is None else lambda _: None))


def costs_of(images=IMAGES, given=None, machine=MACHINE, **keys):
    plan = plan_of(images, **keys)
    cut = images.cut(plan.config.dataset.tiles)
    wanted = rehearsals(plan, cut, machine)
    measured = {one.identity: ONE for one in wanted.values()}
    costs = Forecast(plan, wanted, measured, images, cut, given or {}, machine).costs()
    return {cost.stage: cost for cost in costs}


def brief_of(stage, machine=MACHINE, images=IMAGES, **keys):
    plan = plan_of(images, **keys)
    found = (a for a in plan.artifacts.values() if a.stage == stage)
    return brief(next(found).config, plan.runs["psa"], images, machine)


# ---- images ----


def test_tiles_stand_in_for_their_images():
    keys = {"tiles": {"size": 100, "overlap": 0}}
    tiles = Config(dataset=dataset_of(IMAGES) | keys).dataset.tiles
    assert IMAGES.cut(tiles) == Images(800, 200, (100, 100), 4, 1.5)
    assert IMAGES.cut(None) is IMAGES
    assert (IMAGES.count("val"), IMAGES.count(None), IMAGES.megapixels) == (100, 500, 0.02)


def test_the_typical_size_is_the_median_of_each_side():
    assert typical_size([(10, 40), (30, 20), (20, 30)]) == (20, 30)


# ---- what is measured ----


def test_the_first_items_do_not_count():
    # 5 s and 2 s of setting up, then 1 s per item
    assert seconds_per_item([0, 5, 7, 8, 9]) == 1
    assert seconds_per_item([0, 5]) == 5 and seconds_per_item([0]) == 0


def test_what_is_no_item_is_the_start():
    assert seconds_of(20, [[0, 5, 7, 8, 9]]) == (16, 1)
    # a stage with two loops over the images, of 2 s and of 1 s per image
    assert seconds_of(20, [[0, 2, 4, 6, 8], [8, 9, 10, 11, 12]]) == (8, 3)
    assert seconds_of(4, []) == (4, 0)


def test_memory_grows_with_the_pixels_alone():
    assert memory_of(10, grown=6, state=2, factor=3) == 10 + 2 + 4 * 3
    assert memory_of(10, grown=1, state=2, factor=3) == 11


def test_a_job_gets_enough_images():
    assert photos(IMAGES, IMAGES, jobs=2).train == 2 * 30
    large = Images(10, 10, (2000, 2000), 4, 1.5)
    assert photos(large, large, jobs=2).train == 2 * 3


# ---- brief settings ----


def test_a_fast_network_is_rehearsed_as_configured():
    found = brief_of("train_cam", cam={"train": {"crop": 64, "batch_size": 16}})
    assert (found.batch, found.pixels, found.memory) == (16, 1, 1)
    assert '"crop":64' in found.config and '"steps":40' in found.config


def test_a_slow_network_is_rehearsed_on_smaller_batches_and_crops():
    backbone = {"name": "resnet38d", "weights": __file__}
    cam = {"train": {"crop": 448, "batch_size": 16, "resize": (224, 448), "accumulate": 16}}
    found = brief_of("train_cam", backbone=backbone, cam=cam)
    assert found.batch == 5 and '"crop":128' in found.config
    assert '"resize":[64,128]' in found.config and '"accumulate":1,' in found.config
    assert found.pixels == (448 / 128) ** 2 and found.memory == found.pixels * 16 / 5


def test_a_gpu_needs_no_smaller_batches():
    backbone = {"name": "resnet38d", "weights": __file__}
    cam = {"train": {"crop": 448, "batch_size": 5}}
    found = brief_of("train_cam", Machine(16, 1, "a GPU"), backbone=backbone, cam=cam)
    assert (found.batch, found.pixels) == (5, 1)


def test_views_of_a_slow_network_are_smaller():
    infer = {"scales": [1.0, 2.0], "flip": True}
    images = Images(400, 100, (1000, 1000), 4, 1.5)
    found = brief_of("infer_cam", images=images, cam={"infer": infer})
    # 10 views of 0.37 s, of which 3 s are wanted
    assert found.pixels == pytest.approx(3.7 / 3)
    assert brief_of("infer_cam", cam={"infer": infer}).pixels == 1


@pytest.mark.parametrize("name", METHODS.params)
def test_brief_options_are_valid(name):
    params = METHODS.params[name]
    short = params().brief(5)
    assert params(**short.model_dump(mode="json")) == short
    assert not short.length_problem(2, 1)


@pytest.mark.parametrize(
    ("train", "count"),
    [
        ({"batch_size": 8, "steps": 10, "epochs": 1}, 80),
        # two whole steps in each of three epochs
        ({"batch_size": 8, "epochs": 3}, 48),
        ({"batch_size": 32, "epochs": 3}, 96),
        ({"batch_size": 8, "epochs": 3, "min_steps": 7}, 56),
    ],
)
def test_samples_are_those_of_whole_steps(train, count):
    config = canonical({"seed": 0, "cam": {"train": Train(**train).model_dump(mode="json")}})
    assert samples(config, 20) == count


def test_networks_that_are_not_trained_are_rehearsed_without_files(tmp_path):
    (tmp_path / "text.safetensors").touch()
    own = {"tower": {"weights": str(tmp_path / "text.safetensors")}}
    for text in (None, str(tmp_path / "text.safetensors")):
        plan = plan_of(
            method="clip_es",
            cam={"clip_es": own | {"text": text}},
            affinity={"source": "none"},
        )
        one = next(
            one
            for one in rehearsals(plan, IMAGES, MACHINE).values()
            if one.artifact.stage == "prepare_cam"
        )
        words = _command(one, "all", MACHINE)
        assert words[0] == "prepare-cam" and not {"--further", "--text"} & set(words)
        assert json.loads(one.brief.config)["cam"]["clip_es"]["tower"]["weights"] is None


def test_irnet_is_rehearsed_and_counted_as_other_trainings():
    irn = {"train": {"crop": 64, "batch_size": 16, "epochs": 2, "min_steps": 0, "init": "cam"}}
    keys = {"refine": "none", "affinity": {"source": "irn", "irn": irn}}
    assert brief_of("train_irn", **keys).batch == 16
    costs = costs_of(**keys)
    assert costs["train_irn"].seconds == 3 + 2 * 400 * 0.5
    assert {"label_irn", "walk_irn"} <= costs.keys() and "random_walk" not in costs
    given = costs_of(given={"psa": {"train_irn"}}, **keys)
    assert given["train_irn"].seconds == 3


# ---- the forecast ----


def test_a_training_takes_its_samples():
    cam = {"train": {"epochs": 5, "min_steps": 0, "batch_size": 100}}
    cost = costs_of(cam=cam)["train_cam"]
    assert (cost.jobs, cost.seconds, cost.cpu) == (1, 3 + 2000 * 0.5, 2 + 2000 * 0.25)
    assert (cost.memory, cost.disk) == (1e9, 10_000)


def test_jobs_run_side_by_side():
    # two jobs of train and one of val, on two cores: a half of each, then one
    cost = costs_of()["infer_cam"]
    assert cost.jobs == 3
    assert cost.seconds == (2 * 3 + 400 * 0.5) / 2 + (3 + 100 * 0.5)
    assert cost.cpu == 3 * 2 + 500 * 0.25 and cost.disk == 500 * 10_000


def test_maps_take_no_less_than_those_of_photographs():
    large = Images(train=400, val=100, size=(1000, 1000), classes=4, labels=1.5)
    costs = costs_of(large, crf={"alphas": [1, 4, 9]})
    # a quarter of the sides in 16 bits, of which 61 % are left
    assert costs["infer_cam"].disk == pytest.approx(500 * 1.5e6 / 16 * 2 * 0.61)
    assert costs["refine_maps"].disk == pytest.approx(500 * 3 * 2.5e6 * 0.082)
    assert costs["random_walk"].disk == pytest.approx(500 * 1e6 * 0.021)


def test_jobs_follow_the_configuration_and_the_machine():
    assert costs_of(jobs=5)["refine_maps"].jobs == 10
    one = costs_of(jobs=5, machine=Machine(1, 0, "one core"))["refine_maps"]
    assert one.seconds == 10 * 3 + 500 * 0.5


def test_a_gpu_is_for_one_job_at_a_time():
    costs = costs_of(machine=Machine(16, 1, "a GPU"))
    assert costs["infer_cam"].seconds == 3 * 3 + 500 * 0.5
    assert costs["refine_maps"].seconds < costs["infer_cam"].seconds


def test_a_published_checkpoint_is_not_trained():
    assert costs_of(given={"psa": {"train_cam"}})["train_cam"].seconds == 3


def test_stages_that_are_not_rehearsed_take_as_long_as_a_start():
    costs = costs_of(backbone={"name": "mobilenet_v2", "weights": __file__})
    assert costs["report"].seconds == 3 and costs["convert_weights"].disk == 10_000


def test_whole_images_are_counted_as_such():
    tiles = {"dataset": {**dataset_of(IMAGES), "tiles": {"size": 100, "overlap": 0}}}
    costs = costs_of(**tiles)
    assert costs["make_tiles"].seconds == 3 + 500 * 0.5
    assert costs["infer_cam"].jobs == 8 and costs["segment_whole"].disk == 100 * 10_000


def test_equal_work_is_rehearsed_once():
    short = {"epochs": 1, "min_steps": 9}
    runs = {"short": {"cam": {"train": short}}, "long": {"seeds": [1, 2]}}
    several = rehearsals(plan_of(runs=runs), IMAGES, MACHINE).values()
    one = rehearsals(plan_of(), IMAGES, MACHINE).values()
    assert {r.identity for r in several} == {r.identity for r in one}


def test_every_stage_is_finite():
    for cost in costs_of(method="sb", runs={"a": {}, "b": {"method": "psa+eader"}}).values():
        assert math.isfinite(cost.seconds + cost.cpu + cost.memory + cost.disk)


def test_corrected_masks_cost_a_start_alone():
    plain, corrected = costs_of(), costs_of(segment={"corrected": "."})
    assert corrected.pop("read_corrected").seconds == ONE.wall.start
    assert corrected == plain
