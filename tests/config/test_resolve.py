import pytest

from wsss.config.merging import merge
from wsss.config.resolve import load, runs
from wsss.errors import UserError


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({"methd": "psa"}, "methd: no such key; did you mean method?"),
        ({"cam": {"train": {"lrr": 1}}}, "cam.train.lrr: no such key; did you mean lr?"),
        ({"cam": {"train": {"epochs": 0}}}, "cam.train.epochs: Input should be greater than"),
        ({"method": "nonsense"}, "method: unknown method 'nonsense'; known: "),
        ({"dataset": {"source": "csv"}}, "dataset: source csv needs root"),
        ({"dataset": {"name": "../up"}}, "dataset.name: use letters, digits and . _ - alone"),
        ({"crf": {"alphas": [4]}}, "crf.alphas: List should have at least 2 items"),
        ({"segment": {"backbone": {"nam": "tiny"}}}, "segment.backbone.nam: no such key"),
        ({"backbone": {"name": "resnet34"}}, "backbone.name: no such backbone; use timm/<encoder>"),
        ({"segment": {"deeplab_v2": {"width": 64}}}, "segment.deeplab_v2.width: no such key"),
        (
            {"segment": {"train": {"batch_size": 10, "accumulate": 3}}},
            "segment.train: accumulate 3 does not divide the batch size",
        ),
        (
            {"segment": {"train": {"augmentation": "deeplab_v2", "scale": [0.6, 0.7]}}},
            "segment.train: scale has no multiple of 0.25",
        ),
        ({"cam": {"train": {"resize": [512, 256]}}}, "cam.train.resize: the smaller bound"),
        ({"cam": {"train": {"lr": float("inf")}}}, "cam.train.lr: Input should be a finite"),
        ({"crf": {"alphas": [4, 4]}}, "crf.alphas: the values must differ"),
        ({"results": "{x}"}, "results: give a folder"),
        ({"runs": {"logs": {}}}, "runs.logs"),
        ({"runs": {"a.b": {}}}, "runs.a.b"),
        ({"affinity": {"train": {"crop": 321}}}, "affinity.train.crop: Input should be a multiple"),
        ({"affinity": {"train": {"crop": 32}}}, "affinity.train.crop: Input should be greater"),
    ],
)
def test_a_mistake_is_named_with_its_path(raw, message):
    with pytest.raises(UserError) as error:
        load(raw)
    assert f"config: {message}" in str(error.value)


def test_all_mistakes_are_listed_at_once():
    with pytest.raises(UserError) as error:
        load({"a": 1, "seed": -1})
    assert len(str(error.value).splitlines()) == 2


def test_without_runs_there_is_one_named_after_the_method():
    assert list(runs(load({}))) == ["psa"]


def test_runs_override_the_shared_keys():
    config = load({"seed": 3, "cam": {"train": {"epochs": 7}}, "runs": {"a": {}, "b": {"seed": 4}}})
    both = runs(config)
    assert (both["a"].seed, both["b"].seed) == (3, 4)
    assert both["a"].cam.train.epochs == both["b"].cam.train.epochs == 7


def test_a_null_run_is_left_out():
    assert list(runs(load({"runs": {"a": {}, "b": None}}))) == ["a"]


def test_a_mistake_in_a_run_is_named_with_its_path():
    with pytest.raises(UserError, match=r"runs\.a\.cam\.train\.lr: Input should be greater"):
        runs(load({"runs": {"a": {"cam": {"train": {"lr": -1}}}}}))


