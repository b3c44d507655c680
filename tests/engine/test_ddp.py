"""Two processes on the CPU: every method trains, and the replicas stay equal."""

import pytest
import torch
from lightning_fabric import Fabric
from lightning_fabric.strategies import DDPStrategy
from torch.utils.data import Dataset

from tests.methods.cases import COMBINATIONS, make, sample
from wsss.config.methods import method_names
from wsss.engine.checkpoint import Resume
from wsss.engine.fit import Recipe, fit

RECIPE = Recipe(
    epochs=2, batch_size=6, optimizer="sgd", lr=0.01, head_lr=10, bias_lr=2,
    decay_biases=False, momentum=0.9, weight_decay=1e-4, poly_power=0.9, seed=0,
)  # fmt: skip


class Colours(Dataset):
    """Twelve samples that tell their position by their colour."""

    def __init__(self):
        torch.manual_seed(0)
        self.batch = sample(32, repeats=4)

    def __len__(self):
        return 12

    def __getitem__(self, place):
        return {key: value[place[1]] for key, value in self.batch.items()}


def weights(task):
    return torch.cat([p.detach().flatten() for p in task.parameters()])


def train(fabric, name, folder):
    task = make(name)
    before = weights(task)
    fit(fabric, task, Colours(), RECIPE, Resume(folder / "work", name), folder / f"{name}.csv")
    return before, weights(task)


def replica(fabric, folder):
    torch.set_num_threads(1)
    for name in (*method_names(), *COMBINATIONS[:2]):
        before, after = train(fabric, name, folder)
        both = fabric.all_gather(after)
        assert torch.equal(both[0], both[1]), name
        assert not torch.equal(before, after), name


@pytest.mark.slow
def test_replicas_stay_equal(tmp_path):
    strategy = DDPStrategy(
        start_method="spawn", process_group_backend="gloo", find_unused_parameters=True
    )
    fabric = Fabric(accelerator="cpu", devices=2, strategy=strategy)
    fabric.launch(replica, tmp_path)
    assert (tmp_path / "psa.csv").exists()
