"""Which nodes fail far more than the fleet: the rule of Kokolis et al. beside a model of every node's rate."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from models.guards import checked_confidence
from models.lemons.fleet import FleetRate
from models.lemons.posterior import NodePosterior
from models.lemons.rule import FEATURES, Rule, RuleVerdict
from models.rates import RateEstimate, poisson_rate
from reliability.analyses.answer import Answer
from reliability.analyses.lemon_evidence import LemonEvidence, NodeEvidence, gather
from reliability.analyses.lemon_naming import SCAN_LEVEL, ModelVerdict, feature, named_by_model, rule_verdict
from reliability.errors import BadOptionError, NoDataError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import plotly.graph_objects as go

    from reliability.lake import Lake

_MORE_LIKELY_THAN_NOT: Final = 0.5
#: expected failures below which a lemon is easily missed
_FEW_FAILURES: Final = 5.0
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class LemonNode:
    """Everything that is known for and against one node.

    ``probability`` is that of having been a lemon at some time of the window, ``probability_now`` that of being one
    at its end. ``since_utc``: the first day by whose end
    the model held it for one. ``features`` are the
    paper's seven, of the days that the rule looks at; ``stands_out`` names those above their threshold.
    """

    cluster: str
    node: str
    gpu_model: str | None
    rack: str | None
    failures: int
    shared_troubles: int
    relapses: int
    exposure_days: float
    attempts: int
    job_hours: float
    unexplained_failures: float | None
    expected_unexplained: float | None
    expected_failures: float | None
    rate: RateEstimate | None
    posterior_rate_per_day: float | None
    posterior_low_per_day: float | None
    posterior_high_per_day: float | None
    probability: float
    probability_now: float
    named_by_model: bool
    is_lemon_now: bool
    named_by_rule: bool
    since_utc: datetime | None
    last_repair_utc: datetime | None
    features: Mapping[str, float]
    stands_out: tuple[str, ...]
    troubles: tuple[dict[str, Any], ...]

    @property
    def evidence(self) -> tuple[str, ...]:
        """Return what speaks for and against the node, in sentences."""
        return tuple(_reasons(self))


@dataclass(frozen=True, slots=True)
class FleetOfNodes:
    """One cluster: its rate, the share of lemons, and whether there is any. ``thresholds`` are the rule's."""

    cluster: str
    nodes: int
    fleet: FleetRate | None
    scan_p_value: float
    has_lemons: bool
    hidden_share: float | None
    thresholds: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Lemons(Answer):
    """Every node with its evidence, the surest lemon first."""

    from_utc: datetime
    to_utc: datetime
    rule_days: float
    false_discovery_rate: float
    factor: float
    confidence: float
    definition: str
    nodes: tuple[LemonNode, ...]
    fleets: tuple[FleetOfNodes, ...]
    warnings: tuple[str, ...] = ()

    @property
    def named(self) -> tuple[LemonNode, ...]:
        """Nodes that the model names."""
        return tuple(node for node in self.nodes if node.named_by_model)

    def of_node(self, name: str) -> Lemons:
        """Return the answer with this node alone.

        Raises
        ------
        BadOptionError
            If no node has the name.
        """
        nodes = tuple(node for node in self.nodes if node.node == name)
        if not nodes:
            raise BadOptionError("--node", name, f"a node of the fleet, such as {self.nodes[0].node}")
        return replace(self, nodes=nodes)

    def rows(self) -> list[dict[str, Any]]:
        """Return one row per node."""
        return [_row(node) for node in self.nodes]

    def document(self) -> dict[str, Any]:
        """Return the answer for ``--json``."""
        return {
            "from_utc": self.from_utc,
            "to_utc": self.to_utc,
            "rule_days": self.rule_days,
            "false_discovery_rate": self.false_discovery_rate,
            "factor": self.factor,
            "confidence": self.confidence,
            "definition": self.definition,
            "warnings": list(self.warnings),
            "fleets": [_fleet_row(fleet) for fleet in self.fleets],
            "named_by_model": [node.node for node in self.nodes if node.named_by_model],
            "named_by_rule": [node.node for node in self.nodes if node.named_by_rule],
            "rows": self.rows(),
        }

    def figure(self) -> go.Figure:
        """Draw the failures of every node against those expected of it."""
        from reliability.figures.lemons import lemons_figure  # noqa: PLC0415 - figures read the results they draw

        return lemons_figure(self)