def test_merge_is_deep_and_leaves_its_arguments():
    base = {"a": {"x": 1, "y": 2}, "b": 1}
    assert merge(base, {"a": {"x": 5}}) == {"a": {"x": 5, "y": 2}, "b": 1}
    assert base["a"]["x"] == 1


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({"runs": {"a": None}}, "runs: every run is null"),
        ({"backbone": {"output_stride": 32}}, "backbone.output_stride: tiny can do 8 (got 32)"),
        ({"backbone": {"weights": "imagenet"}}, "backbone.weights: tiny has no pretrained"),
        ({"backbone": {"name": "resnet50"}}, "backbone.weights: resnet50 needs pretrained"),
        (
            {"backbone": {"name": "resnet38d", "weights": "imagenet"}},
            "backbone.weights: torchvision has no resnet38d",
        ),
        (
            {"backbone": {"name": "resnet101_caffe"}},
            "backbone.name: resnet101_caffe is for segment.backbone alone",
        ),
        (
            {"backbone": {"name": "resnet50", "weights": "no.pth"}},
            "backbone.weights: no such file: no.pth",
        ),
        (
            {
                "segment": {"train": {"init": "backbone"}},
                "runs": {"a": {"segment": {"backbone": {"name": "resnet50", "weights": None}}}},
            },
            "runs.a.segment.backbone.weights: resnet50 needs pretrained",
        ),
    ],
)
def test_a_run_that_cannot_work_is_refused(raw, message):
    with pytest.raises(UserError) as error:
        runs(load(raw))
    assert str(error.value).startswith(f"config: {message}")


def test_mistakes_of_all_runs_are_listed_at_once():
    with pytest.raises(UserError) as error:
        runs(load({"runs": {"a": {"sed": 1}, "b": {"seed": -1}}}))
    assert "runs.a.sed: no such key" in str(error.value)
    assert "runs.b.seed: Input should be" in str(error.value)


def test_seeds_repeat_a_run():
    repeats = runs(load({"runs": {"a": {"seeds": [3, 5]}, "b": {}}}))
    assert list(repeats) == ["a.3", "a.5", "b"]
    assert [run.seed for run in repeats.values()] == [3, 5, 0]


def test_a_method_that_needs_boundaries_has_a_first_run():
    config = load({"seed": 7, "runs": {"mine": {"method": "sb", "walk": {"beta": 3}}}})
    first, mine = runs(config).values()
    assert list(runs(config)) == ["mine.first", "mine"]
    assert (first.method, first.until, first.seed, first.walk.beta) == ("psa", "refine", 7, 3)
    assert mine.method == "sb" and mine.until == "segment"


@pytest.mark.parametrize("own", [{"until": "walk"}, {"segment": {"checkpoint": __file__}}])
def test_an_upper_bound_needs_a_segmenter_that_is_trained(own):
    with pytest.raises(UserError, match=r"runs.a.upper_bound: true compares trained segmenters"):
        runs(load({"runs": {"a": {"upper_bound": True} | own}}))


def test_rounds_matter_to_runs_that_train_a_segmenter():
    for own in ({"until": "walk"}, {"segment": {"checkpoint": __file__, "rounds": 2}}):
        assert list(runs(load({"segment": {"rounds": 2}} | own))) == ["psa"]


def test_the_first_run_may_differ():
    first = {"method": "seam", "cam": {"train": {"epochs": 2}}}
    found = runs(load({"method": "sb", "boundaries": {"first": first}}))
    assert found["sb.first"].cam.train.epochs == 2 != found["sb"].cam.train.epochs


def test_boundaries_of_another_run_need_no_first_one():
    config = {"runs": {"a": {}, "b": {"method": "sb", "boundaries": {"run": "a"}}}}
    assert list(runs(load(config))) == ["a", "b"]


@pytest.mark.parametrize(
    ("own", "message"),
    [
        (
            {"boundaries": {"run": "c"}},
            "run b: boundaries.run: 'c' is no other run that reaches refine; there are: a",
        ),
        ({"boundaries": {"folder": "nowhere"}}, "run b: boundaries.folder: no such folder"),
        ({"boundaries": {"run": "a", "folder": "x"}}, "run b: boundaries: run and folder exclude"),
        ({"boundaries": {"first": {"method": "sb"}}}, "boundaries.first.method: sb needs bound"),
        ({"boundaries": {"first": {"sed": 1}}}, "runs.b.boundaries.first.sed: no such key"),
        ({"method": "psa+magic"}, "runs.b.method: unknown method 'magic'"),
        ({"method": "eader+psa"}, "runs.b.method: psa cannot be added to eader; what can: eader"),
        ({"cam": {"checkpoint": "no.pth"}}, "runs.b.cam.checkpoint: no such file: no.pth"),
        (
            {
                "method": "eader",
                "cam": {"eader": {"adversary": {"name": "resnet18", "weights": None}}},
            },
            "runs.b.cam.eader.adversary.weights: resnet18 needs pretrained",
        ),
    ],
)
def test_boundaries_checkpoints_and_combinations_are_checked(own, message):
    config = load({"runs": {"a": {}, "b": {"method": "sb", **own}}})
    with pytest.raises(UserError) as error:
        runs(config)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (
            {"method": "aeft", "cam": {"train": {"epochs": 12}}},
            "cam.aeft.start: must be less than cam.train.epochs, 12 (got 14)",
        ),
        ({"method": "aeft", "cam": {"aeft": {"classified": 40}}}, "cam.aeft.classified: cannot"),
        (
            {"method": "aeft", "cam": {"aeft": {"batch_size": 4, "classified": 2}}},
            "cam.aeft.batch_size: the repulsion acts on 5 images or more",
        ),
        (
            {"method": "eader", "cam": {"train": {"early_stopping": {}}}},
            "cam.eader.adversary_steps: cam.train.early_stopping ends a training after 150 steps",
        ),
        (
            {"method": "sb", "cam": {"train": {"sampling": "area"}}},
            "cam.train.sampling: area does not go with boundary maps",
        ),
    ],
)
def test_options_that_undo_a_method_are_refused(raw, message):
    with pytest.raises(UserError) as error:
        runs(load(raw))
    assert f"config: {message}" in str(error.value)


