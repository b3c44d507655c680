import pytest

from tests.keys import PUBLISHED
from wsss.config.model import METHODS, Config
from wsss.config.schema import PATH, descriptions, schema, schema_text
from wsss.config.training import ClassifierTrain, Train


def test_the_kept_schema_is_fresh():
    if set(METHODS.params) != PUBLISHED:
        pytest.skip("there is a method of your own: wsss schema adds it to the schema")
    refresh = "run: wsss schema --out src/wsss/config/schema.json"
    assert PATH.read_text(encoding="utf-8") == schema_text(), refresh


def test_every_key_is_described():
    assert list(_undescribed(Config)) == []


def _undescribed(section):
    described = descriptions(section)
    for name, field in section.model_fields.items():
        if hasattr(field.annotation, "model_fields"):
            yield from _undescribed(field.annotation)
        elif name not in described and not field.description:
            yield f"{section.__name__}.{name}"


def test_a_description_is_the_docstring_below_a_key():
    """A key that is inherited has that of the base class."""
    text = "Images per step."
    assert descriptions(Train)["batch_size"] == text
    assert descriptions(ClassifierTrain)["batch_size"] == text
    assert schema()["$defs"]["ClassifierTrain"]["properties"]["batch_size"]["description"] == text
