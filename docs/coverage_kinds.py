"""What a coverage study is made of: fleets of one kind, and the intervals that are asked of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

CONFIDENCE: Final = 0.9


@dataclass(frozen=True, slots=True)
class Answer:
    """One interval, the truth it should hold, and whether the reader is warned."""

    low: float
    high: float
    truth: float
    warned: bool = False


@dataclass(frozen=True, slots=True)
class Interval:
    """One kind of interval.

    Parameters
    ----------
    title
        What it is of, and how it is made.
    kind
        What it is judged as: ``exact`` ones hold at least their level, ``enumerated`` ones (mid-p) hold it on average.
    enumerated
        Coverage at an expected number of failures, by enumeration of all counts.
    """

    title: str
    kind: Literal["exact", "enumerated", "approximate", "shown"]
    enumerated: Callable[[float], float] | None = None


@dataclass(frozen=True, slots=True)
class Study:
    """Fleets of one kind, and the intervals that are asked of each.

    Parameters
    ----------
    name, fleets
        What is estimated, and on which fleets.
    ask
        Draws a fleet with this many expected failures and returns the answers by interval; one that has none is absent.
    intervals
        By the same keys.
    one_in
        Asked on one in so many fleets: what takes a second to fit is studied on fewer, and judged with their error.
    """

    name: str
    fleets: str
    ask: Callable[[float, np.random.Generator], Mapping[str, Answer]]
    intervals: Mapping[str, Interval]
    one_in: int = 1
