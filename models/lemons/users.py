"""Failures that left no sign: what a node's users and the sizes of their jobs explain, and what is left of the node.

An attempt that FAILED without a sign is nearly always its user's doing. It is held against a node only as far as the
node's attempts fail more often than their users and sizes let expect: the three effects are fitted together.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import optimize, special

from models.errors import LengthMismatchError
from models.guards import FloatArray, checked_columns
from models.lemons.errors import TooFewAttemptsError

#: an effect of a user, size or node is drawn towards none as if it had so many failures, as many as expected, more
_PRIOR_FAILURES = 5.0
_MOST_ROUNDS, _CLOSE = 200, 1e-8

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class UnexplainedFailures:
    """Failures without a sign by node, shape (nodes,) each.

    `observed` and `expected` (from users and sizes alone) are sums over the attempts of a node, one on n nodes counting
    1 / n on each. `node_factor` is the node's own effect. `hidden_share` is how many failures without a sign come with
    each visible failure of a node, estimated over the fleet; `dispersion` how much more than Poisson the counts vary.
    """

    observed: FloatArray
    expected: FloatArray
    node_factor: FloatArray
    hidden_share: float
    dispersion: float


def explain_failures(
    node: npt.ArrayLike,
    user: npt.ArrayLike,
    size: npt.ArrayLike,
    attempts: npt.ArrayLike,
    failures: npt.ArrayLike,
    visible_failures: npt.ArrayLike,
) -> UnexplainedFailures:
    """Fit the effects of users, job sizes and nodes on failures without a sign.

    Parameters
    ----------
    node, user, size : array_like of int, shape (rows,)
        Codes from 0 up: one row per node, user and size class.
    attempts, failures : array_like, shape (rows,)
        Attempts, and those that failed without a sign; an attempt on n nodes counts 1 / n on each.
    visible_failures : array_like, shape (nodes,)
        Failures of each node that the hardware or the scheduler told of.

    Returns
    -------
    UnexplainedFailures
        What was observed on each node and what its users and sizes let expect.

    Raises
    ------
    LengthMismatchError, NotFiniteError, NegativeValueError, EmptySampleError
        The columns are no table.
    TooFewAttemptsError
        A row has more failures than attempts.

    Notes
    -----
    Multiplicative Poisson model, failures = attempts * rate * user * size * node, fitted by cyclic ascent; each effect
    has a Gamma prior with mean 1 (penalised likelihood; Breslow and Clayton 1993). The hidden share maximises the
    Poisson likelihood of observed = expected + share * visible.

    Examples
    --------
    >>> found = explain_failures([0, 0, 1, 1], [0, 1, 0, 1], [0] * 4, [100, 900, 900, 100], [10, 450, 90, 50], [0, 0])
    >>> found.expected.round().tolist()  # node 0 runs the user whose code fails
    [451.0, 144.0]
    """
    tried, failed = checked_columns(attempts=attempts, failures=failures)
    codes = [np.asarray(code, dtype=np.int64) for code in (user, size, node)]
    if len({code.size for code in codes} | {tried.size}) > 1:
        raise LengthMismatchError({"attempts": tried.size, "node": codes[2].size, "user": codes[0].size})
    too_many = failed > tried * (1 + 1e-9)
    if too_many.any():
        row = int(np.argmax(too_many))
        raise TooFewAttemptsError(row, float(failed[row]), float(tried[row]))
    visible = np.asarray(visible_failures, dtype=np.float64)
    nodes = visible.size
    base = failed.sum() / max(tried.sum(), 1e-300)
    effects = [np.ones(int(code.max()) + 1 if index < 2 else nodes) for index, code in enumerate(codes)]
    for _ in range(_MOST_ROUNDS):
        change = 0.0
        for index, code in enumerate(codes):
            others = [effects[other][codes[other]] for other in range(3) if other != index]
            expected = np.bincount(code, base * tried * others[0] * others[1], effects[index].size)
            seen = np.bincount(code, failed, effects[index].size)
            fresh = (seen + _PRIOR_FAILURES) / (expected + _PRIOR_FAILURES)
            change = max(change, float(np.abs(fresh - effects[index]).max()))
            effects[index] = fresh
        if change < _CLOSE:
            break
    by_row = base * tried * effects[0][codes[0]] * effects[1][codes[1]]
    observed: FloatArray = np.bincount(codes[2], failed, nodes).astype(np.float64)
    let_expect: FloatArray = np.bincount(codes[2], by_row, nodes).astype(np.float64)
    told = let_expect > 0
    chi = ((observed - let_expect)[told] ** 2 / let_expect[told]).sum()
    return UnexplainedFailures(
        observed=observed,
        expected=let_expect,
        node_factor=effects[2],
        hidden_share=_hidden_share(observed, let_expect, visible),
        dispersion=max(1.0, float(chi) / max(1, int(told.sum()) - 1)),
    )


def unexplained_log_likelihood(found: UnexplainedFailures, infrastructure: FloatArray) -> FloatArray:
    """Return how well each number of visible failures goes with the failures without a sign on each node.

    Parameters
    ----------
    found : UnexplainedFailures
        Of `explain_failures`.
    infrastructure : array, shape (nodes, rates)
        Visible failures that each rate lets expect of each node.

    Returns
    -------
    array, shape (nodes, rates)
        Poisson log-likelihood divided by the dispersion (quasi-likelihood; Wedderburn 1974), up to a constant.

    Examples
    --------
    >>> found = UnexplainedFailures(np.array([9.0]), np.array([3.0]), np.ones(1), 0.5, 1.0)
    >>> unexplained_log_likelihood(found, np.array([[0.0, 12.0]])).argmax()
    np.int64(1)
    """
    means = found.expected[:, None] + found.hidden_share * infrastructure
    log_likelihood: FloatArray = (special.xlogy(found.observed[:, None], means) - means) / found.dispersion
    return np.where(found.expected[:, None] > 0, log_likelihood, 0.0)


def _hidden_share(observed: FloatArray, expected: FloatArray, visible: FloatArray) -> float:
    told = expected > 0
    if not visible[told].sum():
        return 0.0

    def loss(share: float) -> float:
        means = expected[told] + share * visible[told]
        return float((means - special.xlogy(observed[told], means)).sum())

    best = optimize.minimize_scalar(loss, bounds=(0.0, 1.0), method="bounded")
    return float(best.x) if best.fun < loss(0.0) else 0.0
