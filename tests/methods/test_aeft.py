import pytest
import torch
from pydantic import ValidationError

from wsss.methods.aeft import Aeft, AeftParams
from wsss.nn.backbones import build
from wsss.nn.task import Progress

BEFORE, AFTER = Progress(0, 10, 1), Progress(8, 10, 2)


def aeft(**options):
    torch.manual_seed(0)
    return Aeft(build("tiny"), 3, AeftParams(start=2, batch_size=9, **options)).train()


def sample(images=9):
    torch.manual_seed(0)
    label = torch.eye(3).repeat(images // 3, 1)
    return {"image": torch.randn(images, 3, 32, 32), "label": label}


def test_the_triplet_starts_at_its_epoch():
    method, batch = aeft(), sample()
    assert method(batch, BEFORE)["net"].keys() == {"cls"}
    assert method(batch, AFTER)["net"].keys() == {"cls", "attraction", "repulsion"}
    assert [method.batch_size(4, epoch) for epoch in (0, 1, 2, 3)] == [4, 4, 9, 9]


def test_losses_are_weighted():
    method, batch = aeft(margin=50.0), sample()
    twice = aeft(margin=50.0, attraction=0.4, repulsion=0.3)
    pairs = torch.arange(9), torch.arange(9).roll(1)
    one, two = (m.triplet_losses(*batch.values(), *pairs) for m in (method, twice))
    torch.testing.assert_close(two["attraction"], 2 * one["attraction"])
    torch.testing.assert_close(two["repulsion"], 2 * one["repulsion"])
    assert one["repulsion"] > 0
    assert two["cls"] == one["cls"]


@pytest.mark.parametrize(("images", "seen"), [(9, 3), (3, 1)])
def test_the_classification_sees_its_share_of_the_batch(images, seen):
    method, batch = aeft(classified=3).eval(), sample(images)
    changed = batch | {"label": torch.cat([batch["label"][:seen], 1 - batch["label"][seen:]])}
    none = torch.arange(0)
    one, two = (method.triplet_losses(*b.values(), none, none)["cls"] for b in (batch, changed))
    assert one == two


def test_a_batch_without_partners_trains():
    batch = sample() | {"label": torch.ones(9, 3)}
    losses = aeft()(batch, AFTER)["net"]
    sum(losses.values()).backward()
    assert losses["repulsion"] == 0
    assert losses["attraction"] > 0


@pytest.mark.parametrize("progress", [BEFORE, AFTER])
def test_half_precision_stays_finite(progress):
    method = aeft()
    with torch.autocast("cpu", torch.bfloat16):
        losses = method(sample(), progress)["net"]
    sum(losses.values()).backward()
    assert all(p.grad.isfinite().all() for p in method.parameters() if p.grad is not None)


def test_maps_are_upsampled_before_they_are_rectified():
    method, image, classes = aeft().eval(), torch.randn(1, 3, 32, 32), torch.tensor([0, 2])
    with torch.no_grad():
        low, drawn = method.cam(image)[:, classes], method.infer(image, (4, 4), classes)
        large = method.infer(image, (64, 64), classes)
    assert torch.equal(low, drawn)
    resized = torch.nn.functional.interpolate(low, size=(64, 64), mode="bilinear")
    assert (large <= resized + 1e-6).all()
    assert not torch.allclose(large, resized)


@pytest.mark.parametrize("wrong", [{"erase": 1.5}, {"margin": 0}, {"start": -1}, {"classified": 0}])
def test_params_are_checked(wrong):
    with pytest.raises(ValidationError):
        AeftParams(**wrong)
