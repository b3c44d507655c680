"""JSON schema of the configuration, for editors: completion, types and descriptions."""

import json
from pathlib import Path
from typing import Any

from wsss.config.model import Config

PATH = Path(__file__).with_name("schema.json")


def schema() -> dict[str, Any]:
    """Return the JSON schema of the whole configuration file."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Config.model_json_schema(),
    }


def schema_text() -> str:
    """Return the schema as it is kept in `config/schema.json`."""
    return json.dumps(schema(), indent=2) + "\n"
