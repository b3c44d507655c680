"""Parts of a run that do not go with a vision transformer, or need one."""

from collections.abc import Callable, Iterator

from wsss.config.backbones import is_vit
from wsss.config.model import METHODS, Run
from wsss.pipeline import STEPS


def problems(run: Run, place: Callable[[str], str]) -> Iterator[str]:
    """Yield the mistakes in the combination of a run's backbones with its parts.

    Args:
        run: the run.
        place: gives the path of a key of the run in the configuration.
    """
    name = run.backbone.name
    for method in run.options():
        kind = METHODS.params[method].backbones
        if kind == "vit" and not is_vit(name):
            yield (
                f"{place('backbone.name')}: method {method} reads the tokens of a vision "
                f"transformer, such as timm/deit_base_patch16_224 (got {name})"
            )
        if kind == "cnn" and is_vit(name):
            yield (
                f"{place('backbone.name')}: method {method} reads feature maps of stride 4; "
                f"those of {name} have the stride of its patches; use a convolutional one"
            )
    steps = STEPS[: STEPS.index(run.until) + 1]
    if "walk" in steps and run.affinity.source == "irn" and is_vit(name):
        yield (
            f"{place('affinity.source')}: irn reads feature maps of stride 4; those of {name} have "
            "the stride of its patches; use features or learned"
        )
    own = (run.segment.backbone or run.backbone).name
    if "segment" in steps and run.segment.segmenter == "deeplab_v3plus" and is_vit(own):
        yield (
            f"{place('segment.segmenter')}: deeplab_v3plus reads feature maps of stride 4; those "
            f"of {own} have the stride of its patches; use upernet or another one, or name a "
            "convolutional segment.backbone"
        )
