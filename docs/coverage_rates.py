"""Rates, their ratio, shares and recurrent failures: what the coverage study asks of them."""

from __future__ import annotations

from functools import cache, partial
from typing import Final

import numpy as np
from coverage_fleets import LEMON_MULTIPLE, LEMON_SHARE, RACK_NODES, draw_correlated, draw_windows
from coverage_kinds import CONFIDENCE, Answer, Interval, Study
from scipy import stats

from models.rate_comparisons import compare_rates
from models.rates import binomial_share, poisson_coverage, poisson_rate
from models.ratio_estimates import FEWEST_CLUSTERS, ClusterSums, clustered_rate
from models.recurrence.robust_rate import robust_rate

_HOURS_PER_DAY: Final = 24.0


def _rates(expected: float, rng: np.random.Generator) -> dict[str, Answer]:
    entry, leave = draw_windows(50, rng)
    exposure_days = float((leave - entry).sum()) / _HOURS_PER_DAY
    failures = int(rng.poisson(expected))
    truth = expected / exposure_days
    exact, mid_p = (poisson_rate(failures, exposure_days, CONFIDENCE, method) for method in ("exact", "mid-p"))
    bound = np.inf if failures else exact.high_per_day
    return {
        "garwood": Answer(exact.low_per_day, exact.high_per_day, truth),
        "mid-p": Answer(mid_p.low_per_day, mid_p.high_per_day, truth),
        "bound": Answer(0.0, bound, truth),
    }


def _bound_coverage(expected: float) -> float:
    bound = poisson_rate(0, 1.0, CONFIDENCE).high_per_day
    return 1.0 - (float(np.exp(-expected)) if expected > bound else 0.0)


_RATIO: Final = 2.0


def _ratio_answer(first: int, second: int) -> Answer:
    a, b = poisson_rate(first, 1.0, CONFIDENCE), poisson_rate(second, 1.0, CONFIDENCE)
    found = compare_rates(a, b, CONFIDENCE)
    return Answer(found.low, np.inf if found.high is None else found.high, _RATIO)


def _ratio(expected: float, rng: np.random.Generator) -> dict[str, Answer]:
    first, second = rng.poisson(expected * np.array([_RATIO, 1.0]) / (1.0 + _RATIO))
    return {"ratio": _ratio_answer(int(first), int(second))}


@cache
def _ratio_coverage(expected: float) -> float:
    """Enumerate: given the total, the first count is binomial; totals beyond eight standard deviations are left out."""
    covered = 0.0
    share = _RATIO / (1.0 + _RATIO)
    reach = 8.0 * expected**0.5 + 20.0
    for total in range(max(0, int(expected - reach)), int(expected + reach)):
        # The interval's limits rise with the first count, so those that hold the ratio lie side by side.
        first = np.arange(total + 1)
        near = first[np.abs(first - share * total) <= 5.0 * (total * share * (1 - share)) ** 0.5 + 2.0]
        held = [_holds(_ratio_answer(int(count), int(total - count))) for count in near]
        covered += stats.poisson.pmf(total, expected) * float(stats.binom.pmf(near[held], total, share).sum())
    return float(covered)


def _holds(answer: Answer) -> bool:
    return bool(answer.low <= answer.truth <= answer.high)


_SHARE: Final = 0.3


def _share(expected: float, rng: np.random.Generator) -> dict[str, Answer]:
    trials = round(expected / _SHARE)
    found = binomial_share(int(rng.binomial(trials, _SHARE)), trials, CONFIDENCE)
    return {"share": Answer(found.low, found.high, _SHARE)}


@cache
def _share_coverage(expected: float) -> float:
    trials = round(expected / _SHARE)
    found = [binomial_share(hits, trials, CONFIDENCE) for hits in range(trials + 1)]
    held = np.array([share.low <= _SHARE <= share.high for share in found])
    return float(stats.binom.pmf(np.flatnonzero(held), trials, _SHARE).sum())


def _correlated(expected: float, rng: np.random.Generator) -> dict[str, Answer]:
    fleet = draw_correlated(expected, rng)
    poisson = poisson_rate(int(fleet.failures.sum()), float(fleet.exposure_days.sum()), CONFIDENCE)
    answers = {"poisson": Answer(poisson.low_per_day, poisson.high_per_day, fleet.rate_per_day)}
    cells = robust_rate(fleet.failures, fleet.exposure_days, fleet.node, fleet.day, CONFIDENCE)
    answers["robust"] = Answer(cells.low_per_day, cells.high_per_day, fleet.rate_per_day, bool(cells.warnings))
    x, y = np.bincount(fleet.rack, fleet.failures), np.bincount(fleet.rack, fleet.exposure_days)
    sums = (float(column.sum()) for column in (x, y, x * x, x * y, y * y))
    clustered = clustered_rate(ClusterSums(x.size, *sums), CONFIDENCE)
    if clustered is not None and clustered.high is not None:
        warned = clustered.effective_clusters < FEWEST_CLUSTERS
        answers["clustered"] = Answer(clustered.low, clustered.high, fleet.rate_per_day, warned)
    return answers


STUDIES: Final = (
    Study(
        "rates of independent failures",
        "50 nodes fail at one constant rate and are repaired at once: the count is a Poisson draw.",
        _rates,
        {
            "garwood": Interval("rate, exact (Garwood)", "exact", poisson_coverage),
            "bound": Interval("rate, upper bound where nothing failed", "exact", _bound_coverage),
            "mid-p": Interval("rate, mid-p", "enumerated", partial(poisson_coverage, method="mid-p")),
        },
    ),
    Study(
        "ratio of two rates",
        "Two fleets with equal exposure, of which one fails twice as often.",
        _ratio,
        {"ratio": Interval("ratio, exact given the total (Clopper–Pearson)", "exact", _ratio_coverage)},
    ),
    Study(
        "shares",
        "Failures among so many trials that 30% of them fail.",
        _share,
        {"share": Interval("share, exact (Clopper–Pearson)", "exact", _share_coverage)},
    ),
    Study(
        "rates with lemons and rack incidents",
        f"{LEMON_SHARE:.0%} of the nodes fail {LEMON_MULTIPLE:g} times as often, and racks of {RACK_NODES} nodes fail "
        "together. The truth is the mean rate of such fleets.",
        _correlated,
        {
            "robust": Interval("rate, robust by node and day", "approximate"),
            "clustered": Interval("rate, ratio of sums over racks", "approximate"),
            "poisson": Interval("rate, exact Poisson (Garwood)", "shown"),
        },
    ),
)
