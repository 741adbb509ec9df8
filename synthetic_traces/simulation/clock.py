"""The clock of a discrete-event simulation: what is due, in the order of time and of its planning."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable

Action = Callable[[], None]


class Clock:
    """Actions in the order of (time, sequence), so that equal seeds give equal histories.

    Parameters
    ----------
    begin
        First second; ``now`` is a whole number of seconds.
    """

    def __init__(self, begin: int) -> None:
        self.now = begin
        self._due: list[tuple[float, int, Action]] = []
        self._sequence = 0

    def at(self, time: float, action: Action) -> None:
        """Plan an action.

        Parameters
        ----------
        time
            When; a fraction of a second is processed at the next whole one.
        action
            What to do then.
        """
        self._sequence += 1
        heapq.heappush(self._due, (time, self._sequence, action))

    def run(self, end: int, every: int, report: Callable[[float], None]) -> None:
        """Process everything that is due up to the end.

        Parameters
        ----------
        end
            Last second.
        every, report
            Called every so many seconds of the simulation with the fraction done, 0 … 1.
        """
        begin, reported = self.now, self.now
        due, pop = self._due, heapq.heappop
        while due and due[0][0] <= end:
            time, _, action = pop(due)
            self.now = math.ceil(time)
            if self.now - reported >= every:
                reported = self.now
                report((self.now - begin) / (end - begin))
            action()
        self.now = end
