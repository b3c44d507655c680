from dataclasses import replace

import pytest

from tests.planning.cases import GPU, LAPTOP, OWN, facts
from wsss.config.merging import merge
from wsss.config.resolve import load
from wsss.planning import rules
from wsss.planning.recipe import nested, recipe

BATCH = {"cam__train__batch_size": 16, "cam__train__crop": 320}


def chosen(rule, found=None, **own):
    """Return the values of a rule by key, beside the recipe and dotted keys of the user."""
    own = {key.replace("__", "."): value for key, value in own.items()}
    config = load(merge(merge(OWN, recipe("good")), nested(own)))
    return {choice.key: choice.value for choice in rule(found or facts(), config)}


@pytest.mark.parametrize("rule", rules.RULES)
def test_every_value_has_a_key_and_a_reason(rule):
    config = load(merge(OWN, recipe("good")))
    for choice in rule(facts(), config):
        assert load(merge(config.model_dump(), nested({choice.key: choice.value})))
        assert choice.reason and "\n" not in choice.reason


@pytest.mark.parametrize(("train", "until"), [(2, "walk"), (19, "walk"), (20, "segment")])
def test_a_segmenter_needs_some_images(train, until):
    assert chosen(rules.end, facts(train)) == {"until": until}


@pytest.mark.parametrize(
    ("train", "cores", "jobs"), [(240, 2, 2), (5, 2, 1), (240, 16, 12), (500, 2, 4), (10**6, 4, 64)]
)
def test_every_core_gets_an_equal_part_of_the_images(train, cores, jobs):
    found = facts(train, hardware=replace(LAPTOP, cores=cores))
    assert chosen(rules.jobs, found) == {"jobs": jobs}
    assert not chosen(rules.jobs, facts(train, hardware=GPU))


def test_an_earlier_end_stays():
    assert chosen(rules.end, facts(2), until="cam") == {}


@pytest.mark.parametrize(("smallest", "side"), [(2000, 512), (100, 100)])
def test_images_that_do_not_fit_are_cut_into_tiles(smallest, side):
    small = replace(LAPTOP, cores=1, memory=1_000_000_000)
    most = rules.SHARE * small.memory / (rules.WALKED + rules.LABEL)
    tiles = {"size": side, "overlap": side // 4}
    for share, expected in ((0.99, None), (1.01, tiles)):
        sides = facts().long_side
        found = facts(hardware=small, megapixels=share * most)
        found = replace(found, long_side=replace(sides, smallest=smallest))
        assert chosen(rules.tiles, found) == {"dataset.tiles": expected}


def test_tiles_of_the_user_are_no_matter_of_the_rule():
    assert chosen(rules.tiles, dataset__tiles={"size": 64, "overlap": 0}) == {}


@pytest.mark.parametrize(
    ("long", "scales"),
    [(500, [1, 2]), (334, [1, 2]), (750, [1, 2]), (1000, [0.5, 1]), (250, [2, 4])],
)
def test_images_are_read_at_the_size_of_the_recipe(long, scales):
    found = chosen(rules.sizes, facts(long=long), cam__infer__scales=[1, 2])
    assert found["cam.infer.scales"] == scales


def test_tiles_are_read_as_they_are():
    keys = {"dataset__tiles": {"size": 512, "overlap": 128}, "segment__infer__scales": [0.75, 1.25]}
    assert chosen(rules.sizes, facts(long=4000), **keys)["segment.infer.scales"] == [0.75, 1.25]


@pytest.mark.parametrize(("train", "batch"), [(1, 2), (2, 2), (5, 5), (240, 16)])
def test_a_batch_is_no_larger_than_the_data_set(train, batch):
    found = chosen(rules.batches, facts(train), cam__train__batch_size=16)
    assert found["cam.train.batch_size"] == batch


@pytest.mark.parametrize(("batches", "parts"), [(1.01, 1), (0.99, 2), (0.3, 4), (0.001, 16)])
def test_a_batch_is_computed_in_parts_that_fit(batches, parts):
    need = rules.FROZEN * 16 * 0.1024
    machine = replace(LAPTOP, memory=int(batches * need / rules.SHARE))
    found = chosen(rules.batches, facts(hardware=machine), **BATCH, backbone__freeze="all")
    assert found["cam.train.accumulate"] == parts


def test_a_gpu_has_its_own_memory():
    machine = replace(GPU, gpu_memory=2_000_000_000)
    assert chosen(rules.batches, facts(hardware=machine), **BATCH)["cam.train.accumulate"] == 2


def test_a_trained_backbone_needs_more_memory():
    machine = replace(LAPTOP, memory=5_000_000_000)
    found = chosen(rules.batches, facts(hardware=machine), **BATCH, backbone__freeze=True)
    assert found["cam.train.accumulate"] == 2


@pytest.mark.parametrize(
    ("train", "reason"),
    [
        (48, "300 steps, the fewest: every image 100 times"),
        (960, "300 steps: every image 5 times"),
        (1600, "500 steps: every image 5 times"),
    ],
)
def test_steps_grow_with_the_images_above_a_floor(train, reason):
    keys = {"cam.train.epochs": 5, "cam.train.min_steps": 300, "cam.train.batch_size": 16}
    config = load(merge(merge(OWN, recipe("good")), nested(keys)))
    reasons = {choice.key: choice.reason for choice in rules.lengths(facts(train), config)}
    assert reasons["cam.train.epochs"] == reason


def test_tiles_are_what_is_counted():
    keys = {"dataset.tiles": {"size": 250, "overlap": 0}, "cam.train.min_steps": 0}
    keys |= {"cam.train.epochs": 3, "cam.train.batch_size": 10}
    config = load(merge(merge(OWN, recipe("good")), nested(keys)))
    # 2 x 2 tiles of 500 x 375 pixels
    first, *_ = rules.lengths(facts(100), config)
    assert first.reason == "120 steps: every image 3 times"


def test_trainings_that_do_not_take_place_get_no_values():
    assert set(chosen(rules.lengths, until="walk")) == {"cam.train.epochs"}
    assert chosen(rules.lengths, until="walk", cam__checkpoint=__file__) == {}
    assert chosen(rules.lengths, until="walk", cam__train__steps=3) == {}


@pytest.mark.parametrize(
    ("train", "hardware", "source"),
    [(240, GPU, "features"), (10_000, LAPTOP, "features"), (10_000, GPU, "learned")],
)
def test_affinities_are_learnt_from_many_images_on_a_gpu(train, hardware, source):
    found = chosen(rules.affinities, facts(train, hardware=hardware))
    assert found["affinity.source"] == source
    assert ("walk.beta" in found) == (source == "learned")
