"""The user's files, as far as the keys of artifacts depend on them."""

from typing import Protocol

from wsss.products import Split


class Contents(Protocol):
    """Digests of the user's files, and the number of images."""

    def index(self, split: Split) -> str:
        """Digest of what the index of a split depends on."""

    def masks(self, split: Split) -> str:
        """Digest of what the table of masks of a split depends on."""

    def drawn(self, split: Split) -> str:
        """Digest of the files that the masks of a split are drawn from."""

    def tiles(self) -> str:
        """Digest of what tiles are cut from."""

    def file(self, path: str) -> str:
        """Digest of the content of a file."""

    def folder(self, path: str, patterns: tuple[str, ...]) -> str:
        """Digest of the files in a folder whose names match; what is no folder is its own."""

    def images(self, split: Split) -> int | None:
        """Number of images, or of tiles; None if it is not known yet."""
