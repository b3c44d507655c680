"""Files of metrics: canonical JSON with its version and checksum."""

import json
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from wsss.config.slices import canonical
from wsss.errors import UserError
from wsss.io.provenance import text_digest


class Document(BaseModel):
    """Values of a file of metrics."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class EvalFile(Document):
    """Content of an eval file; a subclass has a field `version`."""

    def check(self) -> None:
        """Check that the values agree with each other.

        Raises:
            ValueError: they do not.
        """

    def to_text(self) -> str:
        """Return canonical JSON with a checksum under `sha256`."""
        document = self.model_dump(mode="json")
        return canonical(document | {"sha256": text_digest(canonical(document))}) + "\n"

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Parse the text of an eval file.

        Raises:
            OtherVersionError: it is intact, but of another version of the format.
            ValueError: it is damaged or no eval file.
        """
        document = _intact(text)
        known = cls.model_fields["version"].default
        if document.get("version") != known:
            raise OtherVersionError(document.get("version"), known)
        try:
            found = cls.model_validate(document)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"]))
            raise ValueError(f"{place}: {first['msg']}") from error
        found.check()
        return found

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read an eval file.

        Raises:
            UserError: it cannot be read, is damaged or of another version.
        """
        try:
            return cls.from_text(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise UserError(f"{path}: cannot be read ({error.strerror})") from error
        except OtherVersionError as error:
            raise UserError(f"{path}: {error}; delete it and run again") from error
        except ValueError as error:
            raise UserError(
                f"{path}: damaged eval file ({error}); delete it and run again"
            ) from error


class OtherVersionError(ValueError):
    """An eval file of another version of the format."""

    def __init__(self, version: object, known: int) -> None:
        found = "no version" if version is None else f"version {version}"
        super().__init__(f"eval file of {found} of the format, this wsss reads version {known}")


def _intact(text: str) -> dict[str, Any]:
    """Return the values of an eval file that match their checksum.

    Raises:
        ValueError: they do not, or the text is no eval file.
    """
    try:
        document = json.loads(text)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if not isinstance(document, dict):
        raise ValueError("not an eval file")
    checksum = document.pop("sha256", None)
    if text_digest(canonical(document)) != checksum:
        raise ValueError("it does not match its checksum")
    return document
