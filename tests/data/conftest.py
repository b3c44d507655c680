import numpy as np
import pytest
from PIL import Image

from wsss.config.dataset import Dataset
from wsss.data.check import check_listing
from wsss.data.sources import read
from wsss.errors import UserError

TABLE = {
    "img/a.png": ("train", "cat"),
    "img/b.png": ("train", "dog;cat"),
    "img/c.png": ("val", "dog"),
}


class Folder:
    """A sound data set of three images that a test then spoils."""

    def __init__(self, root):
        self.root = root
        for name in TABLE:
            self.image(name)
        self.table([f"{name},{split},{labels}" for name, (split, labels) in TABLE.items()])

    def image(self, name, size=(8, 6), mode="RGB", fill=0):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full(size[::-1], fill, np.uint8)).convert(mode).save(path)

    def table(self, rows, header="image,split,labels", encoding="utf-8", end="\n"):
        text = end.join([header, *rows, ""])
        (self.root / "labels.csv").write_bytes(text.encode(encoding))

    def check(self, **options):
        dataset = Dataset(source=options.pop("source", "csv"), root=str(self.root), **options)
        return check_listing(read(dataset), dataset)

    def problems(self, **options):
        """The message of the error that the check must raise, without its first line."""
        with pytest.raises(UserError) as error:
            self.check(**options)
        return str(error.value).split("\n")[1:]


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path)
