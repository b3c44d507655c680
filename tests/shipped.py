"""The configuration as `config.yaml` shows it, with the keys that are commented out."""

import re
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]


def shown() -> dict[str, Any]:
    """Return every key of `config.yaml`; a comment that starts with a space is none."""
    text = (ROOT / "config.yaml").read_text(encoding="utf-8")
    return yaml.safe_load(re.sub(r"^#(?! \S)", "", text, flags=re.MULTILINE))
