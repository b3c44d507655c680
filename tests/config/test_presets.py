"""The published recipes in `configs`, constant by constant against the fact sheets."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from wsss.config.merging import merge
from wsss.config.resolve import load, runs

ROOT = Path(__file__).parents[2]

CLASSIC = {
    "batch_size": 16, "lr": 0.01, "head_lr_factor": 10, "bias_lr_factor": 2, "decay_biases": False,
    "momentum": 0.0005, "weight_decay": 0.0005, "poly_power": 0.9, "crop": 448,
    "sampling": "long_side", "resize": (256, 512), "jitter": (0.3, 0.3, 0.3, 0.1),
    "jitter_probability": 1, "optimizer": "sgd", "min_steps": 0,
}  # fmt: skip
SIAMESE = {"epochs": 8, "batch_size": 8, "resize": (448, 768)}
EADER = {
    "epochs": 10, "head_lr_factor": 1, "bias_lr_factor": 1, "decay_biases": True, "momentum": 0.9,
    "weight_decay": 0.0001, "poly_power": 0, "sampling": "area", "area": (0.08, 1),
    "jitter": (0, 0, 0, 0),
}  # fmt: skip
AEFT = {
    "epochs": 40, "batch_size": 8, "head_lr_factor": 1, "crop": 320, "jitter": (0.4, 0.4, 0.4, 0.1),
    "jitter_probability": 0.8,
}  # fmt: skip
RECIPES = {
    "psa": ({"epochs": 15}, [4, 32], (16, 8, 8)),
    "psa-vgg16": ({"epochs": 15, "lr": 0.1}, [4, 32], (16, 8, 8)),
    "seam": (SIAMESE, [4, 24], (6, 8, 6)),
    "sb": (SIAMESE | {"epochs": 100}, [4, 24], (6, 8, 6)),
    "eader": (EADER, [4, 32], (16, 8, 8)),
    "psa+eader": ({"epochs": 30}, [4, 32], (16, 8, 8)),
    "seam+eader": (SIAMESE | {"epochs": 16}, [4, 24], (6, 8, 6)),
    "aeft": (AEFT, [2, 21], (19, 8, 6)),
}
"""What the fact sheets say: training of the classifier, CRF alphas, walk (alpha, beta, logt)."""

OPTIONS = {
    "psa": {"dropout": 0.5},
    "seam": {"dropout": 0.5, "scale": 0.3},
    "sb": {"dropout": 0.5, "scale": 0.3, "boundary": 0.01, "smoothness": 1},
    "eader": {
        "mode": "adversary", "attention": "gcam", "alpha": 0.05, "beta": 1e-5, "mask_omega": 100,
        "mask_sigma": 0.5, "localizer_steps": 200, "adversary_steps": 200,
        "adversary": {"name": "resnet18", "weights": "imagenet", "output_stride": None},
        "adversary_optimizer": "sgd", "adversary_lr": 0.01, "adversary_momentum": 0.9,
        "adversary_weight_decay": 1e-4,
    },
    "aeft": {
        "backbone_dropout": 0.2, "start": 18, "batch_size": 32, "classified": 8, "erase": 0.6,
        "residual": 0.2, "margin": 0.5, "attraction": 0.2, "repulsion": 0.15,
    },
}  # fmt: skip
"""The official options of the methods."""


def test_the_configurations_of_the_documentation_are_valid():
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    text = "".join(page.read_text(encoding="utf-8") for page in pages)
    blocks = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    for block in blocks:
        load(yaml.safe_load(block))
    assert len(blocks) > 3


def preset(name, tmp_path, *more):
    """The runs of a preset, with an empty file for every set of weights."""
    raw: dict[str, Any] = {}
    for file in (name, *more):
        raw = merge(raw, yaml.safe_load((ROOT / f"configs/{file}.yaml").read_text()))
    weights = tmp_path / "weights"
    weights.touch()
    for backbone in (raw["backbone"], raw["segment"]["backbone"]):
        if backbone and backbone["weights"] != "imagenet":
            backbone["weights"] = str(weights)
    return runs(load(raw))


def test_every_preset_has_its_recipe_here():
    assert {path.stem for path in (ROOT / "configs/voc12").glob("*.yaml")} == {
        *RECIPES,
        "clip_es",
        "eader-alpha",
        "irn",
        "vit",
    }


@pytest.mark.parametrize("name", RECIPES)
def test_a_preset_is_the_official_recipe(name, tmp_path):
    train, alphas, walk = RECIPES[name]
    run = preset(f"voc12/{name}", tmp_path)[name.partition("-")[0]]
    wanted = CLASSIC | train
    if wanted["sampling"] == "area":
        del wanted["resize"]
    assert {key: getattr(run.cam.train, key) for key in wanted} == wanted
    assert run.backbone.freeze == (name != "eader")
    assert run.crf.alphas == alphas
    assert (run.walk.alpha, run.walk.beta, run.walk.logt) == walk
    assert run.walk.crf.iterations == (name == "aeft")
    assert run.cam.infer.resampling == "pillow"
    assert {part.precision for part in (run.cam.infer, run.walk, run.segment.infer)} == {"32-true"}
    affinity = run.affinity.train
    assert (affinity.epochs, affinity.min_steps) == (8, 0)
    assert (affinity.batch_size, affinity.crop) == (8, 448)
    assert affinity.lr == (0.1 if name == "psa-vgg16" else 0.01)
    assert {part: options.model_dump() for part, options in run.options().items()} == {
        part: OPTIONS[part] for part in run.options()
    }


IRN_SGD = {
    "optimizer": "sgd", "lr": 0.1, "head_lr_factor": 10, "bias_lr_factor": 1, "decay_biases": True,
    "momentum": 0.0001, "weight_decay": 0.0001, "poly_power": 0.9, "crop": 512, "min_steps": 0,
    "jitter": (0, 0, 0, 0), "precision": "32-true",
}  # fmt: skip


def test_irn_is_the_official_recipe(tmp_path):
    run = preset("voc12/irn", tmp_path)["irn"]
    irn = run.affinity.irn
    ours = [(run.cam.train, {"resize": (320, 640)}), (irn.train, {"scale": (0.5, 1.5)})]
    for train, own in ours:
        assert {key: getattr(train, key) for key in IRN_SGD | own} == IRN_SGD | own
    lengths = [10582 // train.batch_size * train.epochs for train, _ in ours]
    assert lengths == [3305, 990]
    assert (run.refine, run.affinity.source, run.affinity.radius, irn.radius) == (
        "none",
        "irn",
        5,
        10,
    )
    assert (irn.foreground, irn.background, irn.threshold) == (0.3, 0.05, 0.25)
    assert (irn.crf.bilateral_sxy, irn.crf.bilateral_srgb, irn.crf.bilateral_weight) == (50, 5, 10)
    assert (run.walk.beta, run.walk.logt, run.walk.crf.iterations) == (10, 8, 0)
    assert (run.backbone.name, run.backbone.output_stride) == ("resnet50", 16)


def test_vit_is_the_official_recipe(tmp_path):
    run = preset("voc12/vit", tmp_path)["vit"]
    wanted = {
        "optimizer": "adamw", "steps": 20000, "batch_size": 4, "lr": 6e-5, "warmup": 1500,
        "head_lr_factor": 10, "bias_lr_factor": 1, "decay_biases": True, "weight_decay": 0.01,
        "poly_power": 0.9, "crop": 448, "resize": (250, 1000), "jitter": (0.4, 0.4, 0.2, 0.1),
        "jitter_probability": 0.8, "precision": "32-true",
    }  # fmt: skip
    assert {key: getattr(run.cam.train, key) for key in wanted} == wanted
    assert (run.cam.infer.scales, run.cam.infer.flip) == ([1.0, 0.5, 1.5], True)
    options = {"block": -3, "contrast": 0.2, "low": 0.25, "high": 0.7}
    assert run.cam.vit.model_dump() == options | {"maps": "final", "attention": 0}
    assert run.backbone.name == "timm/deit_base_patch16_224.fb_in1k"


def test_the_recipe_for_a_frozen_transformer_trains_heads_alone():
    raw = yaml.safe_load((ROOT / "configs/photos-vit.yaml").read_text(encoding="utf-8"))
    (run,) = runs(load(raw | {"dataset": {"source": "csv", "root": "."}})).values()
    assert run.backbone.freeze == run.segment.train.freeze == "all"
    assert run.affinity.source == "features"
    patch = 14
    assert run.cam.train.crop % patch == run.segment.train.crop % patch == 0


def test_clip_es_is_the_official_recipe(tmp_path):
    run = preset("voc12/clip_es", tmp_path)["clip_es"]
    params = run.cam.clip_es
    assert (params.template, len(params.background)) == ("a clean origami {}.", 25)
    assert (run.views(), run.cam.infer.resampling) == (([1.0], False), "pillow")
    kernel = tuple(run.crf.model_dump(exclude={"engine", "alphas"}).values())
    assert (kernel, run.crf.alphas) == ((10, 1, 3, 67, 3, 4), [1, 2])
    assert (run.affinity.source, run.segment.train.pixels, run.segment.train.sure) == (
        *("none", "sure"),
        0.95,
    )


def test_the_schedules_have_the_official_lengths(tmp_path):
    steps = {"psa": 9915, "seam": 10576, "sb": 132200, "aeft": 52880}
    for name, total in steps.items():
        train = preset(f"voc12/{name}", tmp_path)[name].cam.train
        assert 10582 // train.batch_size * train.epochs == total
    aeft = preset("voc12/aeft", tmp_path)["aeft"].cam
    first, second = 10582 // 8 * aeft.aeft.start, 10582 // 32 * (40 - aeft.aeft.start)
    assert (first, first + second) == (23796, 31056)


def test_the_ablation_has_four_alphas_and_three_seeds(tmp_path):
    repeats = preset("voc12/eader", tmp_path, "voc12/eader-alpha")
    found = {(run.cam.eader.alpha, run.seed) for run in repeats.values()}
    assert found == {(a, s) for a in (0, 0.01, 0.05, 0.1) for s in (0, 1, 2)}
    assert {run.until for run in repeats.values()} == {"cam"}
    assert {run.evaluate.threshold for run in repeats.values()} == {0.3}


SGD = {"optimizer": "sgd", "head_lr_factor": 10, "momentum": 0.9, "weight_decay": 0.0005,
       "poly_power": 0.9}  # fmt: skip
V1 = {
    "steps": 20000, "batch_size": 10, "accumulate": 1, "lr": 0.001, "lr_every": 1,
    "bias_lr_factor": 2, "decay_biases": False, "crop": 448, "augmentation": "deeplab_v1",
    "scale": (0.5, 1.5), "freeze": "affine", "loss": "mean",
}  # fmt: skip
V2 = {
    "steps": 20000, "batch_size": 10, "accumulate": 2, "lr": 0.00025, "lr_every": 10,
    "bias_lr_factor": 2, "decay_biases": False, "crop": 321, "augmentation": "deeplab_v2",
    "scale": (0.5, 1.5), "freeze": "norms", "loss": "mean",
}  # fmt: skip
V3PLUS = {
    "steps": None, "epochs": 50, "min_steps": 0, "batch_size": 16, "accumulate": 1, "lr": 0.007,
    "bias_lr_factor": 1, "decay_biases": True, "crop": 513, "augmentation": "deeplab_v3plus",
    "scale": (0.5, 2.0), "freeze": "nothing", "loss": "per_image",
}  # fmt: skip
SEGMENTERS = {
    "deeplab_v1": (V1, [0.5, 0.75, 1.0, 1.25, 1.5, 1.75], True, (1, 3, 3, 32, 13, 10)),
    "deeplab_v2": (V2, [1.0], False, (10, 1, 3, 67, 3, 4)),
    "deeplab_v3plus": (V3PLUS, [1.0], False, None),
    "xception65": (V3PLUS, [1.0], False, None),
}
"""Training, scales and mirroring of the test, CRF (docs/methods/retrain.md)."""


def test_every_segmenter_has_its_recipe_here():
    assert {path.stem for path in (ROOT / "configs/segment").glob("*.yaml")} == set(SEGMENTERS)


@pytest.mark.parametrize("name", SEGMENTERS)
def test_a_segmenter_is_trained_and_tested_as_published(name, tmp_path):
    train, scales, flip, crf = SEGMENTERS[name]
    segment = preset("voc12/seam", tmp_path, f"segment/{name}")["seam"].segment
    wanted = SGD | train
    assert {key: getattr(segment.train, key) for key in wanted} == wanted
    assert (segment.infer.scales, segment.infer.flip) == (scales, flip)
    kernel = tuple(segment.infer.crf.model_dump(exclude={"engine"}).values())
    assert kernel == crf or (crf is None and segment.infer.crf.iterations == 0)
    assert segment.infer.crf_image == ("wrapped" if name == "deeplab_v2" else "photo")
    assert segment.infer.resampling == ("opencv" if name == "deeplab_v1" else "pillow")
    assert segment.infer.precision == "32-true"


OF_METHODS = {
    "psa": ("deeplab_v1", "resnet38d"),
    "psa-vgg16": ("deeplab_v1", "vgg16_largefov"),
    "seam": ("deeplab_v1", "resnet38d"),
    "sb": ("deeplab_v2", "resnet101_caffe"),
    "eader": ("deeplab_v3plus", "resnet101"),
    "aeft": ("deeplab_v1", "resnet38d"),
    "psa+eader": ("xception65", "timm/xception65.tf_in1k"),
    "seam+eader": ("deeplab_v1", "resnet38d"),
    "irn": ("deeplab_v2", "resnet50"),
    "vit": ("deeplab_v2", "resnet101"),
    "clip_es": ("deeplab_v2", "resnet101"),
}
"""The recipes and backbones of the segmenters in the methods' own presets."""

