"""Rows (entry, exit] with covariates, laid out so that every risk set is a difference of two running sums.

A unit whose covariates change over time is several rows; late entry is a row that begins late. Rows are sorted by
stratum and falling exit, so that those at risk at an event are the first rows of its stratum, less those
not yet entered.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.errors import EmptySampleError, ExitBeforeEntryError, LengthMismatchError, NotFiniteError
from models.guards import FloatArray, checked_columns
from models.regression.errors import (
    CollinearCovariatesError,
    ConstantCovariateError,
    NamesMismatchError,
    NoEventsInRegressionError,
)

IntArray = npt.NDArray[np.intp]

# Smallest eigenvalue of a correlation matrix, below which its columns determine one another.
COLLINEAR = 1e-10


@dataclass(frozen=True, slots=True, eq=False)
class CountingProcess:
    """Rows in risk-set order, and the groups of simultaneous events of one stratum, latest first.

    `scaled` holds the covariates as rows, less `centre` and divided by `spread`. Row i is at risk at the groups
    `opens[i]` up to but without `closes[i]`; group g's risk set is the first `reaches[g]` rows without those that have
    closed by g. `event_rows` are the rows with an event, in the order of the groups, `event_group` their groups.
    """

    names: tuple[str, ...]
    scaled: FloatArray
    centre: FloatArray
    spread: FloatArray
    entry: FloatArray
    exit: FloatArray
    weight: FloatArray
    stratum: IntArray
    order: IntArray
    opens: IntArray
    closes: IntArray
    late_entries: bool
    reaches: IntArray
    group_time: FloatArray
    group_stratum: IntArray
    group_first: IntArray
    tied: IntArray
    event_rows: IntArray
    event_group: IntArray

    @property
    def rows(self) -> int:
        """Number of rows of positive weight."""
        return self.exit.size

    def at_risk_sum(self, values: FloatArray) -> FloatArray:
        """Return the sum of a row quantity over each group's risk set; values of shape (..., n_rows).

        >>> lives = counting_process([0, 0, 2], [3, 1, 3], [True, True, False], [[0], [1], [2]], ["x"])
        >>> lives.at_risk_sum(np.ones(3)).tolist()  # at time 3, then at time 1
        [2.0, 2.0]
        """
        reached = np.cumsum(values, axis=-1)[..., self.reaches - 1]
        if not self.late_entries and self.group_stratum[-1] == self.group_stratum[0]:
            return np.asarray(reached)
        columns = values.reshape(-1, self.rows)
        groups = self.group_time.size
        closed = np.stack([np.bincount(self.closes, column, groups + 1)[:-1] for column in columns])
        return np.asarray(reached - np.cumsum(closed, axis=-1).reshape(reached.shape))

    def while_at_risk(self, increments: FloatArray) -> FloatArray:
        """Return for each row the sum of increments over the groups at which it is at risk; shape (..., n_groups)."""
        # Groups fall in time, so sums from the end are the hazard as it accrues: small early parts are not lost in what
        # comes later, as they would be by subtracting from the total where the likelihood runs to infinity.
        accrued = np.zeros((*increments.shape[:-1], increments.shape[-1] + 1))
        accrued[..., :-1] = np.cumsum(increments[..., ::-1], axis=-1)[..., ::-1]
        if not self.late_entries and self.group_stratum[-1] == self.group_stratum[0]:
            return np.asarray(accrued[..., self.opens])
        return np.asarray(accrued[..., self.opens] - accrued[..., self.closes])


def counting_process(
    entry_hours: npt.ArrayLike,
    exit_hours: npt.ArrayLike,
    observed: npt.ArrayLike,
    covariates: npt.ArrayLike,
    names: Sequence[str],
    weights: npt.ArrayLike | None = None,
    strata: npt.ArrayLike | None = None,
) -> CountingProcess:
    """Check rows and lay them out.

    Parameters
    ----------
    entry_hours, exit_hours : array-like of shape (n_rows,)
        The row is at risk when entry < t <= exit.
    observed : array-like of bool, shape (n_rows,)
        True where the row ends by the event.
    covariates : array-like of shape (n_rows, n_covariates)
        Numbers; levels as 0 / 1 columns.
    names : sequence of str
        One per covariate.
    weights : array-like of shape (n_rows,), optional
        Weights; rows of weight zero are left out.
    strata : array-like of shape (n_rows,), optional
        Labels; only rows of one stratum are compared.

    Returns
    -------
    CountingProcess

    Raises
    ------
    ModelError
        The columns cannot be; the class names the mistake.

    Examples
    --------
    >>> counting_process([0, 0], [1, 2], [True, False], [[0], [1]], ["late batch"]).rows
    2
    """
    given = np.ones(np.size(exit_hours)) if weights is None else weights
    entry, leave, failed, weight = checked_columns(
        entry_hours=entry_hours, exit_hours=exit_hours, observed=observed, weights=given
    )
    never_at_risk = leave <= entry
    if never_at_risk.any():
        position = int(np.argmax(never_at_risk))
        raise ExitBeforeEntryError(position, entry[position], leave[position])
    table, labels = _checked_covariates(covariates, names, leave.size)
    stratum = row_codes("strata", strata, leave.size)
    present = np.flatnonzero(weight > 0)
    if not present.size:
        raise EmptySampleError
    if not (failed[present] > 0).any():
        raise NoEventsInRegressionError(present.size)
    order = np.argsort(-leave) if strata is None else np.lexsort((-leave, stratum))
    if present.size < leave.size:
        order = order[weight[order] > 0]
    scaled, centre, spread = _standardised(table, labels, order, None if weights is None else weight)
    return _laid_out(
        labels,
        (scaled, centre, spread),
        (entry[order], leave[order], failed[order] > 0, weight[order]),
        stratum[order],
        order,
    )


def _laid_out(
    names: tuple[str, ...],
    standardised: tuple[FloatArray, FloatArray, FloatArray],
    lives: tuple[FloatArray, FloatArray, npt.NDArray[np.bool_], FloatArray],
    stratum: IntArray,
    order: IntArray,
) -> CountingProcess:
    entry, leave, failed, weight = lives
    event_rows = np.flatnonzero(failed)
    time, of_stratum = leave[event_rows], stratum[event_rows]
    fresh = np.append(True, (time[1:] != time[:-1]) | (of_stratum[1:] != of_stratum[:-1]))
    first = np.flatnonzero(fresh)
    group_time, group_stratum = time[first], of_stratum[first]
    opens, closes, reaches = np.empty_like(stratum), np.empty_like(stratum), np.empty_like(first)
    late = False
    for label in np.unique(group_stratum) if stratum[-1] else (0,):
        rows = slice(*np.searchsorted(stratum, [label, label + 1]))
        begin, end = np.searchsorted(group_stratum, [label, label + 1])
        falling = -group_time[begin:end]
        reaches[begin:end] = rows.start + np.searchsorted(-leave[rows], falling, side="right")
        # Rows that leave between two events wait for the earlier one: a row count per group, repeated.
        steps = np.diff(np.append(rows.start, reaches[begin:end]), append=rows.stop)
        opens[rows] = np.repeat(np.arange(begin, end + 1), steps)
        closes[rows] = end
        late_rows = rows.start + np.flatnonzero(entry[rows] >= group_time[end - 1])
        if late_rows.size:
            closes[late_rows] = begin + _first_at_or_below(group_time[begin:end], entry[late_rows])
            late = True
    without = ~np.isin(stratum, group_stratum) if stratum[-1] else np.zeros(0, bool)
    if without.any():  # a stratum without events says nothing
        opens[without] = closes[without] = np.searchsorted(group_stratum, stratum[without])
    tied = np.diff(np.append(first, event_rows.size))
    scaled, centre, spread = standardised
    return CountingProcess(
        names,
        scaled,
        centre,
        spread,
        entry,
        leave,
        weight,
        stratum,
        order,
        opens,
        closes,
        late,
        reaches,
        group_time,
        group_stratum,
        first,
        tied,
        event_rows,
        np.repeat(np.arange(first.size), tied),
    )


def _first_at_or_below(falling: FloatArray, moments: FloatArray) -> IntArray:
    """Return for each moment the first of the falling times that is not above it."""
    order = np.argsort(-moments)  # sorted needles make the binary search walk through memory, not jump
    found = np.empty(moments.size, dtype=np.intp)
    found[order] = np.searchsorted(-falling, -moments[order], side="left")
    return found


def _checked_covariates(
    covariates: npt.ArrayLike, names: Sequence[str], rows: int
) -> tuple[FloatArray, tuple[str, ...]]:
    table = np.asarray(covariates, dtype=np.float64)
    if table.ndim == 1:
        table = table[:, np.newaxis]
    labels = tuple(names)
    if len(labels) != table.shape[1] or len(set(labels)) < len(labels) or not labels:
        raise NamesMismatchError(len(labels), table.shape[1])
    if len(table) != rows:
        raise LengthMismatchError({"exit_hours": rows, "covariates": len(table)})
    for name, column in zip(labels, table.T, strict=True):
        if not np.isfinite(column).all():
            raise NotFiniteError(f"covariate {name!r}", int(np.argmin(np.isfinite(column))))
    return table, labels


def row_codes(name: str, labels: npt.ArrayLike | None, rows: int) -> IntArray:
    """Return labels as whole numbers from zero.

    >>> row_codes("strata", ["b", "a", "b"], 3).tolist()
    [1, 0, 1]
    """
    if labels is None:
        return np.zeros(rows, dtype=np.intp)
    given = np.asarray(labels)
    if given.shape != (rows,):
        raise LengthMismatchError({"exit_hours": rows, name: given.size})
    if given.dtype.kind == "f" and not np.isfinite(given).all():
        raise NotFiniteError(name, int(np.argmin(np.isfinite(given))))
    return np.asarray(np.unique(given, return_inverse=True)[1], dtype=np.intp)


def _standardised(
    table: FloatArray, names: tuple[str, ...], order: IntArray, weight: FloatArray | None
) -> tuple[FloatArray, FloatArray, FloatArray]:
    scaled = np.empty((table.shape[1], order.size))
    for place, column in zip(scaled, table.T, strict=True):
        np.take(column, order, out=place)
    share = None if weight is None else weight[order] / weight[order].sum()
    centre = scaled.mean(axis=1) if share is None else scaled @ share
    for name, column in zip(names, scaled, strict=True):
        if column.min() == column.max():
            raise ConstantCovariateError(name, f"{column[0]:g}")
    scaled -= centre[:, np.newaxis]
    spread = np.sqrt(np.einsum("ij,ij->i", scaled, scaled) / order.size)
    scaled /= spread[:, np.newaxis]
    values, vectors = np.linalg.eigh(scaled @ scaled.T / order.size)
    if values[0] < COLLINEAR:
        *others, last = (name for name, load in zip(names, vectors[:, 0], strict=True) if abs(load) > 1e-3)
        raise CollinearCovariatesError(last, others)
    return scaled, centre, spread
