"""How readily each node fails on its own, so that lemons that meet by chance are not taken for a domain."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from models.guards import FloatArray, checked_columns

#: rates closer than this factor are told as one: the tails are worked out per distinct rate
_STEP = 1.1
#: variance of rates, in squared means, beyond which one lemon would make all other nodes look immune
_MOST_VARIANCE = 1.0


def node_propensity(lone_failures: npt.ArrayLike, exposure_days: npt.ArrayLike) -> FloatArray:
    """Return each node's rate of failing alone, shrunken to the fleet's, as a multiple of the fleet's mean.

    Parameters
    ----------
    lone_failures : array, shape (nodes,)
        Events of the node alone. What befell it together with others is left out: a rack that goes down five times
        would make lemons of its nodes, and their failing together would look like chance.
    exposure_days : array, shape (nodes,)
        Days in service.

    Returns
    -------
    array, shape (nodes,)
        1 where nothing is known of the node, or nodes differ no more than chance would have them.

    Raises
    ------
    ModelError
        Lengths differ, or a value cannot be.

    Notes
    -----
    Empirical Bayes: counts are Poisson about a gamma distributed rate. Its variance by moments, in squared means:
    (sum (count - expected)^2 - sum expected) / sum expected^2. The posterior mean is (count + shape) / (expected +
    shape) with shape = 1 / variance, and at least 1. Rounded to steps of 10%.

    Examples
    --------
    >>> node_propensity([0, 1, 0, 1, 0, 1], [30.0] * 6).tolist()
    [1.0, 1.0, 1.0, 1.0, 1.0, 1.0]
    >>> node_propensity([0, 1, 0, 1, 0, 40], [30.0] * 6).round(1).tolist()
    [0.1, 0.2, 0.1, 0.2, 0.1, 5.1]
    """
    counts, days = checked_columns(lone_failures=lone_failures, exposure_days=exposure_days)
    if not counts.sum() or not days.sum():
        return np.ones(counts.size)
    expected = counts.sum() * days / days.sum()
    variance = float((np.square(counts - expected).sum() - expected.sum()) / np.square(expected).sum())
    if variance <= 0.0:
        return np.ones(counts.size)
    shape = 1.0 / min(variance, _MOST_VARIANCE)
    rates = (counts + shape) / (expected + shape)
    return np.asarray(_STEP ** np.round(np.log(rates) / np.log(_STEP)), dtype=np.float64)
