import numpy as np
import pytest
import torch

from wsss.losses.tokens import UNSURE, token_contrast, token_labels


def plain_labels(maps, labels, low, high):
    """Label tokens one image and one class at a time."""
    found = np.full((len(maps), *maps.shape[2:]), UNSURE)
    for image, present, out in zip(maps, labels, found, strict=True):
        scores = np.zeros_like(image)
        for c in np.flatnonzero(present):
            positive = np.maximum(image[c], 0)
            scores[c] = (positive - positive.min()) / (positive.max() - positive.min())
        best = scores.max(0)
        out[best > high] = scores.argmax(0)[best > high] + 1
        out[best <= low] = 0
    return found


def plain_contrast(tokens, labels):
    """Compare tokens pair by pair."""
    sums, counts = {True: 0.0, False: 0.0}, {True: 0, False: 0}
    for image, label in zip(tokens, labels, strict=True):
        flat, names = image.reshape(len(image), -1).T, label.ravel()
        for i in range(len(flat)):
            for j in range(len(flat)):
                if i != j and UNSURE not in (names[i], names[j]):
                    norms = np.linalg.norm(flat[i]) * np.linalg.norm(flat[j])
                    same = bool(names[i] == names[j])
                    sums[same] += abs(flat[i] @ flat[j] / norms)
                    counts[same] += 1
    same, different = (sums[kind] / (counts[kind] + 1) for kind in (True, False))
    return (1 - same) / 2 + different / 2


def test_golden_values():
    rng = np.random.default_rng(0)
    maps, tokens = rng.normal(size=(2, 3, 4, 5)), rng.normal(size=(2, 6, 4, 5))
    present = np.array([[1, 0, 1], [0, 1, 0]])
    labels = token_labels(torch.tensor(maps), torch.tensor(present), 0.25, 0.7)
    np.testing.assert_array_equal(labels, plain_labels(maps, present, 0.25, 0.7))
    assert {-1, 0, 1, 2, 3} == set(labels.unique().tolist())
    loss = token_contrast(torch.tensor(tokens), labels)
    assert loss.item() == pytest.approx(plain_contrast(tokens, labels.numpy()), abs=1e-6)


def test_thresholds_are_background_first():
    maps = torch.tensor([0.0, 0.25, 0.26, 0.7, 0.71, 1.0]).view(1, 1, 1, 6)
    labels = token_labels(maps, torch.ones(1, 1), 0.25, 0.7)
    assert labels.flatten().tolist() == [0, 0, UNSURE, UNSURE, 1, 1]


def test_maps_without_activation_are_background():
    assert not token_labels(-torch.ones(1, 2, 3, 3), torch.ones(1, 2), 0.25, 0.7).any()


@pytest.mark.parametrize("sure", [0, 1])
def test_without_pairs_the_loss_is_a_half(sure):
    labels = torch.full((1, 2, 2), UNSURE)
    labels.view(-1)[:sure] = 1
    tokens = torch.randn(1, 3, 2, 2, requires_grad=True)
    loss = token_contrast(tokens, labels)
    loss.backward()
    assert loss.item() == 0.5 and tokens.grad.isfinite().all()


def test_more_than_255_classes():
    maps = torch.zeros(1, 300, 1, 2)
    maps[0, 254, 0, 0] = maps[0, 299, 0, 1] = 1
    assert token_labels(maps, torch.ones(1, 300), 0.25, 0.7).flatten().tolist() == [255, 300]


def test_orthogonal_tokens_of_two_classes_are_best():
    labels = torch.tensor([[[1] * 50 + [0] * 50]])
    tokens = torch.eye(2)[labels.flatten()].T.reshape(1, 2, 1, 100)
    assert token_contrast(tokens, labels) < 0.001
    assert token_contrast(torch.ones(1, 2, 1, 100), labels) > 0.49
