"""Stages of IRNet and of SAM, for rows of the table of the chain (`wsss.pipeline`)."""

from wsss.dataset_stages import INDEX, TRAIN_INDEX
from wsss.products import Input, Stage, UserFile, checkpoint, pretrained

CAMS = Input("cams", "cam")
AFFINITY_CLASSIFIER = Input(
    "classifier", "classifier", when=lambda case: case.run.learns_affinity_from("cam")
)
"""The classifier, if an affinity network starts from its backbone."""

LABEL_IRN = Stage(
    "label_irn",
    tuple(f"affinity.irn.{key}" for key in ("foreground", "background", "crf")),
    (TRAIN_INDEX, CAMS),
    when=lambda case: case.run.learns_boundaries_of_classes(),
    scattered=True,
)
TRAIN_IRN = Stage(
    "train_irn",
    (
        *("backbone.name", "backbone.output_stride", "seed"),
        *("affinity.irn.train", "affinity.irn.radius"),
    ),
    (
        TRAIN_INDEX,
        pretrained("walk", lambda run: run.backbone),
        AFFINITY_CLASSIFIER,
        Input("labels", "irn_labels", "train"),
    ),
    given=lambda case: checkpoint(case.run.affinity.irn.checkpoint),
    when=lambda case: case.run.affinity.source == "irn",
    watched=(),
)
WALK_IRN = Stage(
    "walk_irn",
    (
        *(f"walk.{key}" for key in ("beta", "logt", "precision", "crf")),
        *("affinity.radius", "affinity.irn.threshold"),
    ),
    (INDEX, Input("affinity", "affinity"), CAMS),
    scattered=True,
)
SAM_LABELS = Stage(
    "sam_labels",
    tuple(f"sam.{key}" for key in ("points", "quality", "precision")),
    (INDEX, CAMS, Input("labels", "walk")),
    given=lambda case: [
        UserFile(case.run.sam.model or "", "--model", ("config.json", "*.safetensors"))
    ],
    when=lambda case: case.run.sam.model is not None,
    hub=lambda case: {name: "sam.model" for name in case.run.sam.on_hub()},
    scattered=True,
)
