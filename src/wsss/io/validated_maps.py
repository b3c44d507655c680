"""CAMs and refined maps, read with a check of classes, shape and dtype.

A checksum alone does not detect maps of other labels, of another image or of another version.
"""

import numpy as np

from wsss.io.index import Item
from wsss.io.maps import MapsReader, alphas_of

STRIDE = 4
"""Image pixels per pixel of a stored CAM; the stride of the networks is larger."""


def read_cam(maps: MapsReader, item: Item) -> tuple[np.ndarray, tuple[int, int]]:
    """Read and validate the class activation maps (CAMs) of an image, as `infer_cam` writes them.

    Args:
        maps: the maps of the split.
        item: the image.

    Returns:
        CAMs (K, ceil(H/4), ceil(W/4)) float16 in [-1, 1] of the K classes of the image, and the
        (H, W) of the image.

    Raises:
        UserError: naming the file, if they are missing or invalid.
    """
    stored = maps.read(item.image_id, "classes", "cam", "size")
    cam, size = stored["cam"], tuple(stored["size"].ravel().tolist())
    cells = tuple(-(-side // STRIDE) for side in size)
    _check(maps, item, stored["classes"], cam, np.float16, (len(item.classes), *cells))
    if not (len(size) == 2 and min(size) > 0):
        raise maps.damaged(item.image_id, f"they belong to an image of size {size}")
    # both comparisons are False for NaN
    if not ((cam >= -1) & (cam <= 1)).all():
        raise maps.damaged(item.image_id, "they hold values outside [-1, 1]")
    return cam, size


def read_stability(maps: MapsReader, item: Item) -> float | None:
    """Read the stability of the maps of an image over its views; None if it has none.

    Raises:
        UserError: naming the file, if it is damaged or no number in [0, 1].
    """
    if "stability" not in maps.names(item.image_id):
        return None
    stored = maps.read(item.image_id, "stability")["stability"]
    if stored.shape != () or stored.dtype != np.float32 or stored < 0 or stored > 1:
        raise maps.damaged(item.image_id, "their stability is no number in [0, 1]")
    return None if np.isnan(stored) else float(stored)


def read_scores(
    maps: MapsReader, item: Item, *names: str, size: tuple[int, int] | None = None
) -> dict[str, np.ndarray]:
    """Read and validate arrays of label scores of an image: refined maps or boundary scores.

    Posteriors may lack the last label, whose map is what the others leave of certainty.

    Args:
        maps: the maps of the split.
        item: the image.
        names: of the arrays.
        size: the (H, W) they must have; None = the (H, W) of the first array.

    Returns:
        Name -> (K + 1, H, W) uint8, background first, 255 = certain.

    Raises:
        UserError: naming the file, if they are missing or invalid.
    """
    stored = maps.read(item.image_id, "classes", *names)
    shape = (len(item.classes) + 1, *(size or stored[names[0]].shape[-2:]))
    found = {name: _complete(stored[name], shape) for name in names}
    for scores in found.values():
        _check(maps, item, stored["classes"], scores, np.uint8, shape)
    return found


def read_refined(
    maps: MapsReader, item: Item, size: tuple[int, int] | None = None
) -> dict[float, np.ndarray]:
    """Read and validate the refined scores of an image for every stored alpha.

    Returns:
        Alpha -> (K + 1, H, W) uint8, alphas ascending, background first, 255 = certain.

    Raises:
        UserError: naming the file, if there are none, or one is invalid.
    """
    names = alphas_of(maps.names(item.image_id))
    if not names:
        raise maps.damaged(item.image_id, "there are no CRF posteriors among them")
    stored = read_scores(maps, item, *names.values(), size=size)
    return {alpha: stored[name] for alpha, name in names.items()}


def _complete(scores: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return posteriors of this shape (K + 1, H, W), K of which are stored; others unchanged."""
    if scores.dtype != np.uint8 or scores.shape != (shape[0] - 1, *shape[1:]):
        return scores
    left = np.full(shape[1:], 255, np.uint8)
    for plane in scores:
        # roundings may add up to more than 255
        left -= np.minimum(left, plane)
    return np.concatenate([scores, left[None]])


def _check(
    maps: MapsReader,
    item: Item,
    classes: np.ndarray,
    array: np.ndarray,
    dtype: type[np.generic],
    shape: tuple[int, ...],
) -> None:
    given, wanted = classes.tolist(), list(item.classes)
    if classes.dtype.kind != "i" or given != wanted:
        raise maps.damaged(item.image_id, f"they are of classes {given} instead of {wanted}")
    if array.dtype != dtype or array.shape != shape:
        found = f"{array.dtype} {array.shape} instead of {np.dtype(dtype)} {shape}"
        raise maps.damaged(item.image_id, found)
