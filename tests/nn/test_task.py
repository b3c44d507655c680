import pytest
import torch

from wsss.nn.task import Progress, Task


def test_one_player_by_default():
    task = Task()
    task.net = torch.nn.Linear(1, 1)
    assert task.players() == {"net": task.net}
    assert task.from_scratch() == ()


def test_forward_is_the_subclass_business():
    with pytest.raises(NotImplementedError):
        Task()({"image": torch.zeros(1, 3, 8, 8)}, Progress(step=0, total=1, epoch=0))
