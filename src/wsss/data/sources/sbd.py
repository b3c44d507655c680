"""Additional masks of VOC images: SBD, or SegmentationClassAug, which was derived from it.

    SBD (`benchmark_RELEASE`)     dataset/train.txt, dataset/val.txt     one image id per line
                                  dataset/cls/<id>.mat                   masks
    SegmentationClassAug          <id>.png                               masks, 0..20, 255 = ignored

Hariharan et al., Semantic contours from inverse detectors, ICCV 2011. A `.mat` file holds the
struct `GTcls`, whose field `Segmentation` is the (H, W) uint8 map of VOC's ids 0..20.
"""

import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from wsss.errors import UserError
from wsss.files import regular
from wsss.io.labels import read_labels

_BROKEN = (
    OSError,
    EOFError,
    ValueError,
    TypeError,
    LookupError,
    NotImplementedError,
    MemoryError,
    zlib.error,
)


@dataclass(frozen=True)
class MaskSet:
    """Masks for VOC's images.

    Attributes:
        name: SBD or SegmentationClassAug.
        files: mask file by image id; the file may be missing.
    """

    name: str
    files: dict[str, Path]


def find(folder: Path) -> MaskSet:
    """List the masks of SBD or SegmentationClassAug in a folder or directly below it.

    Raises:
        UserError: the folder is missing or holds neither, or a list of SBD cannot be read.
    """
    if not folder.is_dir():
        raise UserError(f"dataset.augment: no such folder: {folder}")
    for inner in (folder, folder / "dataset", folder / "benchmark_RELEASE/dataset"):
        if (inner / "cls").is_dir():
            ids = dict.fromkeys(i for split in ("train", "val") for i in _ids(inner, split))
            return MaskSet("SBD", {i: inner / "cls" / f"{i}.mat" for i in ids})
    for inner in (folder, folder / "SegmentationClassAug"):
        # macOS archives contain hidden files that are no masks
        if files := {path.stem: path for path in sorted(inner.glob("[!.]*.png"))}:
            return MaskSet("SegmentationClassAug", files)
    raise UserError(
        f"dataset.augment: {folder} is neither SBD (benchmark_RELEASE with dataset/cls) "
        "nor SegmentationClassAug (a folder of PNGs)"
    )


def read_mask(path: Path) -> np.ndarray:
    """Read the label map (H, W) uint8 of a `.mat` or PNG file of a `MaskSet`.

    Raises:
        UserError: the file is missing, damaged or of another kind.
    """
    if path.suffix != ".mat":
        return read_labels(path)
    # imported late: takes 0.5 s, and the workflow only lists files
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    try:
        labels = np.asarray(loadmat(path)["GTcls"]["Segmentation"][0, 0])
    except (*_BROKEN, MatReadError) as error:
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise UserError(f"{path}: no mask of SBD can be read from it ({reason})") from error
    if labels.ndim != 2 or labels.dtype != np.uint8:
        raise UserError(f"{path}: GTcls.Segmentation is no 8-bit label map")
    return labels


def _ids(folder: Path, split: str) -> list[str]:
    path = folder / f"{split}.txt"
    try:
        return regular(path).read_text(encoding="utf-8-sig").split()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read ({error}); SBD lists its images there") from error
