import pytest
import torch
import torch.nn.functional as F

from wsss.ops.cam import scale_min_max
from wsss.ops.gradcam import class_maps, gradient_weights, pair_order, ranked_classes
from wsss.ops.resize import resize_bilinear

PRESENT = ({3}, {2, 5, 7}, {0, 19})
EXAMPLE = torch.tensor([[float(c in classes) for c in range(20)] for classes in PRESENT])
MAP = torch.tensor([[[[0.0, 1.0], [2.0, -1.0]]]])


def test_ranked_classes_of_the_sheet():
    expected = [[3, -1, -1], [2, 5, 7], [0, 19, -1]]
    assert ranked_classes(EXAMPLE).tolist() == expected


def test_no_class_at_all():
    classes = ranked_classes(torch.zeros(2, 4))
    assert classes.shape == (2, 0)
    assert [len(part) for part in pair_order(classes, "rank")] == [0, 0]


@pytest.mark.parametrize(
    ("major", "targets", "images"),
    [
        ("rank", [3, 2, 0, 5, 19, 7], [0, 1, 2, 1, 2, 1]),
        ("image", [3, 2, 5, 7, 0, 19], [0, 1, 1, 1, 2, 2]),
    ],
)
def test_published_orders(major, targets, images):
    classes = ranked_classes(EXAMPLE)
    image, rank = pair_order(classes, major)
    assert classes[image, rank].tolist() == targets
    assert image.tolist() == images


def test_class_maps_by_hand():
    features = torch.tensor([[[[1.0, 2.0]], [[3.0, 4.0]]]])
    weights = torch.tensor([[1.0, 1.0], [1.0, -1.0], [0.0, 0.5]])
    expected = [[[4.0, 6.0]], [[-2.0, -2.0]], [[1.5, 2.0]]]
    assert class_maps(features, weights)[0].tolist() == expected
    assert class_maps(features, weights[None])[0].tolist() == expected


def test_class_maps_stay_in_float32_under_autocast():
    features, weights = torch.rand(1, 64, 3, 3), torch.randn(5, 64)
    with torch.autocast("cpu", torch.bfloat16):
        maps = class_maps(features, weights)
    assert torch.equal(maps, class_maps(features, weights))


@pytest.mark.parametrize("size", [(3, 5), (4, 4)])
def test_gradient_weights_of_a_linear_head_are_its_rows(size):
    features = torch.randn(3, 6, *size)
    head = torch.nn.Linear(6, 20)
    classes = ranked_classes(EXAMPLE)
    weights = gradient_weights(features, lambda f: head(f.mean((2, 3))), classes)
    rows = head.weight[classes.clamp(min=0)] * (classes >= 0)[:, :, None]
    assert torch.allclose(weights, rows / (size[0] * size[1]), atol=1e-7)


def test_gradient_weights_follow_a_curved_head():
    features = torch.rand(1, 2, 1, 2)
    weights = gradient_weights(features, lambda f: (f**2).sum((2, 3)), torch.tensor([[1]]))
    assert torch.allclose(weights[0, 0], torch.tensor([0.0, features[0, 1].sum()]))


def test_gradient_weights_touch_no_parameter_and_no_graph():
    head = torch.nn.Linear(2, 3)
    features = torch.rand(2, 2, 4, 4, requires_grad=True)
    with torch.no_grad():
        classes = torch.tensor([[0, 2], [1, -1]])
        weights = gradient_weights(features, lambda f: head(f.mean((2, 3))), classes)
    assert head.weight.grad is None
    assert features.grad is None
    assert not weights.requires_grad
    assert not weights[1, 1].any()


def test_gradient_weights_without_a_class():
    none = torch.zeros(2, 0, dtype=torch.int64)
    assert gradient_weights(torch.rand(2, 4, 1, 1), lambda f: f[..., 0, 0], none).shape == (2, 0, 4)


def test_scaled_maps_of_the_sheet():
    gcam = scale_min_max(resize_bilinear(F.relu(MAP), (4, 4)))[0, 0]
    cam = scale_min_max(resize_bilinear(MAP, (4, 4)))[0, 0]
    assert gcam.tolist() == [
        [0, 0.125, 0.375, 0.5],
        [0.25, 0.28125, 0.34375, 0.375],
        [0.75, 0.59375, 0.28125, 0.125],
        [1, 0.75, 0.25, 0],
    ]
    expected = [2, 2.5, 3.5, 4, 3, 3, 3, 3, 5, 4, 2, 1, 6, 4.5, 1.5, 0]
    assert torch.allclose(6 * cam.flatten(), torch.tensor(expected), atol=1e-6)
