"""Log-rank test: do groups fail at the same hazard, from their grouped at-risk counts, delayed entry included."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy import special

from models.guards import FloatArray
from models.lifetimes.errors import NothingToCompareError, TooFewGroupsError
from models.lifetimes.risk import RiskTable

# Fewer expected failures in a group than this make the chi-square approximation doubtful (Cochran's rule).
FEW_EXPECTED = 5


@dataclass(frozen=True, slots=True)
class LogRank:
    """The test's statistic; `observed` and `expected` failures of each group, were all groups alike."""

    groups: tuple[str, ...]
    observed: tuple[float, ...]
    expected: tuple[float, ...]
    statistic: float
    degrees_of_freedom: int
    p_value: float
    warnings: tuple[str, ...]


def log_rank(tables: Mapping[str, RiskTable]) -> LogRank:
    """Test whether two or more groups have the same hazard at every age.

    Parameters
    ----------
    tables : mapping of str to RiskTable
        Grouped lives by group, with rows also where somebody enters late.

    Returns
    -------
    LogRank
        Chi-square statistic, its degrees of freedom (the rank of the variance) and p-value.

    Raises
    ------
    TooFewGroupsError
        Fewer than two groups.
    NothingToCompareError
        No failure happens while several groups are at risk.

    Notes
    -----
    Mantel (1966) and Peto and Peto (1972), with the hypergeometric variance: `survdiff` of R; Klein and Moeschberger
    (2003), section 7.3, also for delayed entry.

    Examples
    --------
    >>> from models.lifetimes.risk import risk_table
    >>> old = risk_table([0] * 4, [1, 2, 3, 4], [True] * 4)
    >>> new = risk_table([0] * 4, [5, 6, 7, 8], [True] * 4)
    >>> round(log_rank({"old": old, "new": new}).p_value, 4)
    0.0067
    """
    if len(tables) < 2:
        raise TooFewGroupsError(len(tables))
    times = np.unique(np.concatenate([table.time_hours[table.events > 0] for table in tables.values()]))
    at_risk, events = (
        np.array([read(table, times) for table in tables.values()]) for read in (_at_risk_at, _events_at)
    )
    n, d = at_risk.sum(axis=0), events.sum(axis=0)
    share = at_risk / n
    spread = np.divide(d * (n - d), n - 1.0, out=np.zeros_like(n), where=n > 1.0)
    covariance = np.diag((spread * share).sum(axis=1)) - (spread * share) @ share.T
    expected = (d * share).sum(axis=1)
    # An eigenvalue is zero for the sum over groups, and for each further group that never meets the others.
    sizes, directions = np.linalg.eigh(covariance)
    kept = sizes > 1e-10 * max(float(sizes[-1]), 1e-300)
    if not kept.any() or not spread.any():
        raise NothingToCompareError
    excess = events.sum(axis=1) - expected
    statistic = float(((directions.T @ excess)[kept] ** 2 / sizes[kept]).sum())
    freedom = int(kept.sum())
    return LogRank(
        groups=tuple(tables),
        observed=tuple(events.sum(axis=1).tolist()),
        expected=tuple(expected.tolist()),
        statistic=statistic,
        degrees_of_freedom=freedom,
        p_value=float(special.chdtrc(freedom, statistic)),
        warnings=_warnings(tuple(tables), expected),
    )


def _at_risk_at(table: RiskTable, times: FloatArray) -> FloatArray:
    # Between rows as many are at risk as at the next row; after the last, nobody.
    return np.append(table.at_risk, 0.0)[np.searchsorted(table.time_hours, times)]


def _events_at(table: RiskTable, times: FloatArray) -> FloatArray:
    events = np.zeros(times.size)
    failing = table.events > 0
    events[np.searchsorted(times, table.time_hours[failing])] = table.events[failing]
    return events


def _warnings(groups: tuple[str, ...], expected: FloatArray) -> tuple[str, ...]:
    few = [name for name, number in zip(groups, expected, strict=True) if number < FEW_EXPECTED]
    if not few:
        return ()
    return (f"fewer than {FEW_EXPECTED} failures expected in {', '.join(few)}: the p-value is a rough one",)
