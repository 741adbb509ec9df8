"""The rule of Kokolis et al. (HPCA 2025): a node is a lemon when enough of its features stand out of the fleet.

The paper sets the thresholds by hand from the distributions of the features over the fleet, tuned for accuracy, and
does not print them. Here a threshold is a quantile of the fleet, and no less than a floor: half of a fleet without
failures lies above any quantile of nothing.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.errors import LengthMismatchError, NotFiniteError
from models.guards import FloatArray
from models.lemons.errors import NoFeatureError, OneNodeError, ShareOutOfRangeError

#: the paper's seven features. Exclusions by users do not go with failures, says the paper: shown, without weight.
FEATURES = (
    "excl_jobid_count",
    "xid_cnt",
    "tickets",
    "out_count",
    "multi_node_node_fails",
    "single_node_node_fails",
    "single_node_node_failure_rate",
)
WEIGHTS = dict.fromkeys(FEATURES, 1.0) | {"excl_jobid_count": 0.0}
#: below this a feature never stands out: once or twice is no pattern
FLOORS = dict.fromkeys(FEATURES, 3.0) | {"single_node_node_failure_rate": 0.01}


@dataclass(frozen=True, slots=True)
class Rule:
    """How the rule decides. The defaults were tuned on simulated fleets for accuracy, as the paper tuned its own.

    Parameters
    ----------
    quantile
        Of the fleet, per feature: a node stands out when its value lies above it.
    least
        Summed weight of the features that must stand out.
    weights, floors
        By feature; what stands out must also reach its floor.
    """

    quantile: float = 0.97
    least: float = 3.0
    weights: tuple[tuple[str, float], ...] = tuple(WEIGHTS.items())
    floors: tuple[tuple[str, float], ...] = tuple(FLOORS.items())


@dataclass(frozen=True, slots=True, eq=False)
class RuleVerdict:
    """What the rule says: thresholds by feature, which features of which node stand out, and who is named.

    `stands_out` has the shape (nodes, features), in the order of `FEATURES`; `score` and `named` (nodes,).
    """

    thresholds: dict[str, float]
    stands_out: npt.NDArray[np.bool_]
    score: FloatArray
    named: npt.NDArray[np.bool_]


def apply_rule(features: dict[str, npt.ArrayLike], rule: Rule | None = None) -> RuleVerdict:
    """Name the nodes whose features stand out of the fleet.

    Parameters
    ----------
    features : dict of array_like, shape (nodes,)
        The value of every feature of `FEATURES` for each node.
    rule : Rule, optional
        Quantile, floors and weights.

    Returns
    -------
    RuleVerdict
        Who stands out in what, and who is named.

    Raises
    ------
    OneNodeError
        Fewer than two nodes: no fleet to stand out of.
    ShareOutOfRangeError, NoFeatureError
        The rule cannot decide.
    LengthMismatchError, NotFiniteError
        The features are no table.

    Notes
    -----
    Kokolis et al. (HPCA 2025), section on lemon nodes: thresholds from the cumulative distributions over 28 days.

    Examples
    --------
    >>> fleet = {name: [0.0] * 40 for name in FEATURES}
    >>> for name in ("tickets", "out_count", "multi_node_node_fails"):
    ...     fleet[name] = [1.0] * 39 + [6.0]
    >>> apply_rule(fleet).named.nonzero()[0].tolist()
    [39]
    """
    rule = rule or Rule()
    weights = np.array([dict(rule.weights).get(name, 0.0) for name in FEATURES])
    floors = np.array([dict(rule.floors).get(name, 0.0) for name in FEATURES])
    if not 0.0 < rule.quantile < 1.0:
        raise ShareOutOfRangeError("quantile", rule.quantile)
    if not (weights > 0).any():
        raise NoFeatureError
    columns = {name: np.asarray(features[name], dtype=np.float64) for name in FEATURES}
    if len({column.shape for column in columns.values()}) > 1:
        raise LengthMismatchError({name: column.size for name, column in columns.items()})
    for name, column in columns.items():
        if not np.isfinite(column).all():
            raise NotFiniteError(name, int(np.argmin(np.isfinite(column))))
    table = np.column_stack(list(columns.values()))
    if len(table) < 2:
        raise OneNodeError(len(table))
    quantiles = np.quantile(table, rule.quantile, axis=0)
    stands_out = (table > quantiles) & (table >= floors)
    score = stands_out @ weights
    return RuleVerdict(
        thresholds={name: float(value) for name, value in zip(FEATURES, np.maximum(quantiles, floors), strict=True)},
        stands_out=stands_out,
        score=score,
        named=score >= rule.least,
    )
