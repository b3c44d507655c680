"""Agreement with pydensecrf as PSA, AEFT, DeepLab and IRN call it (golden README, section 9)."""

import re

import numpy as np
import pytest

from wsss.config.crf import CrfKernel
from wsss.ops.colour import wrapped
from wsss.ops.crf import ImageCRF
from wsss.ops.seeds import background_score

pytestmark = pytest.mark.golden

DEEPLAB = CrfKernel(gaussian_sxy=1, bilateral_sxy=67, bilateral_srgb=3, bilateral_weight=4)
SEAM_V1 = CrfKernel(iterations=1, bilateral_sxy=32)
IRN = CrfKernel(bilateral_sxy=50, bilateral_srgb=5)


@pytest.fixture(scope="module")
def ref(golden):
    return golden("crf")


def scores(ref, alpha):
    return np.concatenate([background_score(ref["cams"], alpha)[None], ref["cams"]])


def parameters(ref, pattern):
    """Numbers in the names of the keys that match."""
    found = [re.fullmatch(pattern, key) for key in ref]
    numbers = [tuple(int(n) for n in match.groups()) for match in found if match]
    assert numbers, pattern
    return numbers


def test_psa_at_every_alpha_on_one_lattice(ref):
    crf = ImageCRF(ref["image"], len(ref["cams"]) + 1, CrfKernel())
    labels = ref["rows"].astype(np.uint8)
    for alpha in ref["alphas"].tolist():
        got = crf.refine(scores(ref, alpha))
        ref.agree(f"psa_alpha{alpha}", got)
        ref.agree(f"psa_alpha{alpha}_argmax", labels[got.argmax(axis=0)])


def test_psa_with_fewer_iterations(ref):
    for alpha, steps in parameters(ref, r"psa_alpha(\d+)_t(\d+)"):
        crf = ImageCRF(ref["image"], len(ref["cams"]) + 1, CrfKernel(iterations=steps))
        ref.agree(f"psa_alpha{alpha}_t{steps}", crf.refine(scores(ref, alpha)))


def test_aeft(ref):
    crf = ImageCRF(ref["image"], len(ref["cams"]) + 1, CrfKernel())
    for (alpha,) in parameters(ref, r"aeft_alpha(\d+)_bg"):
        got = crf.refine(scores(ref, alpha))
        ref.agree(f"aeft_alpha{alpha}_bg", got[0])
        ref.agree(f"aeft_alpha{alpha}_argmax", ref["rows"][got.argmax(axis=0)])


def test_all_labels_with_absent_classes(ref):
    every = np.zeros((21, *ref["image"].shape[:2]), dtype=np.float32)
    every[ref["rows"]] = scores(ref, 16)
    got = ImageCRF(ref["image"], 21, CrfKernel(iterations=1)).refine(every)
    ref.agree("rw21_t1_rows", got[ref["rows"]])
    ref.agree("rw21_t1_argmax", got.argmax(axis=0))


@pytest.mark.parametrize(
    ("key", "image", "order", "params"),
    [
        ("aeft_dl", "image", -1, DEEPLAB),
        ("deeplab_bgr", "image", -1, DEEPLAB),
        ("deeplab_main", "deeplab_main_image", 1, DEEPLAB),
        ("seamv1_t1", "image", 1, SEAM_V1),
    ],
)
def test_segmenters(ref, key, image, order, params):
    crf = ImageCRF(ref[image][..., ::order], len(ref["prob"]), params)
    ref.agree(key, crf.refine(ref["prob"]))


def test_colours_that_wrap_around(ref):
    ref.agree("deeplab_main_image", wrapped(ref["image"])[..., ::-1])


def test_irn_from_labels(ref):
    count = len(ref["rows"])
    hit = np.arange(count)[:, None, None] == ref["irn_label_in"]
    got = ImageCRF(ref["image"], count, IRN).refine(np.where(hit, 0.7, 0.3 / (count - 1)))
    ref.agree("irn_label_out", got.argmax(axis=0))