CHANGED = {
    "psa-vgg16": {"backbone": True, "deeplab_v1": True},
    "irn": {"backbone": True},
    "vit": {"backbone": True},
    "clip_es": {"backbone": True, "train": {"pixels"}},
}
"""What differs from the recipe of a segmenter: Caffe's head on VGG-16 has 1024 channels."""


def last(runs):
    """The run of the method itself, behind the one that supplies boundaries."""
    return [run for key, run in runs.items() if "first" not in key][-1]


@pytest.mark.parametrize("name", OF_METHODS)
def test_methods_have_the_recipe_of_their_segmenter(name, tmp_path):
    recipe, backbone = OF_METHODS[name]
    run, behind = (
        last(preset(f"voc12/{name}", tmp_path, *more)) for more in ((), [f"segment/{recipe}"])
    )
    assert (run.segment.backbone or run.backbone).name == backbone
    changed = CHANGED.get(name, {})
    own, published = (r.segment.model_dump(exclude=changed) for r in (run, behind))
    assert own == published


def test_the_head_on_vgg16_has_the_channels_of_caffe(tmp_path):
    assert preset("voc12/psa-vgg16", tmp_path)["psa"].segment.deeplab_v1.width == 1024


BACKGROUNDS = {
    "psa": 0.2,
    "psa-vgg16": 0.2,
    "psa+eader": 0.2,
    "eader": 0.3,
    "irn": 0.15,
    "vit": 0.5,
    "clip_es": 0.5,
}