def test_a_checkpoint_needs_neither_boundaries_nor_further_backbones(tmp_path):
    (tmp_path / "net.pth").touch()
    given = {"cam": {"checkpoint": str(tmp_path / "net.pth")}}
    assert list(runs(load({"method": "sb", **given}))) == ["sb"]
    assert runs(load({"method": "eader", **given}))["eader"].further_backbones() == {}


def test_an_adversary_is_like_the_runs_backbone_by_default():
    (run,) = runs(load({"method": "psa+eader"})).values()
    assert run.further_backbones() == {"eader.adversary": run.backbone}


def test_runs_cannot_wait_for_each_others_boundaries():
    one, other = ({"method": "sb", "boundaries": {"run": name}} for name in "ba")
    with pytest.raises(UserError, match="wait for each other"):
        runs(load({"runs": {"a": one, "b": other}}))


def test_options_of_another_method_are_refused_in_a_run():
    with pytest.raises(UserError, match=r"runs\.a\.cam\.seam: does nothing for method psa"):
        runs(load({"runs": {"a": {"cam": {"seam": {"scale": 0.9}}}}}))


def test_weights_that_nothing_starts_from_may_be_missing(tmp_path):
    (tmp_path / "net.pth").touch()
    given = {"backbone": {"name": "resnet38d"}, "cam": {"checkpoint": str(tmp_path / "net.pth")}}
    assert runs(load({"until": "refine", **given}))
    with pytest.raises(UserError, match="weights: resnet38d needs pretrained"):
        runs(load({"affinity": {"train": {"init": "backbone"}}, **given}))


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({}, "refine: none gives AffinityNet no labels; set affinity.source: features"),
        (
            {"affinity": {"source": "features"}, "walk": {"maps": "refined"}},
            "walk.maps: there are no refined maps with refine: none; use cam",
        ),
        (
            {"affinity": {"source": "features"}, "segment": {"train": {"pixels": "confident"}}},
            "segment.train.pixels: no refined maps with refine: none; use all",
        ),
    ],
)
def test_a_run_without_refined_maps_needs_none(given, line):
    with pytest.raises(UserError, match=line):
        runs(load({"refine": "none", **given}))
    assert runs(load({"refine": "none", "until": "cam", **given}))


def test_the_exponents_are_those_of_the_refiner():
    alphas = {"crf": {"alphas": [4, 24]}, "par": {"alphas": [1, 3]}}
    found = {name: load({"refine": name, **alphas}).alphas() for name in ("crf", "par", "par+crf")}
    assert found == {"crf": [4, 24], "par": [1, 3], "par+crf": [4, 24]}


def test_boundaries_need_refined_maps():
    line = "psa, boundaries.first.refine: none makes no maps to compute boundaries from"
    features = {"affinity": {"source": "features"}, "refine": "none"}
    with pytest.raises(UserError, match=line.replace("psa", "sb")):
        runs(load({"method": "sb", **features}))
    kept = {"boundaries": {"first": {"method": "psa", "refine": "par"}}}
    assert runs(load({"method": "sb", **features, **kept}))
