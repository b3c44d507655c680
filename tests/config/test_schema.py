from pathlib import Path

import pytest
import yaml

from wsss.config.model import METHODS, Config
from wsss.config.resolve import load
from wsss.config.schema import PATH, schema_text

ROOT = Path(__file__).parents[2]


PUBLISHED = {"aeft", "eader", "psa", "sb", "seam"}


def test_the_kept_schema_is_fresh():
    if set(METHODS) != PUBLISHED:
        pytest.skip("there is a method of your own: refresh the schema for your editor")
    refresh = "run: wsss schema --out src/wsss/config/schema.json"
    assert PATH.read_text(encoding="utf-8") == schema_text(), refresh


def test_the_shipped_configuration_shows_every_key():
    shipped = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    load(shipped)
    assert set(shipped["cam"]) >= PUBLISHED
    own = {f"cam.{name}" for name in set(METHODS) - PUBLISHED}
    assert set(_missing(Config, shipped)) <= own


def test_every_key_is_described():
    assert _undescribed(Config) == []


def _sections(model):
    for name, field in model.model_fields.items():
        yield name, field, field.annotation if hasattr(field.annotation, "model_fields") else None


def _missing(model, raw):
    missing = []
    for name, _, nested in _sections(model):
        if name not in raw:
            missing.append(name)
        elif nested is not None:
            missing += [f"{name}.{key}" for key in _missing(nested, raw[name])]
    return missing


def _undescribed(model):
    return [
        entry
        for name, field, nested in _sections(model)
        for entry in (_undescribed(nested) if nested else [] if field.description else [name])
    ]
