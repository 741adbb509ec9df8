"""A running instance: slots, and a batch of sequences that advance together."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from heapq import heappop, heappush


class BatchServer:
    """An instance whose sequences all advance at one speed, which depends on how many there are.

    With the speed of a decode step that is continuous batching (each step gives every sequence a token); with R / n it
    is a fair share of a fixed capacity R. A clock counts the tokens that a sequence has gained since the batch was last
    empty; one that has n tokens to go ends when the clock has moved on by n. So a change costs the same however large
    the batch is.

    Parameters
    ----------
    index
        Of the instance.
    speeds
        Tokens per second of each sequence in a batch of 0, 1, … up to the number of slots.
    queue
        Requests that wait for its slots; it may be shared.

    Attributes
    ----------
    used
        Slots taken. A slot may be held before and after its sequence is in the batch.
    downs
        Downtimes that hold at present.
    holding
        Requests that die with it.
    due
        When the next sequence ends, as things stand.

    Examples
    --------
    >>> server = BatchServer(0, [0.0, 10.0, 5.0], deque())
    >>> server.begin(0.0, request=1, tokens=10), server.due
    (None, 1.0)
    >>> server.begin(0.5, request=2, tokens=10), server.due  # from now on at half the speed
    (None, 1.5)
    >>> server.finish(), server.due
    (1, 2.0)
    """

    __slots__ = (
        "_at",
        "_clock",
        "_ends",
        "_running",
        "_speeds",
        "downs",
        "due",
        "holding",
        "index",
        "queue",
        "slots",
        "used",
    )

    def __init__(self, index: int, speeds: Sequence[float], queue: deque[int]) -> None:
        self.index = index
        self.slots = len(speeds) - 1
        self.queue = queue
        self.used = 0
        self.downs = 0
        self.holding: set[int] = set()
        self.due = math.inf
        self._speeds = speeds
        self._clock = 0.0
        self._at = 0.0
        self._ends: list[tuple[float, int]] = []
        self._running: dict[int, float] = {}

    @property
    def accepts(self) -> bool:
        """Whether it is up and has a free slot."""
        return not self.downs and self.used < self.slots

    def begin(self, now: float, request: int, tokens: int) -> None:
        """Put a sequence into the batch.

        Parameters
        ----------
        now
            Time in seconds.
        request, tokens
            Whose it is, and how many tokens it needs.
        """
        self._advance(now)
        end = self._clock + tokens
        self._running[request] = end
        heappush(self._ends, (end, request))
        self._reckon()

    def finish(self) -> int:
        """Take the sequence out that ends at `due`, which is now.

        Returns
        -------
        int
            Its request.
        """
        self._clock, request = heappop(self._ends)  # not advanced by time: rounding errors do not pile up
        self._at = self.due
        del self._running[request]
        self._reckon()
        return request

    def remove(self, now: float, request: int) -> float:
        """Take a sequence out before its end.

        Parameters
        ----------
        now
            Time in seconds.
        request
            Whose it is.

        Returns
        -------
        float
            Tokens that it still needed.
        """
        self._advance(now)
        left = self._running.pop(request) - self._clock
        self._reckon()
        return left

    def _advance(self, now: float) -> None:
        self._clock += (now - self._at) * self._speeds[len(self._running)]
        self._at = now

    def _reckon(self) -> None:
        ends, running = self._ends, self._running
        if not running:
            ends.clear()
            self._clock = 0.0
            self.due = math.inf
            return
        while ends[0][1] not in running:  # removed earlier
            heappop(ends)
        self.due = max(self._at, self._at + (ends[0][0] - self._clock) / self._speeds[len(running)])
