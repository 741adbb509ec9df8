"""How surely a node is a lemon: a hidden state that turns bad and may be repaired, seen through failures day by day.

A node is ordinary, with a rate around the fleet's, or a lemon, with a rate `factor` times the fleet's or more. It may
turn bad on any day; a repair makes a lemon ordinary again with some probability, so that a repaired node starts afresh
as far as the repair deserves it. The forward recursion over the days (Rabiner 1989, section III) gives the probability
of being a lemon on each day from what was known by then, and, kept to ordinary states, that of never having been one.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from models.guards import FloatArray, checked_confidence
from models.lemons.errors import ShapeMismatchError, ShareOutOfRangeError
from models.lemons.fleet import FleetRate, lemon_multiples
from models.lemons.users import UnexplainedFailures, unexplained_log_likelihood

#: rates at which ordinary nodes are looked at: means of equally probable parts of their Gamma distribution
_ORDINARY_POINTS = 12
#: a share of nodes as large as the share of lemons turns bad in so many days
_ONSET_DAYS = 180.0
#: a node that failed on a day was at risk for a moment of it
_SHORTEST_DAY = 0.05


@dataclass(frozen=True, slots=True, eq=False)
class NodePosterior:
    """What is known of every node after the last day; all arrays have the shape (nodes,) but `daily`.

    `ever` is the probability of having been a lemon on some day, `now` that of being one on the last, `daily` (shape
    (nodes, days)) that of each day from what was known by its end. The rates are those of the last day: median
    and credible interval. `ordinary_expected` are the failures of an ordinary node on the same days.
    """

    ever: FloatArray
    now: FloatArray
    daily: FloatArray
    rate_per_day: FloatArray
    low_per_day: FloatArray
    high_per_day: FloatArray
    ordinary_expected: FloatArray


def node_posterior(
    failures: npt.ArrayLike,
    exposure_days: npt.ArrayLike,
    fleet: FleetRate,
    cure: npt.ArrayLike | None = None,
    relapse_per_day: npt.ArrayLike | None = None,
    unexplained: UnexplainedFailures | None = None,
    confidence: float = 0.9,
) -> NodePosterior:
    """Compute for each node how surely it is, or was, a lemon.

    Parameters
    ----------
    failures : array_like, shape (nodes, days)
        Failures of each node on each day.
    exposure_days : array_like, shape (nodes, days)
        What part of each day the node was at risk, weighted by how much the whole fleet failed then.
    fleet : FleetRate
        What is usual, of `fit_fleet`.
    cure : array_like, shape (nodes, days), optional
        Probability that repairs of the node that ended on that day made an ordinary node of a lemon.
    relapse_per_day : array_like, shape (nodes, days), optional
        Of the failures of that day: the hazard by which they may be a fault that an earlier repair left, whatever the
        node. Where it is high against a lemon's rate, a failure says little about the node.
    unexplained : UnexplainedFailures, optional
        Failures without a sign beside what users and job sizes explain; they weigh as far as the fleet shows that
        such failures come with visible ones. The node's state is taken to be that of the first day throughout.
    confidence : float
        Mass of the credible intervals of the rates.

    Returns
    -------
    NodePosterior
        Probabilities and rates of each node.

    Raises
    ------
    ShapeMismatchError
        The tables differ in shape.
    ConfidenceOutOfRangeError
        The level is outside (0, 1).

    Notes
    -----
    Forward algorithm of a hidden Markov model whose states are rates on a grid. Failures on a day are Poisson.

    Examples
    --------
    >>> fleet = FleetRate(0.01, 20.0, 0.02, 4.0, 0, 0.0)
    >>> failures = np.zeros((2, 60))
    >>> failures[1, ::10] = 1
    >>> node_posterior(failures, np.ones((2, 60)), fleet).now.round(2).tolist()
    [0.0, 0.94]
    """
    checked_confidence(confidence)
    counts = np.asarray(failures, dtype=np.float64)
    days = np.asarray(exposure_days, dtype=np.float64)
    cures = np.zeros_like(counts) if cure is None else np.asarray(cure, dtype=np.float64)
    relapses = np.zeros_like(counts) if relapse_per_day is None else np.asarray(relapse_per_day, dtype=np.float64)
    for name, table in (("exposure_days", days), ("cure", cures), ("relapse_per_day", relapses)):
        if table.shape != counts.shape:
            raise ShapeMismatchError(name, table.shape, counts.shape)
    ordinary, lemon = _ordinary_multiples(fleet.shape), lemon_multiples(fleet.factor)
    rates = fleet.rate_per_day * np.concatenate([ordinary, lemon])
    first = ordinary.size
    to_ordinary = np.full(first, 1.0 / first)
    to_lemon = np.full(lemon.size, 1.0 / lemon.size)
    onset = fleet.lemon_share / _ONSET_DAYS
    belief = np.tile(
        np.concatenate([(1.0 - fleet.lemon_share) * to_ordinary, fleet.lemon_share * to_lemon]), (len(counts), 1)
    )
    if unexplained is not None:
        fit = unexplained_log_likelihood(unexplained, days.sum(axis=1)[:, None] * rates)
        belief *= np.exp(fit - fit.max(axis=1, keepdims=True))
    never = belief[:, :first].copy()
    log_all, log_never = np.zeros(len(counts)), np.zeros(len(counts))
    daily = np.empty_like(counts)
    for day in range(counts.shape[1]):
        means = days[:, day, None] * rates
        # Only ratios between the states count. A failure has the hazard of the node, or of what a repair left.
        hazard = np.maximum(days[:, day, None], _SHORTEST_DAY) * rates + relapses[:, day, None]
        likelihood = np.exp(special.xlogy(counts[:, day, None], hazard) - means)
        belief, log_all = _normalised(belief * likelihood, log_all)
        never, log_never = _normalised(never * likelihood[:, :first], log_never)
        daily[:, day] = belief[:, first:].sum(axis=1)
        turning = onset * belief[:, :first].sum(axis=1, keepdims=True)
        cured = cures[:, day, None] * belief[:, first:].sum(axis=1, keepdims=True)
        belief = np.hstack(
            [
                belief[:, :first] * (1.0 - onset) + cured * to_ordinary,
                belief[:, first:] * (1.0 - cures[:, day, None]) + turning * to_lemon,
            ]
        )
        log_never += np.log1p(-onset)
    tail = (1.0 - confidence) / 2.0
    low, median, high = _quantiles(belief, rates, (tail, 0.5, 1.0 - tail))
    return NodePosterior(
        ever=-np.expm1(np.minimum(0.0, log_never - log_all)),
        now=belief[:, first:].sum(axis=1),
        daily=daily,
        rate_per_day=median,
        low_per_day=low,
        high_per_day=high,
        ordinary_expected=fleet.rate_per_day * days.sum(axis=1),
    )


def named_lemons(probability: FloatArray, false_discovery_rate: float = 0.1) -> npt.NDArray[np.bool_]:
    """Name as many nodes, the surest first, as keep the expected share of wrong names within the rate.

    Parameters
    ----------
    probability : array, shape (nodes,)
        Posterior probability of each node of being a lemon.
    false_discovery_rate : float
        Bound of the mean probability, over the named, of being none.

    Returns
    -------
    array of bool, shape (nodes,)
        Who is named; a node that is none more probably than not never is.

    Raises
    ------
    ShareOutOfRangeError
        The rate is outside (0, 1).

    Notes
    -----
    Bayesian false discovery rate of Newton et al. (2004, Biostatistics 5:155).

    Examples
    --------
    >>> named_lemons(np.array([0.99, 0.2, 0.95, 0.8])).tolist()
    [True, False, True, True]
    """
    if not 0.0 < false_discovery_rate < 1.0:
        raise ShareOutOfRangeError("false_discovery_rate", false_discovery_rate)
    order = np.argsort(-probability, kind="stable")
    wrong = np.cumsum(1.0 - probability[order]) / np.arange(1, probability.size + 1)
    named = np.zeros(probability.size, dtype=bool)
    named[order[wrong <= false_discovery_rate]] = True
    return named & (probability >= 0.5)


def _ordinary_multiples(shape: float) -> FloatArray:
    """Return the means of equally probable parts of a Gamma distribution with mean 1."""
    cuts = special.gammaincinv(shape, np.linspace(0.0, 1.0, _ORDINARY_POINTS + 1)[1:-1])
    # The partial mean of a Gamma(shape, 1) up to c is shape * P(shape + 1, c).
    partial = np.concatenate([[0.0], special.gammainc(shape + 1.0, cuts), [1.0]])
    means: FloatArray = np.diff(partial) * _ORDINARY_POINTS
    return means


def _normalised(weights: FloatArray, log_total: FloatArray) -> tuple[FloatArray, FloatArray]:
    total = np.maximum(weights.sum(axis=1), 1e-300)
    return weights / total[:, None], log_total + np.log(total)


def _quantiles(belief: FloatArray, rates: FloatArray, levels: tuple[float, ...]) -> tuple[FloatArray, ...]:
    """Return quantiles of each node's rate, between the points of the grid on a logarithmic scale."""
    order = np.argsort(rates)
    mass, logarithms = belief[:, order], np.log(rates[order])
    # A point stands for the rates around it: half of its mass lies below.
    below = np.cumsum(mass, axis=1) - mass / 2.0
    found = np.array([np.interp(levels, of_node, logarithms) for of_node in below])
    return tuple(np.exp(found[:, level]) for level in range(len(levels)))
