"""Who is named on given evidence: by the model of every node's rate, and by the paper's rule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from models.guards import FloatArray
from models.lemons.fleet import FleetRate, fit_fleet
from models.lemons.posterior import NodePosterior, named_lemons, node_posterior
from models.lemons.rule import FEATURES, Rule, RuleVerdict, apply_rule
from models.lemons.scan import scan_fleet

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from reliability.analyses.lemon_evidence import NodeEvidence

#: a fleet without lemons is said to have one at most so often
SCAN_LEVEL: Final = 0.05
#: two failures are no pattern, however short the log
_LEAST_FAILURES: Final = 3

Row = dict[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class ModelVerdict:
    """What the model says of one cluster; without a fleet or a failure there is nothing to say, and nobody is named."""

    fleet: FleetRate | None
    posterior: NodePosterior | None
    scan_p_value: float
    named: npt.NDArray[np.bool_]

    @property
    def now(self) -> FloatArray:
        """Probability of each node of being a lemon on the last day."""
        return self.posterior.now if self.posterior is not None else np.zeros(self.named.size)


def named_by_model(evidence: NodeEvidence, fdr: float, factor: float, confidence: float = 0.9) -> ModelVerdict:
    """Name the nodes that were lemons at some time of the evidence.

    Parameters
    ----------
    evidence
        One cluster.
    fdr, factor, confidence
        As :func:`reliability.analyses.lemons.lemons`.
    """
    failures, at_risk = evidence.failures.sum(axis=1), evidence.weighted_days.sum(axis=1)
    nobody = np.zeros(failures.size, dtype=bool)
    if not failures.sum() or (at_risk > 0).sum() < 2:
        return ModelVerdict(None, None, 1.0, nobody)
    fleet = fit_fleet(failures, at_risk, factor)
    posterior = node_posterior(
        evidence.failures + evidence.relapses,
        evidence.weighted_days,
        fleet,
        evidence.cure,
        evidence.relapse_per_day,
        evidence.unexplained,
        confidence,
    )
    p_value = scan_fleet(evidence.failures, evidence.weighted_days, fleet).p_value
    named = nobody
    if p_value <= SCAN_LEVEL:
        named = named_lemons(posterior.ever, fdr) & (failures >= _LEAST_FAILURES)
    return ModelVerdict(fleet, posterior, p_value, named)


def rule_verdict(
    evidence: NodeEvidence, features: Mapping[tuple[str, str], Row], rule: Rule | None
) -> RuleVerdict | None:
    """Apply the rule to the features of one cluster; None for a single node, which has no fleet.

    Parameters
    ----------
    evidence
        The cluster.
    features
        By cluster and node; a node without has none of them.
    rule
        None for the defaults.
    """
    if len(evidence.nodes) < 2:
        return None
    table: dict[str, npt.ArrayLike] = {
        name: [feature(features, evidence.cluster, node, name) for node in evidence.nodes] for name in FEATURES
    }
    return apply_rule(table, rule)


def named_by_rule(
    evidence: NodeEvidence, features: Mapping[tuple[str, str], Row], rule: Rule | None
) -> npt.NDArray[np.bool_]:
    """Return whom the rule names, shape (nodes,); parameters as :func:`rule_verdict`."""
    verdict = rule_verdict(evidence, features, rule)
    return verdict.named if verdict is not None else np.zeros(len(evidence.nodes), dtype=bool)


def feature(features: Mapping[tuple[str, str], Row], cluster: str, node: str, name: str) -> float:
    """Return one feature of one node; 0 where nothing was seen."""
    return float(features.get((cluster, node), {}).get(name) or 0.0)
