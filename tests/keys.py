"""Every key of the configuration: another value of it, and the stages that read it."""

from pathlib import Path
from typing import Any, NamedTuple

from wsss.config.merging import merge

HERE = str(Path(__file__))
TRAININGS = {"train_cam", "train_affinity", "train_irn", "train_segmenter"}
NETWORKS = TRAININGS | {"random_walk"}
FETCHING = {"fetch_data", "convert_masks", "make_tiles", "prepare_data", "prepare_masks"}
READING = FETCHING - {"fetch_data"}
SORTING = READING - {"convert_masks"}
WALKING = {"random_walk", "walk_irn"}
PREDICTING = {"infer_segmenter", "pack_segmenter", "relabel", "segment_whole"}
PUBLISHED = {"aeft", "clip_es", "eader", "irn", "psa", "sb", "seam", "vit"}
"""The methods of this project; you may have some of your own beside them."""
ELSEWHERE: set[str] = set()
"""What no stage is told: names, files (their content counts), runs, the number of jobs."""


class Key(NamedTuple):
    """A dotted key, another value than its default, and the stages that see it.

    Attributes:
        given: Keys with the values without which nothing reads this one.
    """

    name: str
    value: Any
    stages: set[str]
    given: dict[str, Any] = {}  # noqa: RUF012 never changed


def nested(keys: dict[str, Any]) -> dict[str, Any]:
    """Return the configuration that dotted keys stand for."""
    config: dict[str, Any] = {}
    for name, value in keys.items():
        for part in reversed(name.split(".")):
            value = {part: value}
        config = merge(config, value)
    return config


def _section(prefix: str, stages: set[str], given: dict[str, Any] | None = None, /, **values):
    return [Key(f"{prefix}.{name}", value, stages, given or {}) for name, value in values.items()]


_PLAIN = {"resampling": "pillow", "precision": "32-true"}
_TRAIN = {
    "epochs": 3,
    "min_steps": 3,
    "steps": 3,
    "batch_size": 4,
    "accumulate": 2,
    "optimizer": "sgd",
    "lr": 0.5,
    "head_lr_factor": 1,
    "bias_lr_factor": 1,
    "decay_biases": True,
    "weight_decay": 0.1,
    "poly_power": 0.5,
    "lr_every": 2,
    "warmup": 2,
    "crop": 56,
    "jitter": [0, 0, 0, 0],
    "precision": "bf16-mixed",
}
_KERNELS = {
    "gaussian_sxy": 2,
    "gaussian_weight": 1,
    "bilateral_sxy": 9,
    "bilateral_srgb": 9,
    "bilateral_weight": 9,
    "engine": "cpu",
}
_RESNET = {"backbone.name": "resnet50", "backbone.weights": "imagenet"}
_OTHER = {"name": "resnet18", "weights": "imagenet"}
_AEFT = {"method": "aeft", "cam.train.epochs": 20}
_EADER = {"method": "eader"}
_SB = {"method": "sb", "boundaries.folder": str(Path(__file__).parent)}
_VIT = {
    "method": "vit",
    "backbone.name": "timm/test_vit",
    "backbone.weights": HERE,
    "segment.segmenter": "deeplab_v1",
}
_CLIP = {"method": "clip_es"}
_TEXTED = {"train_cam", "embed_text", "prepare_cam"}
_FEATURES = {"affinity.source": "features"}
_IRN = {"affinity.source": "irn"}
_IRN_SGD = {"affinity.irn.train.optimizer": "sgd"}
_SAM = {"sam.model": "facebook/sam-vit-base"}
_UNLIKE_IRN = {"epochs": 4, "head_lr_factor": 2}
_SMP = {"segment.segmenter": "smp/FPN"}
_HF = {"segment.segmenter": "hf/upernet", "segment.hf.weights": "openmmlab/upernet-swin-base"}
_VOC = {"dataset.source": "voc", "dataset.root": "."}
_COCO = {"dataset.source": "coco", "dataset.root": "."}

