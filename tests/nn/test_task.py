import pytest
import torch

from wsss.errors import UserError
from wsss.nn.task import Progress, Task, check_losses


def test_one_player_by_default():
    task = Task()
    task.net = torch.nn.Linear(1, 1)
    assert task.players() == {"net": task.net}
    assert task.from_scratch() == ()


def test_forward_is_the_subclass_business():
    with pytest.raises(NotImplementedError):
        Task()({"image": torch.zeros(1, 3, 8, 8)}, Progress(step=0, total=1, epoch=0))


LOSS = torch.zeros(())


def test_losses_by_player_and_name_are_sound():
    losses = {"net": {"cls": LOSS, "er": LOSS}}
    assert check_losses(Task(), losses, ["net"]) is losses


@pytest.mark.parametrize(
    ("losses", "wrong"),
    [
        (LOSS, "returned Tensor"),
        ({}, "returned dict without losses"),
        ({"cls": LOSS}, "returned Tensor under 'cls'"),
        ({"other": {"cls": LOSS}}, "losses of 'other', which is no player"),
        ({"net": {"cls": 0.5}}, "returned float as loss 'cls'"),
        ({"net": {"cls": torch.zeros(2)}}, r"a tensor of shape \(2,\) as loss 'cls'"),
    ],
)
def test_losses_of_another_structure_are_named_with_their_file(losses, wrong):
    with pytest.raises(UserError, match=rf"task\.py: Task\.forward .*{wrong}") as caught:
        check_losses(Task(), losses, ["net"])
    assert "\n" not in str(caught.value)
