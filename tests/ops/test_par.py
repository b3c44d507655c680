import math

import cv2
import numpy as np
import pytest
import torch

from wsss.ops import par_cpu, par_torch
from wsss.ops.finite import NotFiniteError
from wsss.ops.par import BatchPAR, ImagePAR

SIZES = [(1, 1), (1, 2), (2, 1), (3, 5), (1, 40), (17, 23), (60, 7)]


def example(seed):
    """A random image (noise, blocks, or flat but for a pixel) and 1 to 5 score maps."""
    rng = np.random.default_rng(seed)
    height, width = SIZES[seed % len(SIZES)]
    image = rng.integers(0, 256, (height, width, 3))
    if seed % 3 == 1:
        image = np.kron(image[::4, ::4], np.ones((4, 4, 1), int))[:height, :width]
    elif seed % 3 == 2:
        image[:] = image[0, 0]
        image[height // 2, width // 2] = 255 - image[0, 0]
    scores = rng.random((1 + seed % 5, height, width), np.float32)
    return image.astype(np.uint8), scores


def softmax(values):
    highest = max(values)
    powers = [math.exp(value - highest) for value in values]
    return [power / sum(powers) for power in powers]


def deviation(values):
    mean = sum(values) / len(values)
    return math.sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1))


def by_hand(image, scores, iterations):
    """The published formulas, pixel by pixel; the weights of a pixel sum to 1.01."""
    _, height, width = scores.shape
    compass = [(-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1)]
    steps = [(d * dy, d * dx) for d in (1, 2, 4, 8, 12, 24) for dy, dx in compass]
    lengths = [math.hypot(*step) for step in steps]
    spread = deviation(lengths) + 1e-8
    position = softmax([-((length / spread / 0.3) ** 2) for length in lengths])
    places, kernels = {}, {}
    for y in range(height):
        for x in range(width):
            near = places[y, x] = [
                (min(max(y + dy, 0), height - 1), min(max(x + dx, 0), width - 1))
                for dy, dx in steps
            ]
            energies = [0.0] * 48
            for channel in range(3):
                values = [float(image[*place, channel]) for place in near]
                spread = deviation(values) + 1e-8
                for j, value in enumerate(values):
                    difference = abs(image[y, x, channel] - value)
                    energies[j] -= (difference / spread / 0.3) ** 2 / 3
            colour = softmax(energies)
            kernels[y, x] = [c + 0.01 * p for c, p in zip(colour, position, strict=True)]
    maps = scores.astype(float)
    for _ in range(iterations):
        refined = np.zeros_like(maps)
        for place, near in places.items():
            for weight, other in zip(kernels[place], near, strict=True):
                refined[:, *place] += weight * maps[:, *other]
        maps = refined
    return maps


@pytest.mark.parametrize("seed", range(21))
def test_a_plain_loop_agrees(seed):
    image, scores = example(seed)
    iterations = (1, 3, 10)[seed // 7]
    refined = ImagePAR(image, iterations, shrink=1).refine(scores)
    np.testing.assert_allclose(
        refined * 1.01**iterations, by_hand(image, scores, iterations), atol=2e-5
    )


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (3, 9), (15, 20)])
def test_half_size(size):
    image, scores = example(5)
    image, scores = (cv2.resize(a, size) for a in (image, scores.transpose(1, 2, 0)))
    scores = np.atleast_3d(scores).transpose(2, 0, 1)
    half = tuple(max(side // 2, 1) for side in size)
    smaller = np.stack([cv2.resize(one, half) for one in scores])
    expected = ImagePAR(cv2.resize(image, half), shrink=1).refine(smaller)
    expected = np.stack([cv2.resize(one, size) for one in expected])
    np.testing.assert_allclose(ImagePAR(image).refine(scores), expected, atol=1e-5)


def test_images_of_a_batch_do_not_mix():
    images, scores = zip(*map(example, range(12)), strict=True)
    together = BatchPAR(images).refine(scores)
    for image, own, refined in zip(images, scores, together, strict=True):
        np.testing.assert_allclose(refined, ImagePAR(image).refine(own), atol=1e-5)


def test_fields_together_equal_fields_one_by_one():
    image, scores = example(12)
    par = ImagePAR(image)
    fields = np.stack([scores, scores**4])
    alone = [par.refine(one) for one in fields]
    np.testing.assert_allclose(par.refine(fields), np.stack(alone), atol=1e-6)


def test_sums_and_bounds_are_kept():
    image, scores = example(19)
    scores /= scores.sum(0)
    refined = ImagePAR(image).refine(scores)
    assert refined.dtype == np.float32
    np.testing.assert_allclose(refined.sum(0), 1, atol=1e-5)
    assert (refined <= scores.max((1, 2), keepdims=True) + 1e-6).all()


def test_scores_spread_within_a_colour():
    image = np.zeros((40, 60, 3), np.uint8)
    image[:, 30:] = 200
    scores = np.zeros((1, 40, 60), np.float32)
    scores[:, 10:30, 20:50] = 1
    left, right = np.split(ImagePAR(image).refine(scores)[0, :, 4:-4], 2, axis=1)
    assert left[:, :-4].max() < right[:, 4:].min()


def test_without_iterations_scores_stay():
    image, scores = example(5)
    np.testing.assert_array_equal(ImagePAR(image, 0, shrink=1).refine(scores), scores)


@pytest.mark.parametrize("image", [np.zeros((4, 4, 3)), np.zeros((4, 4), np.uint8)])
def test_other_images_are_refused(image):
    with pytest.raises(ValueError, match="image must be"):
        ImagePAR(image)


def test_other_scores_are_refused():
    par = ImagePAR(np.zeros((4, 5, 3), np.uint8))
    with pytest.raises(ValueError, match="scores must be"):
        par.refine(np.zeros((2, 5, 4), np.float32))
    with pytest.raises(NotFiniteError):
        par.refine(np.full((2, 4, 5), np.nan, np.float32))


@pytest.mark.parametrize("seed", range(21))
def test_engines_agree(seed):
    image, scores = example(seed)
    (one,), (other,) = (
        steps.walk([scores], iterations=10)
        for steps in (par_cpu.Steps([image]), par_torch.Steps([image], torch.device("cpu")))
    )
    np.testing.assert_allclose(one, other, atol=1e-5)


def test_a_batch_of_the_engine_of_gpus():
    images, scores = zip(*map(example, range(12)), strict=True)
    together = par_torch.Steps(images, torch.device("cpu")).walk(scores, iterations=5)
    for image, own, found in zip(images, scores, together, strict=True):
        (alone,) = par_cpu.Steps([image]).walk([own], iterations=5)
        np.testing.assert_allclose(found, alone, atol=1e-5)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_gpu_agrees():
    images, scores = zip(*map(example, range(21)), strict=True)
    for shrink in (1, 2):
        on_gpu = BatchPAR(images, shrink=shrink, device=torch.device("cuda")).refine(scores)
        on_cpu = BatchPAR(images, shrink=shrink).refine(scores)
        for gpu, cpu in zip(on_gpu, on_cpu, strict=True):
            np.testing.assert_allclose(gpu, cpu, atol=1e-4)
