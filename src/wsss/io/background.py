"""Reading ahead and writing behind, in threads, while the caller computes.

Decoding, resizing, hashing and compressing release Python's lock, so that threads share the work as
processes would, without copies of the pixels.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import ParamSpec, TypeVar

Item = TypeVar("Item")
Content = TypeVar("Content")
P = ParamSpec("P")


def ahead(
    items: Iterable[Item], read: Callable[[Item], Content], threads: int
) -> Iterator[tuple[Item, Content]]:
    """Yield items with their content, in order; the next ones are read meanwhile.

    Args:
        items: of any kind.
        read: reads the content of an item.
        threads: number of items that are read at the same time, hence are in memory besides the
            one yielded; 0 = each is read when its turn comes.

    Raises:
        Exception: that of `read`, when the turn of its item comes.
    """
    if not threads:
        yield from ((item, read(item)) for item in items)
        return
    with ThreadPoolExecutor(threads, "read") as pool:
        pending: deque[tuple[Item, Future[Content]]] = deque()
        try:
            for item in items:
                pending.append((item, pool.submit(read, item)))
                if len(pending) > threads:
                    yield _finished(*pending.popleft())
            while pending:
                yield _finished(*pending.popleft())
        finally:
            pool.shutdown(cancel_futures=True)


def _finished(item: Item, content: Future[Content]) -> tuple[Item, Content]:
    return item, content.result()


@contextmanager
def behind(write: Callable[P, None]) -> Iterator[Callable[P, None]]:
    """Yield a function that calls `write` in a thread, one call after the other.

    A call waits until the one before has finished. At the end of the block, failed or not, the last
    one has finished, too.

    Raises:
        Exception: that of `write`, from the next call or at the end of the block.
    """
    with ThreadPoolExecutor(1, "write") as pool:
        last: deque[Future[None]] = deque()

        def put(*args: P.args, **options: P.kwargs) -> None:
            if last:
                last.popleft().result()
            last.append(pool.submit(write, *args, **options))

        yield put
        if last:
            last.popleft().result()