def lemons(
    lake: Lake,
    *,
    as_of: datetime | None = None,
    window_days: float | None = None,
    rule_days: float = 28.0,
    fdr: float = 0.1,
    factor: float = 4.0,
    confidence: float = 0.9,
    rule: Rule | None = None,
) -> Lemons:
    """Judge every node: by the paper's rule, and by a model of its rate against the fleet's.

    Parameters
    ----------
    lake
        Where the logs were taken in.
    as_of
        End of what is looked at, exclusive; None for the end of the observation.
    window_days
        How far back the model looks from there; None for all that was observed.
    rule_days
        How far back the rule looks; 28 in the paper.
    fdr
        The expected share of nodes named wrongly by the model stays within this.
    factor
        A lemon fails at least so many times as often as the fleet.
    confidence
        Level of the intervals of rates.
    rule
        Quantile, floors and weights of the rule; None for the defaults.

    Returns
    -------
    Lemons
        One row per node, the surest lemon first.

    Raises
    ------
    BadOptionError
        If a length of time or the false discovery rate cannot be.
    NoDataError
        If no node was ever at risk.
    """
    checked_confidence(confidence)
    for option, value in (("--window-days", window_days), ("--rule-days", rule_days)):
        if value is not None and not value > 0:
            raise BadOptionError(option, value, "a number of days above 0")
    if not 0 < fdr < 1:
        raise BadOptionError("--fdr", fdr, "a share between 0 and 1")
    found = gather(lake, as_of, window_days, rule_days)
    if found is None or not found.clusters:
        raise NoDataError("lemons", "node states (sacctmgr show event, …) or jobs (sacct, …) that ran on known nodes")
    judged = [_judged(evidence, found, fdr, factor, confidence, rule) for evidence in found.clusters]
    nodes = [node for of_cluster, _ in judged for node in of_cluster]
    fleets = tuple(fleet for _, fleet in judged)
    return Lemons(
        from_utc=found.from_utc,
        to_utc=found.to_utc,
        rule_days=rule_days,
        false_discovery_rate=fdr,
        factor=factor,
        confidence=confidence,
        definition=_definition(fdr, factor, rule_days),
        nodes=tuple(sorted(nodes, key=_surest_first)),
        fleets=fleets,
        warnings=tuple(sentence for fleet in fleets for sentence in _sentences(fleet, found)),
    )


def _judged(
    evidence: NodeEvidence,
    found: LemonEvidence,
    fdr: float,
    factor: float,
    confidence: float,
    rule: Rule | None,
) -> tuple[list[LemonNode], FleetOfNodes]:
    by_model = named_by_model(evidence, fdr, factor, confidence)
    by_rule = rule_verdict(evidence, found.features, rule)
    nodes = [_node(row, evidence, found, by_model, by_rule, confidence) for row in range(len(evidence.nodes))]
    return nodes, FleetOfNodes(
        cluster=evidence.cluster,
        nodes=len(nodes),
        fleet=by_model.fleet,
        scan_p_value=by_model.scan_p_value,
        has_lemons=by_model.scan_p_value <= SCAN_LEVEL,
        hidden_share=evidence.unexplained.hidden_share if evidence.unexplained else None,
        thresholds=by_rule.thresholds if by_rule is not None else {},
    )


def _node(
    row: int,
    evidence: NodeEvidence,
    found: LemonEvidence,
    by_model: ModelVerdict,
    by_rule: RuleVerdict | None,
    confidence: float,
) -> LemonNode:
    node, posterior, unexplained = evidence.nodes[row], by_model.posterior, evidence.unexplained
    served = found.served[evidence.cluster, node]
    failures, exposure = int(evidence.failures[row].sum()), float(evidence.exposure_days[row].sum())
    named = bool(by_model.named[row])
    stands_out = [name for name, out in zip(FEATURES, by_rule.stands_out[row], strict=True) if out] if by_rule else []
    return LemonNode(
        cluster=evidence.cluster,
        node=node,
        gpu_model=served["gpu_model"],
        rack=served["rack"],
        failures=failures,
        shared_troubles=int(served["shared_troubles"]),
        relapses=int(served["relapses"]),
        exposure_days=exposure,
        attempts=int(served["attempts"]),
        job_hours=float(served["job_hours"]),
        unexplained_failures=float(unexplained.observed[row]) if unexplained else None,
        expected_unexplained=float(unexplained.expected[row]) if unexplained else None,
        expected_failures=float(posterior.ordinary_expected[row]) if posterior else None,
        rate=poisson_rate(failures, exposure, confidence) if exposure > 0 else None,
        posterior_rate_per_day=float(posterior.rate_per_day[row]) if posterior else None,
        posterior_low_per_day=float(posterior.low_per_day[row]) if posterior else None,
        posterior_high_per_day=float(posterior.high_per_day[row]) if posterior else None,
        probability=float(posterior.ever[row]) if posterior else 0.0,
        probability_now=float(by_model.now[row]),
        named_by_model=named,
        is_lemon_now=named and bool(by_model.now[row] >= _MORE_LIKELY_THAN_NOT),
        named_by_rule=bool(by_rule.named[row]) if by_rule else False,
        since_utc=_since(posterior, row, evidence.first_day) if named and posterior else None,
        last_repair_utc=served["last_repair_utc"],
        features={name: feature(found.features, evidence.cluster, node, name) for name in FEATURES},
        stands_out=tuple(stands_out),
        troubles=evidence.troubles[node],
    )


def _since(posterior: NodePosterior, row: int, first_day: int) -> datetime:
    held = posterior.daily[row] >= _MORE_LIKELY_THAN_NOT
    day = int(np.argmax(held if held.any() else posterior.daily[row]))
    return _EPOCH + timedelta(days=first_day + day)


