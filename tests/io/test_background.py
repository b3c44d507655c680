"""Reading ahead keeps the order, writing behind completes, and errors keep their place."""

import threading
import time

import pytest

from wsss.errors import UserError
from wsss.io.background import ahead, behind


@pytest.mark.parametrize("threads", [0, 1, 3])
def test_items_come_in_order_with_their_content(threads):
    def read(number):
        time.sleep(0.01 * (number % 2))
        return number**2

    assert list(ahead(range(7), read, threads)) == [(n, n**2) for n in range(7)]


@pytest.mark.parametrize("threads", [1, 3])
def test_no_more_is_read_than_asked_for(threads):
    begun = []
    items = ahead(range(9), begun.append, threads)
    next(items)
    time.sleep(0.05)
    assert len(begun) == threads + 1
    items.close()
    assert len(begun) == threads + 1


@pytest.mark.parametrize("threads", [0, 1, 3])
def test_an_error_is_raised_at_its_item(threads):
    def read(number):
        if number == 2:
            raise UserError("c.jpg: damaged")
        return number

    items = ahead(range(5), read, threads)
    assert [next(items), next(items)] == [(0, 0), (1, 1)]
    with pytest.raises(UserError, match=r"^c\.jpg: damaged$"):
        next(items)


def test_files_are_written_in_order_while_the_caller_goes_on():
    written, free = [], threading.Event()

    def write(number):
        free.wait(5)
        written.append(number)

    with behind(write) as put:
        put(0)
        assert not written
        free.set()
        for number in range(1, 5):
            put(number)
    assert written == list(range(5))


@pytest.mark.parametrize("after", [0, 2])
def test_an_error_of_writing_ends_the_block(after):
    def write(number):
        if number == 0:
            raise UserError("a.png: cannot be written")

    with pytest.raises(UserError, match=r"^a\.png: cannot be written$"), behind(write) as put:
        for number in range(1 + after):
            put(number)


def test_what_was_begun_is_written_although_the_block_fails():
    written = []

    def write(number):
        time.sleep(0.05)
        written.append(number)

    with pytest.raises(UserError), behind(write) as put:
        put(1)
        raise UserError("the next image is damaged")
    assert written == [1]
