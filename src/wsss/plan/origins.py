"""Origins of artifacts: what their keys are made of, kept beside them to explain later changes."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wsss.io.atomic import write_text
from wsss.plan.artifact import Artifact

FILE = "origin.json"
"""File in the folder of an artifact."""


@dataclass(frozen=True)
class Origin:
    """What an artifact is made from.

    Attributes:
        config: its slice of the configuration.
        code: digest of the code of its stage.
        facts: digests of files of the user, and further names.
        inputs: keys of the artifacts that it is made from, by role.
    """

    config: dict[str, Any]
    code: str
    facts: list[str]
    inputs: dict[str, list[str]]


def origin(artifact: Artifact) -> Origin:
    """Return the origin of an artifact of a plan."""
    keys = {role: [one.key for one in found] for role, found in artifact.inputs.items()}
    return Origin(json.loads(artifact.config), artifact.code, list(artifact.facts), keys)


def write_origin(artifact: Artifact) -> None:
    """Write the origin of an artifact that exists, unless that is done."""
    path = Path(artifact.folder, FILE)
    if artifact.exists and not path.exists():
        write_text(path, json.dumps(vars(origin(artifact)), indent=1) + "\n")


def read_origin(folder: Path) -> Origin | None:
    """Return the origin of the artifact in a folder; None if it is not known."""
    try:
        return Origin(**json.loads((folder / FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        # an artifact of an older version, or one that is gone
        return None
