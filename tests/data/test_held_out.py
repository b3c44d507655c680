from collections import Counter
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from wsss.data.held_out import hold_out
from wsss.io.index import Item

LABELS = st.lists(st.sets(st.integers(0, 3), max_size=2), max_size=60)


def items(labels):
    return [
        Item(str(i), "train", Path(f"{i}.jpg"), "0", tuple(sorted(classes)))
        for i, classes in enumerate(labels)
    ]


def counts(part):
    return Counter(label for item in part for label in item.classes or (None,))


@given(LABELS, st.floats(0.01, 0.5), st.integers(0, 3))
def test_every_class_keeps_images_to_learn_from(labels, fraction, seed):
    images = items(labels)
    learnt, held = hold_out(images, fraction, seed)
    assert sorted(learnt + held, key=images.index) == images
    assert [*learnt, *held] == sorted(learnt, key=images.index) + sorted(held, key=images.index)
    whole, out = counts(images), counts(held)
    assert all(out[label] <= round(fraction * whole[label]) for label in whole)
    assert counts(learnt).keys() == whole.keys()


def test_the_choice_follows_the_seed_alone():
    images = items([{i % 4} for i in range(80)])
    assert hold_out(images, 0.1, 0) == hold_out(images, 0.1, 0) != hold_out(images, 0.1, 1)


def test_a_tenth_of_every_class_is_held_out():
    _, held = hold_out(items([{0}] * 40 + [{1}] * 20 + [set()] * 10), 0.1, 0)
    assert counts(held) == {0: 4, 1: 2, None: 1}


def test_of_few_images_none_is_held_out():
    assert hold_out(items([{0}, {1}]), 0.5, 0)[1] == ()
    assert hold_out(items([{0}] * 4), 0.1, 0)[1] == ()
