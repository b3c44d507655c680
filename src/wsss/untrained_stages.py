"""Stages in the place of trainings, for rows of the table of the chain (`wsss.pipeline`)."""

from wsss.dataset_stages import INDEX, TRAIN_INDEX
from wsss.products import Input, Stage, UserFile

_OPTIONS = ("method", "cam.{untrained}")

FURTHER = Input("further", "weights", backbones=lambda run: run.further_backbones())
"""Weights of the networks that the options of a method name."""

EMBED_TEXT = Stage(
    "embed_text",
    _OPTIONS,
    (TRAIN_INDEX,),
    given=lambda case: [
        UserFile(path) for texts in case.run.texts() for path in texts.text_tower.files().values()
    ],
    when=lambda case: any(not texts.text for texts in case.run.texts()),
)
PREPARE_CAM = Stage(
    "prepare_cam",
    _OPTIONS,
    (TRAIN_INDEX, FURTHER, Input("text", "text")),
    given=lambda case: [UserFile(texts.text, "--text") for texts in case.run.texts() if texts.text],
    when=lambda case: not case.run.trains_classifier(),
    imports_method=True,
)
LABEL_REFINED = Stage(
    "label_refined",
    inputs=(INDEX, Input("refined", "refined")),
    when=lambda case: case.run.affinity.source == "none",
    scattered=True,
)
