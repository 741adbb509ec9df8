"""Lives as a likelihood sees them: when each was first watched, and between which ages it ended."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.errors import EmptySampleError, NotFiniteError
from models.guards import FloatArray, checked_columns
from models.lifetimes.parametric.errors import UpperBeforeLowerError
from models.lifetimes.risk import checked_lives


@dataclass(frozen=True, slots=True, eq=False)
class Lives:
    """Lifetimes under left truncation and every kind of censoring; all arrays have one entry per row.

    A failure at a known age has `lower_hours == upper_hours`; a life still going on has an infinite upper age; one that
    ended between two inspections has both ages, and one already over at its first inspection has its entry as lower.

    Parameters
    ----------
    entry_hours : array of shape (n_rows,)
        Age when observation began; 0 unless the unit was already running then (left truncation).
    lower_hours, upper_hours : array of shape (n_rows,)
        The life ended in (lower, upper].
    weights : array of shape (n_rows,)
        How many like units each row stands for; rows of weight 0 are dropped.

    Raises
    ------
    ModelError
        The ages contradict each other; the message names the row.

    Examples
    --------
    >>> lives = Lives([0, 0, 50], [100, 300, 60], [100, float("inf"), 80], [1, 1, 1])
    >>> lives.events, lives.units
    (2.0, 3.0)
    """

    entry_hours: FloatArray
    lower_hours: FloatArray
    upper_hours: FloatArray
    weights: FloatArray

    def __post_init__(self) -> None:
        upper = np.atleast_1d(np.array(self.upper_hours, dtype=np.float64))
        ends = np.where(np.isposinf(upper), 0.0, upper)
        entry, lower, _, weight = checked_columns(
            entry_hours=self.entry_hours, lower_hours=self.lower_hours, upper_hours=ends, weights=self.weights
        )
        wrong = (lower < entry) | (upper < lower) | (upper <= entry) | ((lower <= entry) & np.isposinf(upper))
        if wrong.any():
            row = int(np.argmax(wrong))
            raise UpperBeforeLowerError(row, entry[row], lower[row], upper[row])
        present = weight > 0
        if not present.any():
            raise EmptySampleError
        columns = {"entry_hours": entry, "lower_hours": lower, "upper_hours": upper, "weights": weight}
        for name, column in columns.items():
            kept = column[present]
            kept.flags.writeable = False
            object.__setattr__(self, name, kept)

    @classmethod
    def right_censored(
        cls,
        entry_hours: npt.ArrayLike,
        exit_hours: npt.ArrayLike,
        observed: npt.ArrayLike,
        weights: npt.ArrayLike | None = None,
    ) -> "Lives":
        """Build lives that failed at a known age or were still running when last seen.

        >>> Lives.right_censored([0, 0], [100, 300], [True, False]).upper_hours.tolist()
        [100.0, inf]
        """
        entry, leave, failed, weight = checked_lives(entry_hours, exit_hours, observed, weights)
        return cls(entry, leave, np.where(failed, leave, np.inf), weight)

    @property
    def exact(self) -> npt.NDArray[np.bool_]:
        """True where the age at failure is known."""
        return np.asarray(self.lower_hours == self.upper_hours)

    @property
    def failed(self) -> npt.NDArray[np.bool_]:
        """True where the life is known to have ended."""
        return np.isfinite(self.upper_hours)

    @property
    def has_intervals(self) -> bool:
        """Whether some life ended between two ages."""
        return bool((self.failed & ~self.exact).any())

    @property
    def last_hours(self) -> FloatArray:
        """Last age about which each row says something: the upper one of a failed life, else the lower."""
        return np.where(self.failed, self.upper_hours, self.lower_hours)

    @property
    def longest_hours(self) -> float:
        """Last age about which any life says something."""
        return float(self.last_hours.max())

    @property
    def events(self) -> float:
        """Failures, as a sum of weights."""
        return float(self.weights[self.failed].sum())

    @property
    def units(self) -> float:
        """Units, as a sum of weights."""
        return float(self.weights.sum())

    def in_units_of(self, unit_hours: float) -> "Lives":
        """Return the same lives on a clock that ticks once per `unit_hours`.

        >>> Lives.right_censored([0], [100], [True]).in_units_of(50.0).lower_hours.tolist()
        [2.0]
        """
        if not np.isfinite(unit_hours) or unit_hours <= 0:
            raise NotFiniteError("unit_hours")
        return Lives(
            self.entry_hours / unit_hours, self.lower_hours / unit_hours, self.upper_hours / unit_hours, self.weights
        )
