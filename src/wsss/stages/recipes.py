"""The published recipe of each run, and the settings in which the run differs from it."""

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import PurePath

from wsss.config.dataset import Dataset
from wsss.config.files import mapping
from wsss.config.model import Config, Run
from wsss.config.resolve import load, runs
from wsss.config.slices import effective, slice_of
from wsss.data.taxonomy import VOC_CLASSES
from wsss.pipeline import PRODUCTS, STEPS
from wsss.products import Case
from wsss.report.published import PUBLISHED, Recipe
from wsss.workflow import configuration

_DATA = ("splits", "labels_from", "augment_masks", "tiles")
"""Keys of the data set that published values depend on."""

_FREE = ("seed",)
"""Keys that no published value depends on."""

_FILES = "files of "

Settings = Mapping[str, Mapping[str, object]]
"""Values by dotted key, by the step of the chain that they belong to."""


def recipes(config: Config, class_names: Sequence[str]) -> dict[str, Recipe]:
    """Return the recipe of every run that has the method and backbone of one, by run.

    Only data in VOC's layout with VOC's classes are compared with published values. What else
    differs from the recipe is named.

    Args:
        config: the whole configuration.
        class_names: foreground classes of the data set.
    """
    if config.dataset.source != "voc" or tuple(class_names) != VOC_CLASSES:
        return {}
    known = _known()
    return {
        name: Recipe(preset, _differences(_settings(config.dataset, run), settings))
        for name, run in runs(config).items()
        for preset, settings in [known.get((run.method, run.backbone.name), ("", {}))]
        if preset
    }


@cache
def _known() -> dict[tuple[str, str], tuple[str, Settings]]:
    """Return the name and the settings of every published recipe by its method and backbone."""
    found = {}
    for name in dict.fromkeys(row.preset for row in PUBLISHED):
        run = load(mapping(configuration(f"voc12/{name}")))
        found[run.method, run.backbone.name] = name, _settings(run.dataset, run)
    return found


def _settings(dataset: Dataset, run: Run) -> Settings:
    """Return the settings of every step of a run: slices, files and names of its stages."""
    whole, case = effective(run), Case(dataset, run)
    found: dict[str, dict[str, object]] = {step: {} for step in STEPS}
    for product in filter(lambda product: product.step, PRODUCTS):
        here, maker = found[product.step], product.maker(case)
        here[f"stage of {product.name}"] = maker and maker.name
        if maker:
            here |= _leaves(json.loads(slice_of(maker.name, whole)))
            given = [file.path for file in (maker.given(case) if maker.given else ())]
            here[f"{_FILES}{product.name}"] = [PurePath(path).name for path in given]
    data = dataset.model_dump(mode="json", include=set(_DATA))
    found[STEPS[0]] |= {f"dataset.{key}": value for key, value in data.items()}
    return found


def _leaves(section: Mapping[str, object], path: str = "") -> Iterator[tuple[str, object]]:
    for key, value in section.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, f"{path}{key}.")
        elif key not in _FREE:
            yield f"{path}{key}", value


def _differences(ours: Settings, theirs: Settings) -> dict[str, tuple[str, ...]]:
    """Return the settings that differ, in words, by step.

    Those that one of the two lacks follow from others, such as the options of another refiner; a
    setting of several stages is named once.
    """
    named: set[str] = set()
    found = {}
    for step, settings in ours.items():
        other = theirs[step]
        keys = [
            key
            for key in settings
            if key in other and key not in named and not _alike(settings[key], other[key])
        ]
        if any(key.startswith(_FILES) for key in keys):
            # those of the training that a checkpoint replaces are at their defaults
            keys = [key for key in keys if ".train." not in key]
        named.update(keys)
        found[step] = tuple(
            f"{key} {_text(settings[key])} (recipe: {_text(other[key])})" for key in keys
        )
    return found


def _alike(ours: object, theirs: object) -> bool:
    """Return True for equal values, and for files of one name in different folders."""
    if isinstance(ours, str) and isinstance(theirs, str):
        return PurePath(ours).name == PurePath(theirs).name
    return ours == theirs


def _text(value: object) -> str:
    if isinstance(value, list):
        return " ".join(map(_text, value)) or "none"
    return value if isinstance(value, str) else "none" if value is None else json.dumps(value)
