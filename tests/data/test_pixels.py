import random

import numpy as np
import pytest
import torch

from wsss.data.pixels import network_input, normalised
from wsss.data.sets.samples import framed
from wsss.data.transforms import crop, crop_window, normalise


def test_every_level_is_normalised_as_on_the_host():
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    image = np.stack([levels, levels[::-1], levels.T], axis=-1)
    pixels = normalised(torch.from_numpy(image).permute(2, 0, 1)[None])
    assert torch.equal(pixels[0], torch.from_numpy(normalise(image)).permute(2, 0, 1))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("size", [(3, 4), (6, 9), (12, 4), (12, 14)])
def test_the_mean_colour_surrounds_a_small_image(size, seed):
    """As if the image were normalised on the host and the crop filled with zeros."""
    image = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    window = crop_window(size, 9, random.Random(seed))
    sample = framed(image, 9, window) | {"label": torch.zeros(1)}
    found = network_input({name: value[None] for name, value in sample.items()})
    expected = torch.from_numpy(crop(normalise(image), 9, window)).permute(2, 0, 1)
    assert found.keys() == {"image", "label"}
    assert torch.equal(found["image"][0], expected)


def test_other_batches_are_left_as_they_are():
    batch = {"image": torch.rand(1, 3, 2, 2)}
    assert network_input(batch) is batch
    assert network_input({"x": torch.zeros(1)}).keys() == {"x"}
