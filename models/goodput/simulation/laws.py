"""Laws of durations the simulation draws from: anything with a `sample`, and the one that never varies."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from models.guards import FloatArray, checked_non_negative


class Law(Protocol):
    """A distribution of seconds: the gaps between failures, a repair, a wait in the queue."""

    def sample(self, rng: np.random.Generator, size: int) -> FloatArray:
        """Return independent draws in seconds, shape (size,)."""
        ...


@dataclass(frozen=True, slots=True)
class Fixed:
    """A duration that is always the same.

    Parameters
    ----------
    seconds : float
        How long; zero is allowed.

    Raises
    ------
    NegativeValueError, NotFiniteError
        The duration cannot be.

    Examples
    --------
    >>> Fixed(300.0).sample(np.random.default_rng(1), 2).tolist()
    [300.0, 300.0]
    """

    seconds: float

    def __post_init__(self) -> None:
        checked_non_negative("seconds", self.seconds)

    def sample(self, rng: np.random.Generator, size: int) -> FloatArray:  # noqa: ARG002 - a Law
        """Return `size` times the same number."""
        return np.full(size, float(self.seconds))


class Rows:
    """Draws of a law handed out one row at a time, one draw per replica.

    Every replica gets its draw whether it uses it or not: the k-th row is the same whatever became of the runs, so
    that two plans simulated with one seed meet the same luck.
    """

    _ROWS = 64

    def __init__(self, law: Law, replicas: int, rng: np.random.Generator) -> None:
        self._law, self._replicas, self._rng = law, replicas, rng
        self._drawn = np.empty((0, replicas))
        self._next = 0

    def next(self) -> FloatArray:
        """Return the next row, shape (replicas,)."""
        if self._next == len(self._drawn):
            drawn = self._law.sample(self._rng, self._ROWS * self._replicas)
            self._drawn, self._next = drawn.reshape(self._ROWS, self._replicas), 0
        self._next += 1
        return np.asarray(self._drawn[self._next - 1])
