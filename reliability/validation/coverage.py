"""Does an interval hold the truth as often as it says? Pure counting over the intervals of many clusters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from scipy import special, stats

from models.rates import poisson_rate

#: intervals may cover less than they promise by chance: so improbable may a count of covering ones be
_TAIL: Final = 0.001


@dataclass(frozen=True, slots=True)
class IntervalCheck:
    """One interval of one cluster against the truth.

    Parameters
    ----------
    of
        What it is of: ``node``, ``attempt``, or a component.
    low, high, truth
        In one unit. Of rates: failures expected in the measured exposure. Of MTTF: hours.
    failures, expected
        Failures counted, and how many the true hazards let expect.
    unseen, unasked
        Of the component's true faults, those that leave no line (missed by the checks); and critical lines that are
        none of its own faults (false alarms, consequences of another part's fault).
    """

    of: str
    low: float
    high: float
    truth: float
    failures: int
    expected: float
    unseen: int = 0
    unasked: int = 0

    @property
    def covered(self) -> bool:
        """Whether the interval holds the truth."""
        return self.low <= self.truth <= self.high


def least_covering(intervals: int, confidence: float) -> int:
    """Return how many of independent intervals must hold the truth: the 0.1% quantile of the binomial law.

    >>> least_covering(40, 0.9)
    29
    """
    return int(stats.binom.ppf(_TAIL, intervals, confidence))


def chance_to_cover(mean: float, confidence: float) -> float:
    """Return the probability that Garwood's interval of a Poisson count with this mean holds the mean.

    It is never below ``confidence``, and well above it where few failures are expected.

    Parameters
    ----------
    mean
        Expected failures, above zero.
    confidence
        Level of the interval.

    Notes
    -----
    Summed over all counts whose interval holds the mean: Garwood (1936), the quantiles of the unit Gamma law.

    Examples
    --------
    >>> round(chance_to_cover(1.0, 0.9), 3), round(chance_to_cover(1000.0, 0.9), 3)
    (0.981, 0.903)
    """
    reach = 12.0 * mean**0.5 + 25.0
    counts = np.arange(max(0, int(mean - reach)), int(mean + reach) + 1)
    tail = (1.0 - confidence) / 2.0
    low = np.where(counts > 0, special.gammaincinv(np.maximum(counts, 1), tail), 0.0)
    high = special.gammaincinv(counts + 1, 1.0 - tail)
    return float(stats.poisson.pmf(counts[(low <= mean) & (mean <= high)], mean).sum())


def coverage_rows(checks: Sequence[IntervalCheck], confidence: float, *, exact: bool) -> list[dict[str, Any]]:
    """Sum the intervals up by what they are of.

    Parameters
    ----------
    checks
        Of all clusters.
    confidence
        Level of the intervals, and of the pooled ratio's.
    exact
        Whether the intervals are Garwood's, whose chance to cover is known.

    Returns
    -------
    list of dict
        Intervals, how many cover, how many must (`least_covering`), the share that exact intervals would, failures
        counted and expected over all clusters, and their ratio with its exact interval: a bias shows there long before
        it shows in the coverage.
    """
    return [
        _row(of, [check for check in checks if check.of == of], confidence, exact=exact)
        for of in dict.fromkeys(check.of for check in checks)
    ]


def _row(of: str, checks: Sequence[IntervalCheck], confidence: float, *, exact: bool) -> dict[str, Any]:
    failures, expected = sum(check.failures for check in checks), sum(check.expected for check in checks)
    covered = sum(check.covered for check in checks)
    pooled = poisson_rate(failures, expected, confidence) if expected > 0 else None
    chances = [chance_to_cover(check.expected, confidence) for check in checks if exact and check.expected > 0]
    return {
        "of": of,
        "intervals": len(checks),
        "covered": covered,
        "least": least_covering(len(checks), confidence),
        "share": covered / len(checks),
        "expected_share": sum(chances) / len(chances) if chances else None,
        "failures": failures,
        "expected_failures": expected,
        "ratio": pooled.rate_per_day if pooled else None,
        "ratio_low": pooled.low_per_day if pooled else None,
        "ratio_high": pooled.high_per_day if pooled else None,
        "faults_without_a_line": sum(check.unseen for check in checks),
        "lines_without_a_fault": sum(check.unasked for check in checks),
    }
