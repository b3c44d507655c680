import pytest

from tests.keys import PUBLISHED
from wsss.config.model import METHODS, Config
from wsss.config.schema import PATH, schema_text


def test_the_kept_schema_is_fresh():
    if set(METHODS.params) != PUBLISHED:
        pytest.skip("there is a method of your own: wsss schema adds it to the schema")
    refresh = "run: wsss schema --out src/wsss/config/schema.json"
    assert PATH.read_text(encoding="utf-8") == schema_text(), refresh


def test_every_key_is_described():
    assert _undescribed(Config) == []


def _sections(model):
    for name, field in model.model_fields.items():
        yield name, field, field.annotation if hasattr(field.annotation, "model_fields") else None


def _undescribed(model):
    return [
        entry
        for name, field, nested in _sections(model)
        for entry in (_undescribed(nested) if nested else [] if field.description else [name])
    ]
