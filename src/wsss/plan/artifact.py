"""The product of one stage, in a folder named after its key."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from wsss.io.parts import WHOLE
from wsss.io.records import PARTS
from wsss.products import Split

_SHOWN = 5
"""Runs that messages name; the others are counted."""

Inputs = Mapping[str, tuple["Artifact", ...]]
"""Artifacts by their role in a rule's `input`."""


@dataclass(frozen=True, eq=False)
class Artifact:
    """The product of one stage, in a folder of its own.

    Attributes:
        stage: the stage.
        key: digest of everything that it is made from.
        product: name of the product.
        split: its split; None for all images.
        folder: its folder.
        file: the file in it that is complete when the artifact is.
        beside: names of further files that the rule declares.
        config: slice of the configuration as canonical JSON.
        code: digest of the code of the stage.
        facts: what else counts for the key, such as digests of the user's files.
        arguments: further arguments of the stage.
        inputs: artifacts that it is made from.
        watched: artifacts that show the progress of a training and do not count for the key.
        parts: parts of the split that are made by jobs of their own, such as 1-of-2.
        runs: names of the runs that use it, in order.
    """

    stage: str
    key: str
    product: str
    split: Split | None
    folder: str
    file: str
    beside: tuple[str, ...]
    config: str
    code: str
    facts: tuple[str, ...]
    arguments: tuple[str, ...]
    inputs: Inputs
    watched: Inputs
    parts: tuple[str, ...]
    runs: dict[str, None] = field(default_factory=dict)

    @property
    def path(self) -> str:
        """Path of the file that is complete when the artifact is."""
        return f"{self.folder}/{self.file}"

    @property
    def exists(self) -> bool:
        """True if it is complete."""
        return Path(self.path).exists()

    @property
    def outputs(self) -> tuple[str, ...]:
        """Paths of the files that the rule declares."""
        return self.path, *(str(Path(self.path).with_name(name)) for name in self.beside)

    @property
    def users(self) -> str:
        """Names of the runs, the first few of many, and the split, for messages."""
        names = list(self.runs)
        if len(names) > _SHOWN:
            names = [*names[:_SHOWN], f"{len(names) - _SHOWN} more runs"]
        return ", ".join([*names, *([self.split] if self.split else [])])

    def part_path(self, part: str) -> str:
        """Return the path of the record of a part."""
        return self.path if part == WHOLE else f"{Path(self.path).parent}/{PARTS}/{part}.tsv"
