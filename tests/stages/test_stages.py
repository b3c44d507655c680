"""The per-image stages as functions, on small networks and hand-made images."""

import numpy as np
import pytest
import torch

from wsss import methods
from wsss.config.affinity import AffinityFeatures, Walk
from wsss.config.caminfer import CamInfer
from wsss.config.model import Run
from wsss.config.segmenter import SegmenterInfer
from wsss.data.views import scaled_copies
from wsss.nn import segmenters
from wsss.nn.affinitynet import AffinityNet
from wsss.nn.backbones import build
from wsss.nn.featureaffinity import FeatureAffinity
from wsss.ops import crf
from wsss.ops.finite import NotFiniteError
from wsss.stages.infer_cam import compute_cam
from wsss.stages.infer_segmenter import segment
from wsss.stages.random_walk import spread
from wsss.stages.refine_maps import refine

SIZES = [(40, 56), (37, 61), (9, 20), (1, 1)]


def image(height, width):
    """A dark image with a bright right half."""
    pixels = np.full((height, width, 3), 40, np.uint8)
    pixels[:, width // 2 :] = 220
    return pixels


@pytest.fixture(scope="module")
def method():
    torch.manual_seed(0)
    kind = methods.get("psa")
    return kind(build("tiny"), 3, kind.Params()).eval().requires_grad_(False)


def maps(method, pixels, classes, scales=(1.0,), flip=False):
    """The class activation maps of an image."""
    config = CamInfer(scales=list(scales), flip=flip)
    given = scaled_copies(pixels, config.scales, config.resampling)
    return compute_cam(method, given, classes, config)[0]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("classes", [(), (1,), (0, 2)])
def test_maps_are_small_and_normalised(method, size, classes):
    cam = maps(method, image(*size), classes, scales=[0.5, 1.0], flip=True)
    assert cam.shape == (len(classes), -(-size[0] // 4), -(-size[1] // 4))
    assert cam.dtype == np.float16
    assert cam.min(initial=0) >= 0 and cam.max(initial=0) <= 1


def test_a_flat_map_of_seam_stays_within_what_readers_take():
    torch.manual_seed(0)
    kind = methods.get("seam")
    net = kind(build("tiny"), 3, kind.Params()).eval().requires_grad_(False)
    net.infer = lambda batch, size, classes: torch.full((1, len(classes), *size), 0.7)
    cam = maps(net, image(9, 20), (1,))
    assert (cam == -1).all()


@pytest.mark.parametrize(("scales", "flip"), [([1.0], True), ([0.5, 1.0], False)])
def test_the_stability_compares_the_views_with_their_mean(method, scales, flip):
    config = CamInfer(scales=scales, flip=flip)
    pixels = np.random.default_rng(0).integers(0, 256, (40, 56, 3), np.uint8)
    given = scaled_copies(pixels, scales, config.resampling)
    _, stable = compute_cam(method, given, (0, 2), config)
    assert stable.shape == () and stable.dtype == np.float32 and 0 < stable < 1


def test_one_view_and_no_class_have_no_stability(method):
    given = scaled_copies(image(40, 56), [1.0], "torch")
    for classes, flip in [((1,), False), ((), True)]:
        config = CamInfer(scales=[1.0], flip=flip)
        assert np.isnan(compute_cam(method, given, classes, config)[1])


def test_maps_that_are_not_finite_are_not_written(method, monkeypatch):
    def infer(batch, size, classes):
        return torch.full((1, len(classes), *size), torch.nan)

    monkeypatch.setattr(method, "infer", infer)
    with pytest.raises(NotFiniteError, match="class maps"):
        maps(method, image(9, 20), (1,))


def test_maps_do_not_depend_on_the_other_labels(method):
    alone, both = (maps(method, image(40, 56), classes) for classes in [(2,), (0, 2)])
    np.testing.assert_allclose(alone[0], both[1], atol=1e-3)


def run(refiner, alphas):
    return Run(refine=refiner, crf={"alphas": alphas}, par={"alphas": alphas})


@pytest.mark.parametrize("refiner", ["crf", "par", "par+crf"])
def test_scores_leave_certainty_to_the_last_label_and_follow_alpha(refiner):
    cam = np.zeros((1, 20, 30), np.float32)
    cam[:, :, 15:] = 0.6
    low, high = refine(image(20, 30), cam, run(refiner, [1, 32]))
    assert low.dtype == np.uint8 and low.shape == (1, 20, 30)
    assert (high <= low).all()
    assert (high[0, :, 15:] < 128).all() and high[0, :, 0].min() > 128


def test_one_lattice_serves_all_alphas(monkeypatch):
    built = []
    original = crf.ImageCRF.__init__
    monkeypatch.setattr(
        crf.ImageCRF, "__init__", lambda *args: (built.append(1), original(*args))[1]
    )
    cam = np.full((1, 8, 8), 0.5, np.float32)
    assert len(refine(image(8, 8), cam, run("crf", [1, 2, 4, 8]))) == 4
    assert len(built) == 1


def test_par_fills_areas_of_one_colour_and_keeps_the_maximum():
    cam = np.zeros((1, 20, 30), np.float32)
    cam[:, 5:9, 18:25] = 1
    (low, _) = refine(image(20, 30), cam, run("par", [1, 2]))
    inside = 255 - low[0]
    assert inside[:, 17:].min() > 100 > inside[:, :13].max()
    assert inside.max() == 255


@pytest.mark.parametrize("refiner", ["crf", "par", "par+crf"])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("present", [0, 3])
def test_refined_maps_have_the_size_of_the_image(refiner, size, present):
    cam = np.random.default_rng(0).random((present, *size), np.float32)
    for scores in refine(image(*size), cam, run(refiner, [1, 8])):
        assert scores.shape == (present, *size) and scores.dtype == np.uint8


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("labels", [1, 3])
@pytest.mark.parametrize("kind", ["learned", "features"])
def test_a_walk_keeps_the_size_and_stays_a_mean_of_scores(size, labels, kind):
    torch.manual_seed(0)
    net = AffinityNet(build("tiny"))
    if kind == "features":
        net = FeatureAffinity(build("tiny"), AffinityFeatures().taps)
    given = np.random.default_rng(0).random((labels, *size), np.float32)
    config = Walk(logt=3, crf={"iterations": 0})
    scores = spread(net.eval().requires_grad_(False), 5, image(*size), given, config)
    assert scores.shape == (labels, *size)
    assert scores.min() >= 0 and scores.max() <= 1 + 1e-5


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("iterations", [0, 2])
def test_a_segmenter_predicts_at_the_size_of_the_image(size, iterations):
    torch.manual_seed(0)
    net = segmenters.build("deeplab_v3plus", build("tiny"), 4, width=8).eval().requires_grad_(False)
    options = SegmenterInfer(scales=[0.5, 1.0], crf={"iterations": iterations})
    given = scaled_copies(image(*size), options.scales, options.resampling)
    labels = segment(net, given, options)
    assert labels.shape == size and labels.dtype == np.uint8 and labels.max() < 4
