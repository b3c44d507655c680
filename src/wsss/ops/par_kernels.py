"""Compiled loops of PAR. Each runs along a row, for the compiler to take several pixels at once."""

import numpy as np

from wsss.ops.lattice_kernels import compiled


@compiled
def unlikeness(framed, corners, width, eps):
    """Square the differences of colour from the neighbours, in standard deviations of theirs.

    The deviation is that of the neighbours, with Bessel's correction; its sums are whole numbers.

    Args:
        framed: channels of an image, with a frame (C, h + 2 r, w + 2 r) int32.
        corners: neighbours (n, 2) of the first pixel, row and column in the frame.
        width: factor of the standard deviations.
        eps: added to them.

    Returns:
        Means over the channels (h, n, w) float32.
    """
    channels, height, across = framed.shape
    reach = corners.max() // 2
    height, across, count = height - 2 * reach, across - 2 * reach, len(corners)
    found = np.zeros((height, count, across), np.float32)
    total, squares = np.empty(across, np.int32), np.empty(across, np.int32)
    factor = np.empty(across, np.float32)
    for y in range(height):
        for plane in framed:
            here = plane[reach + y, reach : reach + across]
            total[:], squares[:] = 0, 0
            for dy, dx in corners:
                near = plane[dy + y, dx : dx + across]
                for x in range(across):
                    difference = near[x] - here[x]
                    total[x] += difference
                    squares[x] += difference * difference
            for x in range(across):
                spread = count * np.float64(squares[x]) - np.float64(total[x]) ** 2
                deviation = width * (np.sqrt(spread / (count * (count - 1))) + eps)
                factor[x] = 1 / (channels * deviation**2)
            for number in range(count):
                dy, dx = corners[number]
                near, out = plane[dy + y, dx : dx + across], found[y, number]
                for x in range(across):
                    difference = near[x] - here[x]
                    out[x] += np.float32(difference * difference) * factor[x]
    return found


@compiled
def step(framed, weights, corners):
    """Sum the neighbours of each pixel with their weights.

    Args:
        framed: maps with a frame (L, h + 2 r, w + 2 r) float32.
        weights: of the neighbours of each pixel (h, n, w) float32.
        corners: neighbours (n, 2) of the first pixel, row and column in the frame.

    Returns:
        Maps (L, h, w) float32.
    """
    height, count, across = weights.shape
    found = np.zeros((len(framed), height, across), np.float32)
    for y in range(height):
        for label in range(len(framed)):
            out = found[label, y]
            for number in range(count):
                dy, dx = corners[number]
                near, weight = framed[label, dy + y, dx : dx + across], weights[y, number]
                for x in range(across):
                    out[x] += weight[x] * near[x]
    return found