PHOTOS = {"dataset.source": "csv", "dataset.root": "."}
"""Beside all keys but those of the data set: what the recipe for photographs needs."""

KEYS = [
    Key("method", "seam", {"train_cam", "embed_text", "prepare_cam"}),
    Key("seed", 1, TRAININGS),
    Key("seeds", [1], TRAININGS),
    Key("until", "refine", ELSEWHERE),
    Key("upper_bound", True, ELSEWHERE),
    Key("runs", {"other": {}}, ELSEWHERE),
    Key("results", "elsewhere", ELSEWHERE),
    Key("jobs", 3, ELSEWHERE),
    *_section("monitor", ELSEWHERE, validations=3, images=10, loggers=["mlflow"]),
    Key("plan", {"budget": "good", "data": "", "values": {}}, ELSEWHERE),
    Key("backbone.name", "mobilenet_v2", NETWORKS, _RESNET),
    Key("backbone.output_stride", 16, NETWORKS, _RESNET),
    Key("backbone.weights", HERE, ELSEWHERE, _RESNET),
    Key("backbone.freeze", False, {"train_cam"}),
    *_section("cam.train", {"train_cam"}, **_TRAIN, resize=[48, 70], jitter_probability=0.5),
    *_section("cam.train", {"train_cam"}, sampling="area", early_stopping={"patience": 5}),
    *_section("cam.train", {"train_cam"}, {"cam.train.sampling": "area"}, area=[0.5, 1]),
    *_section(
        "cam.infer", {"infer_cam", "pack_classifier"}, scales=[2], flip=False, resampling="pillow"
    ),
    Key("cam.infer.precision", "32-true", {"infer_cam", "evaluate_classifier", "pack_classifier"}),
    Key("cam.checkpoint", HERE, ELSEWHERE),
    *_section("cam.psa", {"train_cam"}, dropout=0.1),
    *_section("cam.seam", {"train_cam"}, {"method": "seam"}, dropout=0.1, scale=0.5),
    *_section("cam.sb", {"train_cam"}, _SB, dropout=0.1, scale=0.5, boundary=1, smoothness=2),
    *_section("cam.aeft", {"train_cam"}, _AEFT, backbone_dropout=0.1, start=1, batch_size=24),
    *_section("cam.aeft", {"train_cam"}, _AEFT, classified=4, erase=0.5, residual=0.1, margin=1),
    *_section("cam.aeft", {"train_cam"}, _AEFT, attraction=1, repulsion=1),
    *_section("cam.eader", {"train_cam"}, _EADER, mode="shared", attention="cam", alpha=1, beta=1),
    *_section("cam.eader", {"train_cam"}, _EADER, mask_omega=9, mask_sigma=0.2),
    *_section("cam.eader", {"train_cam"}, _EADER, localizer_steps=1, adversary_steps=1),
    *_section("cam.eader", {"train_cam"}, _EADER, adversary=_OTHER),
    *_section("cam.eader", {"train_cam"}, _EADER, adversary_optimizer="adamw", adversary_lr=1),
    *_section("cam.eader", {"train_cam"}, _EADER, adversary_momentum=0, adversary_weight_decay=0),
    *_section("cam.vit", {"train_cam"}, _VIT, block=-2, contrast=1, low=0.1, high=0.9),
    *_section("cam.vit", {"train_cam"}, _VIT, maps="auxiliary", attention=2),
    *_section("cam.clip_es", _TEXTED, _CLIP, text=HERE, template="{}", prompts={"cat": "tiger"}),
    *_section("cam.clip_es", _TEXTED, _CLIP, background=["sand"]),
    *_section("cam.clip_es.tower", _TEXTED, _CLIP, name="timm/vit_base_patch32_clip_224.openai"),
    *_section("cam.clip_es.tower", _TEXTED, _CLIP, weights=HERE, output_stride=16),
    *_section("cam.clip_es.text_tower", _TEXTED, _CLIP, name="ViT-B-32", weights=HERE),
    *_section("boundaries", ELSEWHERE, first={"method": "seam"}, run="other", folder="."),
    *_section("crf", {"refine_maps"}, iterations=5, **_KERNELS),
    *_section("crf", {"refine_maps", "train_affinity"}, alphas=[3, 32]),
    Key("refine", "par+crf", {"refine_maps", "train_affinity"}),
    *_section("par", {"refine_maps"}, {"refine": "par"}, iterations=5),
    *_section("par", {"refine_maps", "train_affinity"}, {"refine": "par"}, alphas=[2, 3]),
    *_section("affinity", {"random_walk"}, source="features"),
    *_section("affinity.features", {"random_walk"}, _FEATURES, of="backbone", taps=["conv5"]),
    *_section("walk", {"random_walk"}, maps="refined"),
    *_section("affinity.train", {"train_affinity"}, **_TRAIN, init="cam", eval_from=9),
    *_section("affinity", {"train_affinity", *WALKING}, radius=4),
    *_section("affinity.irn", {"label_irn"}, _IRN, foreground=0.4, background=0.1),
    *_section("affinity.irn.crf", {"label_irn"}, _IRN, iterations=5, **_KERNELS),
    *_section("affinity.irn.train", {"train_irn"}, _IRN, scale=[1, 2], init="cam"),
    *_section("affinity.irn.train", {"train_irn"}, _IRN, **_TRAIN | _UNLIKE_IRN),
    *_section("affinity.irn", {"train_irn"}, _IRN, radius=9),
    *_section("affinity.irn", {"walk_irn"}, _IRN, threshold=0.3),
    *_section("affinity.irn", ELSEWHERE, _IRN, checkpoint=HERE),
    Key("affinity.irn.train.momentum", 0.5, {"train_irn"}, _IRN | _IRN_SGD),
    *(
        Key(f"{part}.train.momentum", 0.5, {f"train_{stage}"}, {f"{part}.train.optimizer": "sgd"})
        for part, stage in (("cam", "cam"), ("affinity", "affinity"), ("segment", "segmenter"))
    ),
    *_section("walk", {"random_walk"}, alpha=1),
    *_section("walk", WALKING, beta=1, logt=1, precision="32-true"),
    *_section("walk.crf", WALKING, iterations=5),
    *_section("walk.crf", WALKING, **_KERNELS),
    Key("sam.model", "facebook/sam-vit-base", ELSEWHERE),
    *_section("sam", {"sam_labels"}, _SAM, points=2, quality=0.9, precision="32-true"),
    *_section("segment", {"train_segmenter"}, segmenter="deeplab_v2"),
    *_section("segment", {"train_segmenter"}, {"segment.train.init": "backbone"}, backbone=_OTHER),
    *_section("segment", ELSEWHERE, checkpoint=HERE, rounds=2, corrected="."),
    *_section("segment.train", {"train_segmenter"}, **_TRAIN),
    *_section("segment.train", {"train_segmenter"}, augmentation="deeplab_v1", scale=[1, 2]),
    *_section("segment.train", {"train_segmenter"}, pixels="confident", early_stopping={}),
    *_section("segment.train", {"train_segmenter"}, masks=True),
    *_section("segment.train", {"train_segmenter"}, {"segment.train.pixels": "sure"}, sure=0.5),
    *_section(
        "segment.train", {"train_segmenter"}, freeze="norms", loss="balanced", init="backbone"
    ),
    *_section("segment.infer", PREDICTING, scales=[2], flip=False, **_PLAIN),
    *_section("segment.infer.crf", PREDICTING, iterations=5),
    *_section("segment.infer.crf", PREDICTING, **_KERNELS),
    *_section("segment.infer", PREDICTING, crf_image="wrapped"),
    *(
        key
        for head, values in {
            "deeplab_v1": {"width": 8, "dilation": 2},
            "deeplab_v2": {"rates": [6], "scales": [0.5]},
            "deeplab_v3": {"width": 8, "separable": True, "rates": [1, 2, 3]},
            "deeplab_v3plus": {"width": 8, "separable": False, "rates": [1, 2, 3]},
            "upernet": {"width": 8, "separable": False},
        }.items()
        for key in _section(
            f"segment.{head}", {"train_segmenter"}, {"segment.segmenter": head}, **values
        )
    ),
    *_section("segment.smp", {"train_segmenter"}, _SMP, decoder={"decoder_channels": 64}),
    *_section("segment.hf", {"train_segmenter"}, _HF, weights="openmmlab/upernet-swin-tiny"),
    Key("accept_license", "cc-by-nc-4.0", ELSEWHERE),
    *_section("evaluate", {"evaluate"}, thresholds=[0.1, 0.2], threshold=0.3, min_area=0.02),
    Key("dataset.name", "other", ELSEWHERE),
    Key("dataset.source", "csv", FETCHING, _VOC),
    *_section("dataset", FETCHING, _VOC, root="..", splits={"train": "a", "val": "b"}),
    *_section("dataset", FETCHING, _VOC, augment="sbd.tgz"),
    *_section("dataset", READING, _VOC, labels="other.csv", classes=["cat"], masks="tasks.json"),
    *_section("dataset", SORTING, _VOC, labels_from="masks", tiles={"size": 64, "overlap": 8}),
    *_section("dataset", SORTING, _VOC, white=4095),
    *_section("dataset", ELSEWHERE, _VOC | {"dataset.augment": "sbd"}, augment_masks=True),
    *_section("dataset.coco", READING, _COCO, annotations={"val": "a"}, images={"val": "b"}),
    Key("dataset.coco.crowds", "objects", READING, _COCO),
    *_section("dataset.demo", {"make_demo"}, images=9, val_images=9, size=64, seed=1),
]

