import random

import numpy as np
import pytest
from PIL import Image
from torchvision.transforms import functional

from wsss.data.jitter import brightness, colour_jitter, contrast, hue, saturation

FACTORS = (0.0, 0.7, 0.95, 1.0, 1.2, 1.9)


def picture(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


@pytest.fixture(scope="module")
def scene():
    """Smooth colours of every hue with noise, as in a photograph."""
    coarse = Image.fromarray(picture(12, 16, seed=1)).resize((160, 120), Image.Resampling.BICUBIC)
    noise = np.random.default_rng(2).normal(0, 6, (120, 160, 3))
    return (np.asarray(coarse) + noise).clip(0, 255).astype(np.uint8)


def difference(change, published, image, amount):
    """Grey levels between a change and that of torchvision's ColorJitter on Pillow images."""
    reference = np.asarray(published(Image.fromarray(image), amount))
    return change(image, amount).astype(float) - reference


@pytest.mark.parametrize("factor", FACTORS)
def test_brightness_and_contrast_are_those_of_pillow(scene, factor):
    assert not difference(brightness, functional.adjust_brightness, scene, factor).any()
    assert not difference(contrast, functional.adjust_contrast, scene, factor).any()


@pytest.mark.parametrize("factor", FACTORS)
def test_saturation_is_that_of_pillow_within_a_level(scene, factor):
    off = difference(saturation, functional.adjust_saturation, scene, factor)
    assert abs(off).max() <= 1 and abs(off.mean()) < (0.1 if factor > 0.5 else 0.5)


@pytest.mark.parametrize("turn", [-0.5, -0.1, -0.02, 0.0, 0.003, 0.1, 0.5])
def test_hue_is_that_of_pillow_within_a_few_levels(scene, turn):
    off = difference(hue, functional.adjust_hue, scene, turn)
    assert abs(off).mean() < 1.5 and abs(off.mean()) < 0.5
    assert np.quantile(abs(off), 0.99) <= 8


@pytest.mark.parametrize("change", [saturation, contrast])
def test_grey_stays_grey(change):
    levels = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    changed = change(levels, 1.3)
    assert (changed == changed[..., :1]).all()
    assert np.array_equal(saturation(levels, 0.7), levels)


def test_no_jitter_changes_nothing():
    image = picture(4, 4)
    assert np.array_equal(colour_jitter(image, random.Random(0), (0, 0, 0, 0)), image)


@pytest.mark.parametrize("property_", range(4))
def test_each_jitter_changes_something(property_):
    strength = [0.0] * 4
    strength[property_] = 0.4
    image = picture(4, 4)
    changed = colour_jitter(image, random.Random(1), tuple(strength))
    assert changed.dtype == np.uint8 and not np.array_equal(changed, image)


def test_brightness_stays_within_its_bounds():
    grey = np.full((2, 2, 3), 100, np.uint8)
    for seed in range(50):
        assert 70 <= colour_jitter(grey, random.Random(seed), (0.3, 0, 0, 0)).max() <= 130


def published_jitter(image, rng, strength):
    """ColorJitter on Pillow images with the same draws."""
    names = ("brightness", "contrast", "saturation")
    steps = [
        (getattr(functional, f"adjust_{name}"), rng.uniform(max(0, 1 - s), 1 + s))
        for name, s in zip(names, strength, strict=False)
    ]
    steps.append((functional.adjust_hue, rng.uniform(-strength[3], strength[3])))
    rng.shuffle(steps)
    pillow = Image.fromarray(image)
    for change, amount in steps:
        pillow = change(pillow, amount)
    return np.asarray(pillow)


def test_jittered_images_are_distributed_as_those_of_pillow(scene):
    """Means, spreads and colourfulness agree seed by seed, hence as distributions."""
    strength = (0.3, 0.3, 0.3, 0.1)

    def statistics(jitter, seed):
        image = jitter(scene, random.Random(seed), strength).astype(float)
        return [*image.mean((0, 1)), *image.std((0, 1)), np.ptp(image, axis=2).mean()]

    ours, published = (
        np.array([statistics(jitter, seed) for seed in range(60)])
        for jitter in (colour_jitter, published_jitter)
    )
    assert abs(ours - published).max() < 2
    assert abs(ours.mean(0) - published.mean(0)).max() < 0.5
    assert np.allclose(ours.std(0), published.std(0), rtol=0.02)