@pytest.mark.parametrize("name", OF_METHODS)
def test_maps_are_evaluated_at_the_official_background(name, tmp_path):
    threshold = BACKGROUNDS.get(name)
    assert last(preset(f"voc12/{name}", tmp_path)).evaluate.threshold == threshold


@pytest.mark.parametrize("name", OF_METHODS)
def test_only_aeft_ends_its_affinities_in_evaluation_mode(name, tmp_path):
    train = last(preset(f"voc12/{name}", tmp_path)).affinity.train
    assert train.eval_from == (1600 if name == "aeft" else None)


@pytest.mark.parametrize("name", OF_METHODS)
def test_only_eader_reads_labels_off_masks(name):
    raw = yaml.safe_load((ROOT / f"configs/voc12/{name}.yaml").read_text(encoding="utf-8"))
    dataset = load(raw).dataset
    assert (dataset.labels_from == "masks") == (name == "eader") == bool(dataset.augment)


@pytest.mark.parametrize("name", OF_METHODS)
def test_a_preset_says_where_its_segmenter_comes_from(name):
    text = (ROOT / f"configs/voc12/{name}.yaml").read_text(encoding="utf-8")
    assert re.search(r"^# The (segmenter|network) .*\n(#.*\n)*segment:\n", text, re.MULTILINE)


@pytest.mark.parametrize(
    "path", sorted((ROOT / "configs/experiments").glob("*.yaml")), ids=lambda path: path.stem
)
def test_experiments_go_behind_the_recipe_for_photographs(path):
    recipe, own = (yaml.safe_load(p.read_text()) for p in (ROOT / "configs/photos.yaml", path))
    assert len(runs(load(merge(recipe, own)))) >= 3
