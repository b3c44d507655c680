import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from wsss.losses.segmentation import (
    LOSSES,
    balanced_cross_entropy,
    bootstrapped_cross_entropy,
    cross_entropy,
    easy_cross_entropy,
    multiscale_cross_entropy,
    resized_labels,
)


def test_mean_over_the_labelled_pixels():
    logits = torch.zeros(1, 2, 1, 3)
    logits[0, 0, 0, 1] = math.log(3)
    loss = cross_entropy(logits, torch.tensor([[[0, 1, 255]]]))
    assert loss.item() == pytest.approx((math.log(2) + math.log(4)) / 2)


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_ignored_pixels_have_no_gradient(loss):
    logits = torch.randn(1, 3, 2, 2, requires_grad=True)
    loss(logits, torch.tensor([[[0, 255], [1, 255]]])).backward()
    assert logits.grad[..., 1].abs().sum() == 0
    assert logits.grad[..., 0].abs().sum() > 0


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_a_batch_without_labels_costs_nothing(loss):
    logits = torch.randn(1, 3, 2, 2, requires_grad=True)
    loss = loss(logits, torch.full((1, 2, 2), 255))
    loss.backward()
    assert loss == 0
    assert logits.grad.abs().sum() == 0


def test_balanced_weighs_a_small_object_like_the_background():
    logits = torch.zeros(1, 2, 1, 4)
    logits[0, 0, 0, 3] = math.log(3)
    loss = balanced_cross_entropy(logits, torch.tensor([[[0, 0, 255, 1]]]))
    assert loss.item() == pytest.approx(math.log(2) + math.log(4))


def test_bootstrapping_counts_the_prediction_a_fifth():
    logits = torch.zeros(1, 2, 1, 2)
    logits[0, 0] = math.log(3)
    loss = bootstrapped_cross_entropy(logits, torch.tensor([[[1, 255]]]))
    assert loss.item() == pytest.approx(0.8 * math.log(4) + 0.2 * math.log(4 / 3))


def test_bootstrapping_of_the_predicted_labels_is_the_mean():
    logits = torch.randn(2, 3, 4, 5)
    labels = logits.argmax(1)
    torch.testing.assert_close(
        bootstrapped_cross_entropy(logits, labels), cross_entropy(logits, labels)
    )


def test_oeem_weighs_pixels_by_the_probability_of_their_labels():
    logits = torch.zeros(1, 2, 1, 3)
    logits[0, 0] = math.log(3)
    # probabilities 3/4 and 1/4 of the labels, of mean 1/2: weights 3/2 and 1/2
    loss = easy_cross_entropy(logits, torch.tensor([[[0, 1, 255]]]))
    assert loss.item() == pytest.approx((1.5 * math.log(4 / 3) + 0.5 * math.log(4)) / 2)


@pytest.mark.parametrize("labels", [[[0, 1], [1, 0]], [[255, 1], [0, 1]]])
def test_oeem_of_equal_pixels_is_the_mean(labels):
    logits, labels = torch.zeros(1, 3, 2, 2), torch.tensor([labels])
    torch.testing.assert_close(easy_cross_entropy(logits, labels), cross_entropy(logits, labels))


def test_oeem_leaves_images_of_one_label_as_they_are():
    logits, labels = torch.randn(1, 3, 2, 2), torch.tensor([[[0, 0], [255, 0]]])
    torch.testing.assert_close(easy_cross_entropy(logits, labels), cross_entropy(logits, labels))


def test_oeem_is_computed_within_each_image():
    logits, labels = torch.randn(3, 3, 4, 4), torch.randint(0, 3, (3, 4, 4))
    singles = [easy_cross_entropy(logits[i : i + 1], labels[i : i + 1]) for i in range(3)]
    torch.testing.assert_close(easy_cross_entropy(logits, labels), torch.stack(singles).mean())


def test_oeem_of_an_image_that_is_wrong_everywhere_is_the_mean():
    logits = torch.tensor([[[[900.0, 0]], [[0, 900.0]]]])
    assert easy_cross_entropy(logits, torch.tensor([[[1, 0]]])) == 900


@given(length=st.integers(2, 600), cells=st.integers(1, 90))
def test_labels_are_resized_as_pillow_does(length, cells):
    row = np.arange(length, dtype=np.int32)[None]
    expected = np.asarray(Image.fromarray(row).resize((cells, 1), Image.Resampling.NEAREST))
    assert np.array_equal(resized_labels(torch.from_numpy(row)[None], (1, cells))[0], expected)


def test_every_scale_is_compared_at_its_own_size():
    labels = torch.randint(0, 3, (2, 8, 8))
    logits = [torch.randn(2, 3, side, side) for side in (8, 4, 6)]
    losses = multiscale_cross_entropy(logits, labels)
    assert [loss.shape for loss in losses] == [()] * 3
    assert losses[0] == cross_entropy(logits[0], labels)
