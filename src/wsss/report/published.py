"""mIoU on PASCAL VOC 2012 that the authors published for the recipes of `configs/voc12`."""

from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple

from wsss.pipeline import STEPS, product
from wsss.products import TRAIN, VAL
from wsss.report.verdicts import SummaryRow

Images = Literal["train", "val", "test", "not stated"]
"""VOC's own list; test (1456 images) is scored by the VOC server."""

_LISTED: dict[str, int] = {TRAIN: 1464, VAL: 1449}
"""Images of VOC's own lists that have masks."""

_MOST = 6
"""Settings that differ which are named; the others are counted."""


class Published(NamedTuple):
    """A published mIoU, of VOC's own masks unless the note says otherwise.

    Attributes:
        preset: name of the recipe in `configs/voc12`.
        stage: row of summary.tsv, or a product, whatever its variant.
        images: list that it was measured on.
        miou: per cent.
        source: where it is published.
        note: conditions that differ from the usual ones; empty = none.
    """

    preset: str
    stage: str
    images: Images
    miou: float
    source: str
    note: str = ""


class Recipe(NamedTuple):
    """The recipe that a run is compared with.

    Attributes:
        name: preset in `configs/voc12`.
        differs: settings of the run that are not those of the recipe, in words, by the step of
            the chain that they belong to.
    """

    name: str
    differs: Mapping[str, tuple[str, ...]]


def published(preset: str) -> tuple[Published, ...]:
    """Return what is published for a recipe, in the order of the chain; () if it is ours."""
    return tuple(row for row in PUBLISHED if row.preset == preset)


def columns(row: SummaryRow, recipe: Recipe | None) -> dict[str, str]:
    """Return the columns of summary.tsv on what is published for a row; {} if nothing is.

    Args:
        row: the row.
        recipe: the recipe of its run; None = it follows none.
    """
    found = published(recipe.name) if recipe else ()
    same = (one for one in found if _is_of(one, row))
    one = next(same, None)
    if one is None or recipe is None:
        return {}
    return {
        "recipe": recipe.name,
        "published": f"{one.miou / 100:.6f}",
        "published_source": ", ".join(filter(None, [one.source, one.note])),
        "published_differs": "; ".join(_conditions(row, recipe)),
    }


def _is_of(one: Published, row: SummaryRow) -> bool:
    return one.stage in (row["stage"], row["product"]) and one.images == row["split"]


def _conditions(row: SummaryRow, recipe: Recipe) -> Iterator[str]:
    """Yield what differs from the conditions of the published value, in words."""
    listed = _LISTED[row["split"]]
    if int(row["images"]) != listed:
        yield f"on {row['images']} images, not VOC's {listed}"
    last = STEPS.index(product(row["product"]).step)
    found = [text for step in STEPS[: last + 1] for text in recipe.differs.get(step, ())]
    yield from found[:_MOST]
    if len(found) > _MOST:
        yield f"{len(found) - _MOST} more settings"


_BEST = "at the best threshold"
_OF_README = "README of {}"
_PSA = _OF_README.format("jiwoon-ahn/psa")
_PSA_PAPER = "Ahn and Kwak, CVPR 2018"
_SEAM = _OF_README.format("YudeWang/SEAM")
_SEAM_PAPER = "Wang et al., CVPR 2020"
_SB = _OF_README.format("Carlisle-Liu/SBNet")
_EADER = "Stammes et al., arXiv 2011.04626"
_AEFT = "Yoon et al., ECCV 2022"
_IRN = "Ahn et al., CVPR 2019"
_CLIP_ES = "Lin et al., CVPR 2023"
_TOCO = "log of rulixiang/ToCo (Ru et al., CVPR 2023)"
_AT_02 = "at a constant background of 0.2"
_V3PLUS = "DeepLab v3+ on Xception-65"

PUBLISHED = (
    Published("psa", "seed fixed", TRAIN, 47.7, _PSA, _AT_02),
    Published("psa", "seed fixed", VAL, 47.2, _PSA, _AT_02),
    Published("psa", "walk", TRAIN, 61.0, _PSA),
    Published("psa", "walk", VAL, 60.2, _PSA),
    Published("psa", "segment", VAL, 61.7, _PSA_PAPER, "ademxapp's ResNet-38"),
    Published("psa", "segment", "test", 63.7, _PSA_PAPER, "ademxapp's ResNet-38"),
    Published("psa-vgg16", "seed fixed", TRAIN, 48.9, _PSA, _AT_02),
    Published("psa-vgg16", "seed fixed", VAL, 46.6, _PSA, _AT_02),
    Published("psa-vgg16", "walk", TRAIN, 59.6, _PSA),
    Published("psa-vgg16", "walk", VAL, 54.0, _PSA),
    Published("psa-vgg16", "segment", VAL, 58.4, _PSA_PAPER, "DeepLab on VGG-16"),
    Published("psa-vgg16", "segment", "test", 60.5, _PSA_PAPER, "DeepLab on VGG-16"),
    Published("seam", "seed oracle", TRAIN, 55.4, _SEAM, _BEST),
    Published("seam", "walk", TRAIN, 63.6, _SEAM),
    Published("seam", "segment", VAL, 64.5, _SEAM_PAPER, "DeepLab v1 on ResNet-38"),
    Published("seam", "segment", "test", 65.7, _SEAM_PAPER, "DeepLab v1 on ResNet-38"),
    Published("sb", "seed oracle", TRAIN, 57.3, _SB, _BEST),
    Published("sb", "seed oracle", VAL, 55.2, _SB, _BEST),
    Published("sb", "walk", TRAIN, 65.3, _SB),
    Published("sb", "walk", VAL, 63.0, _SB),
    Published("sb", "segment", VAL, 66.5, _SB, "DeepLab v2"),
    Published("sb", "segment", "test", 66.7, _SB, "DeepLab v2"),
    Published("eader", "seed fixed", VAL, 43.9, _EADER, "at 0.3, masks of SegmentationClassAug"),
    Published("psa+eader", "seed", "not stated", 48.6, _EADER),
    Published("psa+eader", "walk", "not stated", 60.1, _EADER),
    Published("psa+eader", "segment", VAL, 62.8, _EADER, _V3PLUS),
    Published("psa+eader", "segment", "test", 63.8, _EADER, _V3PLUS),
    Published("aeft", "seed oracle", TRAIN, 56.2, _OF_README.format("KAIST-vilab/AEFT"), _BEST),
    Published("aeft", "segment", VAL, 70.9, _AEFT),
    Published("aeft", "segment", "test", 71.7, _AEFT),
    Published("irn", "seed fixed", TRAIN, 48.3, _IRN, "at a constant background of 0.15"),
    Published("irn", "walk", TRAIN, 66.5, _IRN),
    Published("irn", "segment", VAL, 63.5, _IRN, "with CRF, several scales, mirrored"),
    Published("irn", "segment", "test", 64.8, _IRN, "with CRF, several scales, mirrored"),
    Published("clip_es", "seed fixed", TRAIN, 70.8, _CLIP_ES, "beside the background (1 - max)"),
    Published("clip_es", "refined maps low", TRAIN, 75.0, _CLIP_ES),
    Published("clip_es", "segment", VAL, 71.1, _CLIP_ES, "DeepLab v2 on ResNet-101 from ImageNet"),
    Published(
        "clip_es", "segment", "test", 71.4, _CLIP_ES, "DeepLab v2 on ResNet-101 from ImageNet"
    ),
    Published("vit", "seed fixed", VAL, 70.5, _TOCO, "with two further losses"),
)
"""Every published value, by preset."""