INERT = [
    *_section("walk.crf", ELSEWHERE, {"walk.crf.iterations": 0}, **_KERNELS),
    *_section("segment.infer.crf", ELSEWHERE, {"segment.infer.crf.iterations": 0}, **_KERNELS),
    *_section("segment.infer", ELSEWHERE, {"segment.infer.crf.iterations": 0}, crf_image="wrapped"),
    *(
        Key(key.name, key.value, ELSEWHERE)
        for key in KEYS
        if key.given.keys() & {"method", "segment.segmenter"} and "v3plus" not in key.name
    ),
    *(Key(f"{part}.train.momentum", 0.5, ELSEWHERE) for part in ("cam", "affinity", "segment")),
    *_section("par", ELSEWHERE, iterations=5, alphas=[2, 3]),
    Key("par.alphas", [2, 3], ELSEWHERE, {"refine": "par+crf"}),
    *_section("crf", ELSEWHERE, {"refine": "par"}, iterations=5, alphas=[3, 32]),
    *_section("affinity.features", ELSEWHERE, of="backbone", taps=["conv5"]),
    Key("affinity.train.lr", 0.5, ELSEWHERE, _FEATURES),
    Key("affinity.train.lr", 0.5, ELSEWHERE, _IRN),
    Key("affinity.irn.radius", 9, ELSEWHERE),
    Key("affinity.irn.foreground", 0.4, ELSEWHERE, _IRN | {"affinity.irn.checkpoint": HERE}),
    Key("walk.alpha", 1, ELSEWHERE, {"walk.maps": "refined"}),
    *_section("sam", ELSEWHERE, points=2, quality=0.9, precision="32-true"),
    *_section("segment.train", ELSEWHERE, {"segment.train.steps": 5}, epochs=3, min_steps=3),
    Key("segment.train.jitter", [0] * 4, ELSEWHERE, {"segment.train.augmentation": "deeplab_v2"}),
    Key("cam.train.resize", [48, 70], ELSEWHERE, {"cam.train.sampling": "area"}),
    Key("cam.train.lr", 0.5, ELSEWHERE, {"cam.checkpoint": HERE}),
    Key("segment.train.lr", 0.5, ELSEWHERE, {"segment.checkpoint": HERE}),
]
"""Keys that have no effect beside the value of another one."""
