"""Two processes on the CPU: they train as one, every method trains, and the replicas stay equal."""

import pandas as pd
import pytest
import torch
from lightning_fabric import Fabric
from lightning_fabric.strategies import DDPStrategy
from torch.utils.data import Dataset

from tests.methods.cases import CLASSES, COMBINATIONS, TRAINED, make, sample
from wsss import methods
from wsss.config.segmenter import SegmenterTrain
from wsss.engine.checkpoint import Resume
from wsss.engine.fit import fit
from wsss.errors import UserError
from wsss.losses.affinity import affinity_loss
from wsss.losses.erasing import attention_mining
from wsss.losses.segmentation import LOSSES
from wsss.losses.triplet import repulsion
from wsss.nn.backbones import build

TRAIN = SegmenterTrain(
    epochs=2, batch_size=6, optimizer="sgd", lr=0.01, head_lr_factor=10, bias_lr_factor=2,
    min_steps=0, decay_biases=False, momentum=0.9, weight_decay=1e-4, poly_power=0.9,
)  # fmt: skip


class Colours(Dataset):
    """Twelve samples that tell their position by their colour; one may be spoilt, one missing."""

    def __init__(self, spoilt=None, missing=None):
        torch.manual_seed(0)
        self.missing = missing
        self.batch = sample(32, repeats=4)
        if spoilt is not None:
            self.batch["image"][spoilt] = torch.nan

    def __len__(self):
        return 12

    def __getitem__(self, place):
        if place[1] == self.missing:
            raise UserError("no such file")
        return {key: value[place[1]] for key, value in self.batch.items()}


def weights(task):
    return torch.cat([p.detach().flatten() for p in task.parameters()])


def train(fabric, name, folder):
    task = make(name)
    before = weights(task)
    fit(fabric, task, Colours(), TRAIN, 0, Resume(folder / "work", name), folder / f"{name}.csv")
    return before, weights(task)


def replica(fabric, folder):
    torch.set_num_threads(1)
    for name in (*TRAINED, *COMBINATIONS[:2]):
        before, after = train(fabric, name, folder)
        both = fabric.all_gather(after)
        assert torch.equal(both[0], both[1]), name
        assert not torch.equal(before, after), name


def in_two(function, *args):
    strategy = DDPStrategy(
        start_method="spawn", process_group_backend="gloo", find_unused_parameters=True
    )
    fabric = Fabric(accelerator="cpu", devices=2, strategy=strategy)
    fabric.launch(function, *args)


@pytest.mark.slow
def test_replicas_stay_equal(tmp_path):
    in_two(replica, tmp_path)
    assert (tmp_path / "psa.csv").exists()


def plain(fabric, folder, parts=1, **mistakes):
    """Train without dropout and batch statistics, which depend on the number of processes."""
    torch.manual_seed(0)
    params = {"psa": methods.get("psa").Params(dropout=0)}
    task = methods.make("psa", build("resnet18"), CLASSES, params, {})
    settings = TRAIN.model_copy(update={"batch_size": 4, "accumulate": parts})
    resume = Resume(folder / "work", f"{parts} {mistakes}")
    fit(fabric, task, Colours(**mistakes), settings, 0, resume, folder / f"{parts}.csv")
    if fabric.is_global_zero:
        torch.save(task.state_dict(), folder / f"{parts}.pt")


def share(fabric, folder):
    torch.set_num_threads(1)
    for parts in (1, 2):
        plain(fabric, folder, parts)
    # a sample is in the part of one process; both must notice, or one waits for ever
    with pytest.raises(UserError, match="net/cls is not finite at step"):
        plain(fabric, folder, spoilt=5)
    with pytest.raises(UserError, match="no such file"):
        plain(fabric, folder, missing=5)
    with pytest.raises(UserError, match="batch_size 4 cannot be computed in 4 equal parts"):
        plain(fabric, folder, parts=4)


UNEVEN = torch.tensor([[0, 0, 0, 0], [1, 1, 1, 1], [1, 1, 1, 255], [255, 255, 255, 255]])
"""Labels of four images: half of the batch has most of what a loss is a mean over."""


def uneven_losses(part):
    """The losses that are means over part of a batch, of the images in `part`, and gradients."""
    torch.manual_seed(0)
    x = torch.rand(4, 2, 4, 1)[part].requires_grad_()
    labels = UNEVEN[part, :, None]
    kinds = [(labels == kind).float().flatten(1)[:, None] for kind in (0, 1, 255)]
    pairs, rows = x.flatten(2).mean(1, keepdim=True), x[:, 0, :, 0]
    shown = labels[:, 0, 0] == 1
    losses = [
        *(loss(x, labels) for loss in LOSSES.values()),
        *affinity_loss(pairs, *kinds).values(),
        attention_mining(rows[shown], torch.ones_like(shown[shown], dtype=torch.int64)),
        repulsion(rows.repeat(3, 1), 1.01 * rows.repeat(3, 1), 0.5),
    ]
    torch.stack(losses).sum().backward()
    return torch.stack(losses).detach(), x.grad


def halves(fabric, folder):
    torch.set_num_threads(1)
    part = slice(2) if fabric.is_global_zero else slice(2, 4)
    losses, gradient = uneven_losses(part)
    mean = fabric.all_reduce(losses, reduce_op="mean")
    both = fabric.all_gather(gradient).flatten(0, 1) / 2
    if fabric.is_global_zero:
        torch.save((mean, both), folder / "halves.pt")


@pytest.mark.slow
def test_means_over_part_of_a_batch_are_those_of_the_whole(tmp_path):
    in_two(halves, tmp_path)
    losses, gradient = torch.load(tmp_path / "halves.pt")
    expected, whole = uneven_losses(slice(4))
    assert (expected > 0).all()
    torch.testing.assert_close(losses, expected)
    torch.testing.assert_close(gradient, whole)


@pytest.mark.slow
def test_two_processes_train_as_one(tmp_path):
    two, one = tmp_path / "two", tmp_path / "one"
    in_two(share, two)
    for parts in (1, 2):
        plain(Fabric(accelerator="cpu", devices=1), one, parts)
        a, b = (pd.read_csv(folder / f"{parts}.csv", comment="#") for folder in (one, two))
        assert a["step"].tolist() == [1, 2, 3, 4, 5, 6]
        pd.testing.assert_frame_equal(a, b, rtol=1e-4)
        one_net, two_net = (torch.load(folder / f"{parts}.pt") for folder in (one, two))
        for name, tensor in one_net.items():
            # convolutions of half a batch are rounded otherwise, on some processors more
            torch.testing.assert_close(two_net[name], tensor, rtol=1e-4, atol=1e-4)
