"""Work on the next blocks of a file while the last ones are being stored.

What is done to a block is mostly Arrow's work, which other threads need not wait for.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, TypeVar

T = TypeVar("T")
R = TypeVar("R")

_WORKERS: Final = 2
#: blocks begun before their results are asked for: each is held in memory
_AHEAD: Final = 3


def mapped_ahead(function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
    """Apply a function to items in threads; results come in the order of the items.

    Parameters
    ----------
    function
        Depends on its argument alone.
    items
        Asked for in the caller's thread.

    Examples
    --------
    >>> list(mapped_ahead(lambda number: number * number, range(5)))
    [0, 1, 4, 9, 16]
    """
    begun: deque[Future[R]] = deque()
    with ThreadPoolExecutor(_WORKERS) as threads:
        try:
            for item in items:
                begun.append(threads.submit(function, item))
                if len(begun) > _AHEAD:
                    yield begun.popleft().result()
            while begun:
                yield begun.popleft().result()
        finally:
            for waiting in begun:
                waiting.cancel()
