import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from wsss.data.loaders import EpochSampler, make_loader
from wsss.errors import UserError


class Places(torch.utils.data.Dataset):
    def __getitem__(self, place):
        return torch.tensor(place)


@given(st.integers(1, 30), st.integers(1, 12), st.integers(1, 4))
def test_every_epoch_has_whole_batches_of_different_images(n, batch, epochs):
    sampler = EpochSampler(n, [batch] * epochs, seed=0)
    steps = list(sampler)
    assert len(steps) == len(sampler) == sampler.steps
    places = [place for step in steps for place in step]
    for epoch in range(epochs):
        drawn = [position for e, position in places if e == epoch]
        assert len(drawn) == max(1, n // batch) * batch
        assert len(set(drawn)) == min(n, len(drawn))


@given(st.integers(1, 30), st.integers(1, 6), st.integers(0, 20))
def test_resuming_continues_the_same_order(n, batch, done):
    batches = [batch, batch + 2, batch]
    whole = list(EpochSampler(n, batches, seed=1))
    assert list(EpochSampler(n, batches, seed=1, start_step=done)) == whole[done:]


def test_a_batch_size_of_its_own_for_every_epoch():
    sampler = EpochSampler(10, [2, 5], seed=0)
    steps = list(sampler)
    assert [len(step) for step in steps] == [2] * 5 + [5] * 2
    assert [sampler.epoch_of(step) for step in range(7)] == [0] * 5 + [1] * 2
    assert all(epoch == (i >= 5) for i, step in enumerate(steps) for epoch, _ in step)


def test_processes_share_every_step():
    whole = list(EpochSampler(10, [4, 4], seed=0))
    parts = [list(EpochSampler(10, [4, 4], 0, rank=rank, world=2)) for rank in (0, 1)]
    assert [a + b for a, b in zip(*parts, strict=True)] == whole


def test_order_depends_on_epoch_and_seed():
    first, second = torch.tensor(list(EpochSampler(50, [50, 50], seed=0)))
    (other,) = torch.tensor(list(EpochSampler(50, [50], seed=1)))
    assert not torch.equal(first[:, 1], second[:, 1])
    assert not torch.equal(first[:, 1], other[:, 1])


def test_few_images_fill_one_batch():
    (step,) = EpochSampler(2, [4], seed=0)
    assert sorted(p for _, p in step) == [0, 0, 1, 1]


@pytest.mark.parametrize(
    "options", [{"n": 0, "batches": [4]}, {"n": 9, "batches": [3], "world": 2}]
)
def test_impossible_shares_are_named(options):
    with pytest.raises(UserError):
        EpochSampler(seed=0, **options)


@pytest.mark.parametrize("workers", [0, 1])
def test_loader_gives_the_batches_of_the_sampler(workers):
    sampler = EpochSampler(5, [2, 2], seed=0)
    batches = list(make_loader(Places(), sampler, workers))
    assert torch.equal(torch.stack(batches), torch.tensor(list(sampler)))


def test_loader_leaves_the_global_generator_alone():
    before = torch.get_rng_state()
    list(make_loader(Places(), EpochSampler(4, [2], seed=0), 0))
    assert torch.equal(before, torch.get_rng_state())


class Broken(Places):
    def __getitem__(self, place):
        if place[1] == 3:
            raise UserError("a.png: no such file")
        return super().__getitem__(place)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_mistake_of_the_user_arrives_as_one_line(workers):
    loader = make_loader(Broken(), EpochSampler(4, [2], seed=0), workers)
    with pytest.raises(UserError) as error:
        list(loader)
    assert str(error.value) == "a.png: no such file"


def test_a_training_may_end_within_an_epoch():
    whole = list(EpochSampler(10, [4, 4], seed=0))
    short = EpochSampler(10, [4, 4], seed=0, end=3)
    assert short.steps == 3 and list(short) == whole[:3]
    assert EpochSampler(10, [4, 4], seed=0, end=9).steps == 4


@pytest.mark.parametrize("error", [ConnectionResetError(104, "reset by peer"), EOFError()])
def test_a_worker_killed_while_its_batch_is_fetched_is_named(monkeypatch, error):
    def fetched(_):
        yield torch.zeros(1)
        raise error

    monkeypatch.setattr(torch.utils.data.DataLoader, "__iter__", fetched)
    with pytest.raises(RuntimeError, match=r"^DataLoader worker was killed"):
        list(make_loader(Places(), EpochSampler(4, [2], seed=0), 1))
