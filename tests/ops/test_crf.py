import numpy as np
import pytest

from wsss.config.crf import CrfKernel, PostCrf
from wsss.ops.crf import ImageCRF, decide
from wsss.ops.finite import NotFiniteError

RNG = np.random.default_rng(0)
IMAGE = RNG.integers(0, 256, (12, 17, 3), dtype=np.uint8)
SCORES = RNG.random((3, 12, 17), dtype=np.float32)


def test_posteriors_sum_to_one():
    posterior = ImageCRF(IMAGE, 3, CrfKernel()).refine(SCORES)
    assert posterior.shape == SCORES.shape
    assert posterior.dtype == np.float32
    assert np.allclose(posterior.sum(axis=0), 1, atol=1e-5)


def test_an_object_is_reusable():
    crf = ImageCRF(IMAGE, 3, CrfKernel())
    crf.refine(SCORES)
    again = crf.refine(SCORES**2)
    assert np.array_equal(again, ImageCRF(IMAGE, 3, CrfKernel()).refine(SCORES**2))


def test_results_do_not_share_memory():
    crf = ImageCRF(IMAGE, 3, CrfKernel())
    first = crf.refine(SCORES)
    kept = first.copy()
    crf.refine(SCORES**2)
    assert np.array_equal(first, kept)


def test_without_iterations_scores_are_normalised():
    posterior = ImageCRF(IMAGE, 3, PostCrf()).refine(SCORES)
    expected = np.clip(SCORES, 1e-5, 1)
    assert np.allclose(posterior, expected / expected.sum(axis=0), atol=1e-5)


def test_labels_follow_colours():
    image = np.zeros((10, 20, 3), dtype=np.uint8)
    image[:, 10:] = 255
    scores = np.full((2, 10, 20), 0.5, dtype=np.float32)
    scores[0, 5, 2], scores[1, 5, 2] = 0.9, 0.1
    scores[0, 5, 17], scores[1, 5, 17] = 0.1, 0.9
    labels = ImageCRF(image, 2, CrfKernel()).refine(scores).argmax(axis=0)
    assert (labels == (image[..., 0] == 255)).all()


def test_a_lone_label_is_certain():
    posterior = ImageCRF(IMAGE, 1, CrfKernel()).refine(SCORES[:1])
    assert np.array_equal(posterior, np.ones_like(SCORES[:1]))


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1)])
def test_tiny_images(shape):
    image = np.full((*shape, 3), 7, dtype=np.uint8)
    posterior = ImageCRF(image, 2, CrfKernel()).refine(np.full((2, *shape), 0.5, dtype=np.float32))
    assert np.allclose(posterior, 0.5)


def test_views_of_larger_arrays_are_taken():
    flipped = ImageCRF(IMAGE[:, ::-1], 3, CrfKernel()).refine(SCORES[:, :, ::-1])
    copied = ImageCRF(IMAGE[:, ::-1].copy(), 3, CrfKernel()).refine(SCORES[:, :, ::-1].copy())
    assert np.array_equal(flipped, copied)


def test_read_only_images_are_taken():
    image = IMAGE.copy()
    image.flags.writeable = False
    assert ImageCRF(image, 3, CrfKernel()).refine(SCORES).shape == SCORES.shape


@pytest.mark.parametrize("image", [IMAGE[..., 0], IMAGE.astype(np.float32), IMAGE[:0]])
def test_other_images_are_refused(image):
    with pytest.raises(ValueError, match="uint8"):
        ImageCRF(image, 2, CrfKernel())


def test_other_scores_are_refused():
    crf = ImageCRF(IMAGE, 3, CrfKernel())
    with pytest.raises(ValueError, match="must be"):
        crf.refine(SCORES[:2])


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
@pytest.mark.parametrize("iterations", [0, 2])
def test_scores_that_are_not_finite_are_no_labels(wrong, iterations):
    with pytest.raises(NotFiniteError):
        decide(SCORES * np.float32(wrong), IMAGE, PostCrf(iterations=iterations))


def test_posteriors_that_are_not_finite_are_refused():
    with pytest.raises(NotFiniteError, match="posteriors"):
        ImageCRF(IMAGE, 3, CrfKernel(gaussian_weight=3e38, bilateral_weight=3e38)).refine(SCORES)
