"""Answers of a lake, kept while the lake does not change: a page asks, the cache remembers."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Any, Final, TypeVar

from reliability.lake import Lake, open_lake

Answer = TypeVar("Answer")

_MOST_KEPT: Final = 64


class Answers:
    """Asks questions of one lake. An ingest changes the lake's version and with it every key of the cache.

    Parameters
    ----------
    lake_path
        Folder of a lake.

    Raises
    ------
    ReliabilityError
        If there is none.
    """

    def __init__(self, lake_path: Path) -> None:
        self.lake: Lake = open_lake(lake_path)
        self._kept: OrderedDict[tuple[Any, ...], Any] = OrderedDict()
        self._lock = Lock()

    def ask(self, question: Callable[..., Answer], *values: object, **options: object) -> Answer:
        """Return ``question(lake, *values, **options)``, from memory if the lake is as it was.

        Two browsers that ask the same at once may both compute it; neither waits for the other.

        Raises
        ------
        ReliabilityError
            Whatever the question raises; errors are not kept.
        """
        key = (self.lake.version(), question.__module__, question.__qualname__, values, tuple(sorted(options.items())))
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                found: Answer = self._kept[key]
                return found
        answer = question(self.lake, *values, **options)
        with self._lock:
            self._kept[key] = answer
            while len(self._kept) > _MOST_KEPT:
                self._kept.popitem(last=False)
        return answer
