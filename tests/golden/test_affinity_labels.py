"""Agreement with PSA's pairs, training labels and pair labels (golden README, section 7)."""

import re

import pytest
import torch

from wsss.ops.affinity import confident_labels, pair_labels
from wsss.ops.pairs import pair_indices

pytestmark = pytest.mark.golden
RADIUS = 5


@pytest.fixture(scope="module")
def ref(golden):
    return golden("affinity")


def check_pairs(ref, name, labels):
    """Compare the three kinds of pairs of one label map."""
    labels = torch.as_tensor(labels)
    kinds = pair_labels(labels[None], RADIUS)
    for kind, got in zip(("bg_pos", "fg_pos", "neg"), kinds, strict=True):
        ref.agree(f"{name}_{kind}", got[0])


def test_pairs(ref):
    sizes = re.findall(r"pairs_(\d+)x(\d+)_from", " ".join(ref.keys()))
    assert sizes
    for h, w in sizes:
        source, target = pair_indices(int(h), int(w), RADIUS)
        ref.agree(f"pairs_{h}x{w}_from", source)
        ref.agree(f"pairs_{h}x{w}_to", target)


def test_labels_of_scores(ref):
    names = re.findall(r"(lab\d+)_map", " ".join(ref.keys()))
    assert names
    for name in names:
        la, ha = (ref[f"{name}_{which}_scores"].transpose(2, 0, 1) for which in ("la", "ha"))
        labels = confident_labels(la, ha)
        ref.agree(f"{name}_map", labels)
        check_pairs(ref, name, labels)


def test_labels_at_random(ref):
    check_pairs(ref, "labr", ref["labr_map"])
