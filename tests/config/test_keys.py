"""Every key of the configuration reaches exactly the stages that read it."""

from collections.abc import Iterator

import pytest

from tests.keys import INERT, KEYS, PHOTOS, PUBLISHED, nested
from wsss.config.model import METHODS, Config
from wsss.config.resolve import load, runs
from wsss.config.section import Section
from wsss.config.slices import slice_json
from wsss.pipeline import STAGES


def slices(keys):
    """The slice of every stage, for the first run."""
    config = load(nested(keys))
    run = next(iter(runs(config).values()))
    return {
        name: slice_json(name, config if "dataset." in "".join(stage.keys[:1]) else run)
        for name, stage in STAGES.items()
    }


def reached(name, value, given):
    """The stages whose slice a value of a key changes, beside the values of other keys."""
    if not name.startswith("dataset."):
        given = PHOTOS | given
    before, after = slices(given), slices(given | {name: value})
    return {stage for stage in STAGES if before[stage] != after[stage]}


def leaves(section: Section, prefix: str = "") -> Iterator[str]:
    for name in type(section).model_fields:
        value = getattr(section, name)
        if isinstance(value, Section):
            yield from leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.name)
def test_a_key_reaches_exactly_its_stages(key):
    assert reached(key.name, key.value, key.given) == key.stages


@pytest.mark.parametrize("key", INERT, ids=lambda key: key.name)
def test_a_key_beside_the_one_that_rules_it_out_reaches_nothing(key):
    assert reached(key.name, key.value, key.given) == set()


def test_the_table_has_every_key():
    own = tuple(f"cam.{name}." for name in METHODS.params.keys() - PUBLISHED)
    known = {name for name in leaves(Config()) if not name.startswith(own)}
    # download excludes root: no value of either is another one alone
    assert {key.name for key in KEYS} | {"dataset.download"} == known
