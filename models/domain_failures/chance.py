"""How many nodes of an event fall into a domain by chance: the exact tail of the permutation of labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import optimize, stats

from models.guards import FloatArray

IntArray = npt.NDArray[np.int64]

#: standard deviations beyond the size of an event up to which the rest of the fleet is counted
_FAR = 12.0


@dataclass(frozen=True, slots=True, eq=False)
class ChanceTails:
    """Tails of the number of an event's nodes in each domain.

    Parameters
    ----------
    tails : array, shape (distinct compositions, nodes + 2)
        Probability of at least so many nodes; beyond what is possible it is 0.
    composition : array, shape (domains,)
        Row of each domain: domains of the same size and rates share one.
    sizes : array, shape (distinct compositions,)
        Nodes in service.
    """

    tails: FloatArray
    composition: IntArray
    sizes: IntArray

    def at_least(self, domain: IntArray, nodes: IntArray) -> FloatArray:
        """Return the chance that at least so many nodes of the event lie in each of these domains."""
        return np.asarray(self.tails[self.composition[domain], np.minimum(nodes, self.tails.shape[1] - 1)])


def chance_tails(size: int, propensity: FloatArray, members: npt.NDArray[np.bool_]) -> ChanceTails:
    """Return how many of the nodes of an event lie in each domain when its nodes are anybody's.

    Parameters
    ----------
    size : int
        Nodes of the event, at least 1.
    propensity : array, shape (nodes,)
        How readily each node in service fails, above 0; only ratios count.
    members : array of bool, shape (domains, nodes)
        Whether each of these nodes is in each domain.

    Returns
    -------
    ChanceTails
        Exact tails.

    Notes
    -----
    The null: labels are permuted within the event, which keeps its size, and each node comes up with the odds of its
    propensity, which keeps who fails often: conditional Bernoulli sampling (Chen, Dempster and Liu 1994). Of nodes of
    one propensity this is the hypergeometric distribution. The number in the domain is a sum of binomials given that
    the whole is ``size``; its own part is convolved directly, so that small tails stay exact, that of the rest by its
    characteristic function.

    Examples
    --------
    >>> import numpy as np
    >>> rack = np.arange(16) < 4
    >>> tails = chance_tails(2, np.ones(16), rack[None, :])
    >>> tails.at_least(np.array([0]), np.array([2])).round(4).tolist()  # 3/15 of 4/16
    [0.05]
    """
    values, group = np.unique(propensity, return_inverse=True)
    totals = np.bincount(group, minlength=values.size)
    own = np.stack([members[:, group == number].sum(axis=1) for number in range(values.size)], axis=1)
    distinct, composition = np.unique(own, axis=0, return_inverse=True)
    composition = composition.reshape(-1).astype(np.int64)
    sizes = distinct.sum(axis=1).astype(np.int64)
    if size >= totals.sum():
        return ChanceTails((np.arange(size + 2) <= sizes[:, None]).astype(np.float64), composition, sizes)
    chances = _inclusion(size, values, totals)
    inside = _sum_of_binomials(distinct, chances, size)
    outside = _rest(totals - distinct, chances, size)
    joint = inside * outside[:, size - np.arange(inside.shape[1])]
    reached = np.cumsum(joint[:, ::-1], axis=1)[:, ::-1] / joint.sum(axis=1)[:, None]
    tails = np.zeros((distinct.shape[0], size + 2))
    tails[:, : reached.shape[1]] = np.minimum(reached, 1.0)
    return ChanceTails(tails, composition, sizes)


def _inclusion(size: int, values: FloatArray, totals: IntArray) -> FloatArray:
    """Return the chance of each class of nodes, scaled so that ``size`` of them are expected."""

    def missing(log_scale: float) -> float:
        odds = np.exp(log_scale) * values
        return float((totals * odds / (1.0 + odds)).sum() - size)

    usual = np.log(size / (totals.sum() - size))
    scale = optimize.brentq(missing, usual - np.log(values.max()) - 1.0, usual - np.log(values.min()) + 1.0)
    odds = np.exp(scale) * values
    return np.asarray(odds / (1.0 + odds))


def _sum_of_binomials(counts: IntArray, chances: FloatArray, most: int) -> FloatArray:
    """Return the probabilities of 0, 1, … ``most`` at most of a sum of binomials, one row per row of counts."""
    length = int(min(most, counts.sum(axis=1).max())) + 1
    order = np.argsort(-counts.max(axis=0))
    found = np.asarray(stats.binom.pmf(np.arange(length), counts[:, order[:1]], chances[order[0]]))
    for number in order[1:]:
        width = int(min(length - 1, counts[:, number].max())) + 1
        part = np.asarray(stats.binom.pmf(np.arange(width), counts[:, [number]], chances[number]))
        found, before = np.zeros_like(found), found
        for step in range(width):
            found[:, step:] += before[:, : length - step] * part[:, [step]]
    return np.asarray(found)


def _rest(counts: IntArray, chances: FloatArray, most: int) -> FloatArray:
    """Return the probabilities of 0 … ``most`` of a sum of many binomials, by its characteristic function."""
    length = int(min(counts.sum(axis=1).max(), most + _FAR * np.sqrt(most) + 64)) + 1
    turns = np.exp(-2j * np.pi * np.arange(length) / length)
    logs = np.log1p(chances[:, None] * (turns - 1.0))
    found = np.maximum(np.fft.ifft(np.exp(counts @ logs), axis=1).real[:, : most + 1], 0.0)
    return np.asarray(np.pad(found, ((0, 0), (0, most + 1 - found.shape[1]))))
