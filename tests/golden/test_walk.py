"""Agreement with the random walk of PSA, SEAM and AEFT (golden README, section 8)."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from wsss.config.crf import CrfKernel
from wsss.ops.affinity import block_mean
from wsss.ops.crf import ImageCRF
from wsss.ops.pairs import pair_indices
from wsss.ops.resize import resize_bilinear
from wsss.ops.seeds import background_score
from wsss.ops.walk import random_walk

RADIUS = 5

pytestmark = pytest.mark.golden


def walk(ref, official):
    """Walked scores of background and present classes (K + 1, h, w)."""
    alpha, beta, logt = ref[f"{official}_alpha_beta_logt"].tolist()
    cams, (height, width) = ref["cams"], ref["padded"].tolist()
    scores = np.concatenate([background_score(cams, alpha)[None], cams])
    margin = [(0, 0), (0, height - scores.shape[1]), (0, width - scores.shape[2])]
    scores = torch.from_numpy(block_mean(np.pad(scores, margin)))
    affinity = torch.from_numpy(ref["affinity"])
    # the golden cells have whole neighbourhoods at the border, too: a frame without affinity
    around = (RADIUS - 1, RADIUS - 1, 0, RADIUS - 1)
    h, w = scores.shape[1:]
    cells = F.pad(torch.arange(h * w).view(h, w), around, value=-1)
    source, target = pair_indices(*cells.shape, RADIUS)
    here, there = cells.flatten()[source], cells.flatten()[target]
    pairs = torch.where(there < 0, 0, affinity[here, there])
    walked = random_walk(F.pad(scores, around), pairs, RADIUS, beta, 2**logt)
    return walked[:, :h, RADIUS - 1 : RADIUS - 1 + w]


@pytest.mark.parametrize("official", ["psa", "seam", "aeft"])
def test_scores(golden, official):
    ref = golden("random_walk")
    low = walk(ref, official)
    ref.agree(f"{official}_scores_low", low)
    up = resize_bilinear(low[None], tuple(ref["padded"].tolist()))[0]
    step = int(ref["scores_up_stride"])
    ref.agree(f"{official}_scores_up", up[:, ::step, ::step])


@pytest.mark.parametrize("official", ["psa", "seam"])
def test_labels(golden, official):
    ref = golden("random_walk")
    up = resize_bilinear(walk(ref, official)[None], tuple(ref["padded"].tolist()))[0]
    labels = ref["rows"][up.argmax(dim=0).numpy()]
    height, width = ref["image"].shape[:2]
    ref.agree(f"{official}_pred", labels[:height, :width])


def test_labels_after_a_crf(golden):
    ref = golden("random_walk")
    up = resize_bilinear(walk(ref, "aeft")[None], tuple(ref["padded"].tolist()))[0].numpy()
    scores = np.zeros((21, *up.shape[1:]), dtype=np.float32)
    scores[ref["rows"]] = up
    crf = ImageCRF(ref["aeft_img8"], len(scores), CrfKernel(iterations=1))
    labels = crf.refine(scores).argmax(axis=0)
    height, width = ref["image"].shape[:2]
    ref.agree("aeft_crf_argmax_padded", labels)
    ref.agree("aeft_pred", labels[:height, :width])
