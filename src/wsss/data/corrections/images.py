"""The image of a corrected mask, by the name of its file, and the ids of the classes."""

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from wsss.errors import UserError, first_of
from wsss.io.index import Item
from wsss.io.names import relative_files


def class_ids(class_names: Sequence[str]) -> dict[str, int]:
    """Return the id of every class in masks, by its name."""
    return {name: number for number, name in enumerate(class_names, start=1)}


class Images:
    """Images that may be corrected.

    Args:
        items: the images.
    """

    def __init__(self, items: Sequence[Item]) -> None:
        self.items = items
        files = relative_files({item.image_id: item.image for item in items})
        stems = {key: PurePosixPath(file).with_suffix("") for key, file in files.items()}
        self._whole = {str(stems[item.image_id]): item for item in items}
        self._by_id = {item.image_id: item for item in items}
        self._bare: dict[str, list[Item]] = {}
        for item in items:
            self._bare.setdefault(stems[item.image_id].name, []).append(item)

    def of(self, file: Path, folder: Path) -> Item:
        """Return the image of a file.

        Its path without suffix below `folder` is looked for among the paths of the images below
        their common folder and their ids, then its name among theirs.

        Raises:
            UserError: no image has the name, or several have.
        """
        path = file.relative_to(folder).with_suffix("")
        found = self._whole.get(path.as_posix()) or self._by_id.get(path.as_posix())
        if found is not None:
            return found
        same = self._bare.get(path.name, [])
        if len(same) == 1:
            return same[0]
        if same:
            names = first_of([item.image_id for item in same])
            what = f"several images are called {path.name!r}; write an id"
            raise UserError(f"{file}: {what}: {names}")
        raise UserError(f"{file}: no training image is called {path.name!r}")
