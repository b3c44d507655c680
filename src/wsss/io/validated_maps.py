"""Score maps of images, read only as the stages write them; a checksum does not say what they are.

A map that passed its checksum may still be that of other labels, another image or another version.
"""

import numpy as np

from wsss.io.index import Item
from wsss.io.maps import MapsReader, alphas_of

STRIDE = 4
"""Image pixels per cell of a stored class activation map; the maps are smooth, the network's cells
are larger."""


def read_cam(maps: MapsReader, item: Item) -> tuple[np.ndarray, tuple[int, int]]:
    """Read the class activation maps of an image, which must be as `infer_cam` writes them.

    Args:
        maps: the shards.
        item: the image.

    Returns:
        The maps (K, ceil(H/4), ceil(W/4)) float16 in [-1, 1] of its K labels, and its (H, W).

    Raises:
        UserError: naming the shard, if they are missing or anything else.
    """
    stored = maps.read(item.image_id, "classes", "cam", "size")
    cam, size = stored["cam"], tuple(stored["size"].ravel().tolist())
    cells = tuple(-(-side // STRIDE) for side in size)
    _check(maps, item, stored["classes"], cam, np.float16, (len(item.classes), *cells))
    if not (len(size) == 2 and min(size) > 0):
        raise maps.damaged(item.image_id, f"they belong to an image of size {size}")
    # neither holds for NaN
    if not ((cam >= -1) & (cam <= 1)).all():
        raise maps.damaged(item.image_id, "they hold values outside [-1, 1]")
    return cam, size


def read_scores(
    maps: MapsReader, item: Item, *names: str, size: tuple[int, int] | None = None
) -> dict[str, np.ndarray]:
    """Read scores of the labels of an image, CRF posteriors or boundaries, as they were written.

    Args:
        maps: the shards.
        item: the image.
        names: of the arrays.
        size: (H, W) they must have; None = that of the first of them.

    Returns:
        Name -> (K + 1, H, W) uint8, background first, 255 = certain.

    Raises:
        UserError: naming the shard, if they are missing or anything else.
    """
    stored = maps.read(item.image_id, "classes", *names)
    shape = (len(item.classes) + 1, *(size or stored[names[0]].shape[-2:]))
    for name in names:
        _check(maps, item, stored["classes"], stored[name], np.uint8, shape)
    return {name: stored[name] for name in names}


def read_crf(
    maps: MapsReader, item: Item, size: tuple[int, int] | None = None
) -> dict[float, np.ndarray]:
    """Read the CRF posteriors of an image of every alpha, as `read_scores` does.

    Returns:
        Alpha -> (K + 1, H, W) uint8, alphas ascending, background first, 255 = certain.

    Raises:
        UserError: naming the shard, if there are none, or they are not as they were written.
    """
    names = alphas_of(maps.names(item.image_id))
    if not names:
        raise maps.damaged(item.image_id, "there are no CRF posteriors among them")
    stored = read_scores(maps, item, *names.values(), size=size)
    return {alpha: stored[name] for alpha, name in names.items()}


def _check(
    maps: MapsReader,
    item: Item,
    classes: np.ndarray,
    array: np.ndarray,
    dtype: type,
    shape: tuple[int, ...],
) -> None:
    given, wanted = classes.tolist(), list(item.classes)
    if classes.dtype.kind != "i" or given != wanted:
        raise maps.damaged(item.image_id, f"they are of classes {given} instead of {wanted}")
    if (array.dtype, array.shape) != (dtype, shape):
        found = f"{array.dtype} {array.shape} instead of {np.dtype(dtype)} {shape}"
        raise maps.damaged(item.image_id, found)
