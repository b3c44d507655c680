"""Digests of the user's files, by which the workflow sees that they changed."""

import json
import os
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

from wsss.config.dataset import Dataset
from wsss.data.sources import Inputs, drawn_inputs, inputs, split_sizes
from wsss.io.provenance import files_digest
from wsss.products import SPLITS, Split

DIGESTS = Path(".snakemake/wsss-digests.json")
"""Cache of the digests of files by their state, in the working directory."""

_SHARED = "WSSS_CONTENTS"
"""Environment variable by which the jobs of a workflow know the digests, and need not read all
files again to know their part of the plan."""


class FileContents:
    """Digests of the files of a data set; see `wsss.plan.artifacts.Contents`.

    Args:
        dataset: its configuration.
        cache_file: digests of files by their state, kept from one run to the next.
        from_parent: take the digests that the workflow which started this process has shared.
    """

    def __init__(self, dataset: Dataset, cache_file: Path, from_parent: bool = False) -> None:
        self._dataset, self._cache_file = dataset, cache_file
        self._known: dict[str, str | int | None] = (
            json.loads(os.environ.get(_SHARED, "{}")) if from_parent else {}
        )

    def share(self) -> None:
        """Let the processes that this one starts know the digests."""
        os.environ[_SHARED] = json.dumps(self._known)

    def index(self, split: Split) -> str:
        """Return the digest of what the index of a split depends on."""
        return self._once(f"index {split}", lambda: self._digest(self._inputs[split][0]))

    def masks(self, split: Split) -> str:
        """Return the digest of what the table of masks of a split depends on."""
        return self._once(f"masks {split}", lambda: self._digest(self._inputs[split][1]))

    def drawn(self, split: Split) -> str:
        """Return the digest of the files that the masks of a split are drawn from."""
        return self._once(
            f"drawn {split}",
            lambda: files_digest(drawn_inputs(self._dataset, split), self._cache_file),
        )

    def tiles(self) -> str:
        """Return the digest of what tiles are cut from: the data set and labels of tiles."""
        tiles = self._dataset.tiles
        own = [str(Path(self._dataset.root or "", tiles.labels))] if tiles and tiles.labels else []
        parts = [self.index(split) + self.masks(split) for split in self._dataset.splits]
        return " ".join([*parts, *map(self.file, own)])

    def file(self, path: str) -> str:
        """Return the digest of a file, whatever its path."""
        file = Path(path)
        return self._once(f"file {path}", lambda: files_digest([file], self._cache_file, file))

    def folder(self, path: str, patterns: tuple[str, ...]) -> str:
        """Return the digest of the files in a folder whose names match, whatever its path.

        A name that is no folder, such as that of a model on a hub, is its own digest.
        """
        folder = Path(path)

        def digest() -> str:
            files = sorted(file for pattern in patterns for file in folder.glob(pattern))
            return files_digest(files, self._cache_file, below=folder)

        return self._once(f"folder {path}", lambda: digest() if folder.is_dir() else path)

    def images(self, split: Split) -> int | None:
        """Return the number of images, or of tiles; None if it is not known yet."""
        key = f"images {split}"
        if key not in self._known:
            self._known[key] = split_sizes(self._dataset, self._inputs).get(split)
        count = self._known[key]
        return None if count is None else int(count)

    def masked(self, split: Split) -> int | None:
        """Return the number of images with a mask; None if it is not known yet."""
        return self._inputs[split][1].images

    @cached_property
    def _inputs(self) -> dict[str, tuple[Inputs, Inputs]]:
        # a split that dataset.splits does not name has no image, and depends on nothing
        return dict.fromkeys(SPLITS, (Inputs(), Inputs())) | inputs(self._dataset)

    def _digest(self, part: Inputs) -> str:
        return f"{part.facts} {files_digest(part.files, self._cache_file)}"

    def _once(self, key: str, digest: Callable[[], str]) -> str:
        if key not in self._known:
            self._known[key] = digest()
        return str(self._known[key])