def _sentences(fleet: FleetOfNodes, found: LemonEvidence) -> list[str]:
    if fleet.fleet is None:
        return [f"no node of {fleet.cluster} failed, or there is but one: nobody can be told from the others"]
    sentences = []
    if not fleet.has_lemons:
        sentences.append(
            f"chance alone may explain the worst node of {fleet.cluster} (p = {fleet.scan_p_value:.2g}): "
            "the model names nobody"
        )
    usual = fleet.fleet.rate_per_day * fleet.fleet.exposure_days / fleet.nodes
    if fleet.fleet.factor * usual < _FEW_FAILURES:
        days = (found.to_utc - found.from_utc).total_seconds() / 86_400
        sentences.append(
            f"in {days:.3g} days a node of {fleet.cluster} that fails {fleet.fleet.factor:g} times as often as the "
            f"others has {fleet.fleet.factor * usual:.2g} failures: only worse ones can be found"
        )
    return sentences


def _definition(fdr: float, factor: float, rule_days: float) -> str:
    return (
        f"A lemon fails at least {factor:g} times as often as an ordinary node of its fleet. Failures: unplanned "
        "outages, and attempts that the node ended without one, each fault once; troubles that several nodes share and "
        "faults that come back within a day of the repair do not count. The model names nodes so that the expected "
        f"share of wrong names is at most {fdr:g}, and nobody where chance alone may explain the worst node. The rule "
        f"(Kokolis et al.) looks at seven features over {rule_days:g} days."
    )


def _surest_first(node: LemonNode) -> tuple[bool, float, float, str, str]:
    return (not node.named_by_model, -node.probability, -node.failures, node.cluster, node.node)


def _fleet_row(fleet: FleetOfNodes) -> dict[str, Any]:
    rate = fleet.fleet
    return {
        "cluster": fleet.cluster,
        "nodes": fleet.nodes,
        "failures": rate.failures if rate else 0,
        "rate_per_1000_node_days": 1000 * rate.rate_per_day if rate else None,
        "shape_of_rates": rate.shape if rate else None,
        "lemon_share": rate.lemon_share if rate else None,
        "scan_p_value": fleet.scan_p_value,
        "has_lemons": fleet.has_lemons,
        "hidden_share": fleet.hidden_share,
        "rule_thresholds": dict(fleet.thresholds),
    }


def _row(node: LemonNode) -> dict[str, Any]:
    rate = node.rate
    return {
        "node": node.node,
        "cluster": node.cluster,
        "named_by_model": node.named_by_model,
        "is_lemon_now": node.is_lemon_now,
        "named_by_rule": node.named_by_rule,
        "probability": node.probability,
        "probability_now": node.probability_now,
        "since_utc": node.since_utc,
        "failures": node.failures,
        "expected_failures": node.expected_failures,
        "exposure_node_days": node.exposure_days,
        "rate_per_1000_node_days": rate.rate_per_1000_days if rate else None,
        "low": rate.low_per_1000_days if rate else None,
        "high": rate.high_per_1000_days if rate else None,
        "posterior_rate_per_1000_node_days": _per_1000(node.posterior_rate_per_day),
        "posterior_low": _per_1000(node.posterior_low_per_day),
        "posterior_high": _per_1000(node.posterior_high_per_day),
        "shared_troubles": node.shared_troubles,
        "relapses": node.relapses,
        "attempts": node.attempts,
        "job_hours": node.job_hours,
        "unexplained_failures": node.unexplained_failures,
        "expected_unexplained": node.expected_unexplained,
        "last_repair_utc": node.last_repair_utc,
        **node.features,
        "stands_out": list(node.stands_out),
        "evidence": list(node.evidence),
        "gpu_model": node.gpu_model,
        "rack": node.rack,
    }


def _per_1000(rate_per_day: float | None) -> float | None:
    return None if rate_per_day is None else 1000 * rate_per_day


def _reasons(node: LemonNode) -> list[str]:
    own = [trouble for trouble in node.troubles if not trouble["is_shared"] and not trouble["is_relapse"]]
    symptoms = Counter(trouble["symptom"].replace("_", " ") for trouble in own)
    listed = ", ".join(f"{count} × {symptom}" for symptom, count in symptoms.most_common(3))
    sentences = []
    if node.expected_failures is not None:
        of_own = f" ({listed})" if listed else ""
        sentences.append(
            f"{_counted(node.failures, 'failure')} of its own{of_own} where an ordinary node has "
            f"{node.expected_failures:.2g}"
        )
    ended = sum(trouble["attempts"] for trouble in own)
    if ended:
        sentences.append(f"ended {_counted(ended, 'attempt')}")
    if node.relapses:
        sentences.append(f"{_counted(node.relapses, 'fault')} came back within a day of the repair, not counted")
    if node.shared_troubles:
        sentences.append(f"{_counted(node.shared_troubles, 'trouble')} shared with other nodes, not counted")
    if node.unexplained_failures is not None and node.expected_unexplained is not None:
        sentences.append(
            f"{node.unexplained_failures:.3g} failures without a sign, {node.expected_unexplained:.3g} expected of its "
            "users and job sizes"
        )
    if node.stands_out:
        sentences.append(f"stands out in {', '.join(node.stands_out)}")
    return sentences


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
