"""Back-test: what large jobs would have lived through had the lemons been drained on the day they were named."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from models.guards import checked_confidence
from models.lemons.drain import DrainEffect, SharePoint, drain_effect
from models.lemons.rule import Rule
from models.rates import ShareEstimate
from reliability.analyses.answer import Answer
from reliability.analyses.lemon_evidence import LemonEvidence, NodeEvidence, features_between, gather
from reliability.analyses.lemon_naming import named_by_model, named_by_rule
from reliability.engines.duckdb_engine import DuckDBEngine
from reliability.errors import BadOptionError, NoDataError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import plotly.graph_objects as go

    from reliability.lake import Lake

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_WHO: Final = ("model", "rule")


@dataclass(frozen=True, slots=True)
class Drained:
    """One node that would have been drained: by whom, on which day, and how it failed in the log after that day."""

    by: str
    cluster: str
    node: str
    named_utc: datetime
    failures_before: int
    failures_after: int
    expected_after: float
    attempts_saved: int


@dataclass(frozen=True, slots=True)
class DrainOutcome:
    """What draining on the word of one method would have changed; `effect` is None without large attempts."""

    by: str
    drained: tuple[Drained, ...]
    node_days_lost: float
    node_days: float
    effect: DrainEffect | None

    @property
    def without_later_failure(self) -> int:
        """Nodes drained that never failed again in the log: most probably drained for nothing."""
        return sum(not node.failures_after for node in self.drained)


@dataclass(frozen=True, slots=True)
class LemonBackTest(Answer):
    """The outcomes side by side: by the model, and by the rule."""

    from_utc: datetime
    to_utc: datetime
    step_days: int
    min_gpus: int
    confidence: float
    definition: str
    outcomes: tuple[DrainOutcome, ...]
    warnings: tuple[str, ...] = ()

    def rows(self) -> list[dict[str, Any]]:
        """Return one row per method."""
        return [_outcome_row(outcome) for outcome in self.outcomes]

    def document(self) -> dict[str, Any]:
        """Return the answer for ``--json``."""
        return {
            "from_utc": self.from_utc,
            "to_utc": self.to_utc,
            "step_days": self.step_days,
            "min_gpus": self.min_gpus,
            "confidence": self.confidence,
            "definition": self.definition,
            "warnings": list(self.warnings),
            "rows": self.rows(),
            "drained": self.drained_rows(),
        }

    def drained_rows(self) -> list[dict[str, Any]]:
        """Return one row per node drained."""
        return [
            {
                "by": node.by,
                "node": node.node,
                "cluster": node.cluster,
                "named_utc": node.named_utc,
                "failures_before": node.failures_before,
                "failures_after": node.failures_after,
                "expected_after": node.expected_after,
                "attempts_saved": node.attempts_saved,
            }
            for outcome in self.outcomes
            for node in outcome.drained
        ]

    def figure(self) -> go.Figure:
        """Draw the share of large attempts that failed, before and after."""
        from reliability.figures.lemons import back_test_figure  # noqa: PLC0415 - figures read the results they draw

        return back_test_figure(self)


def lemon_back_test(
    lake: Lake,
    *,
    step_days: int = 7,
    rule_days: float = 28.0,
    min_gpus: int = 512,
    fdr: float = 0.1,
    factor: float = 4.0,
    confidence: float = 0.9,
    rule: Rule | None = None,
) -> LemonBackTest:
    """Walk through the log, name lemons by what was known on each day, and drain them from then on.

    Parameters
    ----------
    lake
        Where the logs were taken in.
    step_days
        Nodes are judged anew after so many days, for the first time when `rule_days` are known.
    rule_days, fdr, factor, rule
        As :func:`reliability.analyses.lemons.lemons`.
    min_gpus
        Large jobs have at least so many GPUs; 512 in the paper.
    confidence
        Level of the intervals.

    Returns
    -------
    LemonBackTest
        One outcome per method.

    Raises
    ------
    BadOptionError
        If a number of days or of GPUs cannot be.
    NoDataError
        If no node was ever at risk, or the log is shorter than `rule_days`.
    """
    checked_confidence(confidence)
    if step_days < 1:
        raise BadOptionError("--step-days", step_days, "a whole number of days above 0")
    found = gather(lake, None, None, rule_days)
    if found is None or not found.clusters:
        raise NoDataError("lemons --back-test", "node states (sacctmgr show event, …) or jobs (sacct, …)")
    if found.to_utc - found.from_utc <= timedelta(days=rule_days):
        raise NoDataError("lemons --back-test", f"logs of more than {rule_days:g} days")
    named = named_on_their_day(lake, found, step_days, rule_days, fdr, factor, rule)
    with closing(DuckDBEngine(lake)) as engine:
        attempts = engine.ask("large_attempts", min_gpus=min_gpus)
    outcomes = tuple(_outcome(who, named[who], found, attempts, confidence) for who in _WHO)
    warnings = (
        [] if attempts else [f"no ended job has {min_gpus} GPUs or more: only capacity and failures are compared"]
    )
    return LemonBackTest(
        from_utc=found.from_utc,
        to_utc=found.to_utc,
        step_days=step_days,
        min_gpus=min_gpus,
        confidence=confidence,
        definition=f"Every {step_days} days the nodes are judged by what the log held until then; who is named is "
        "drained from that day to the end. An attempt that a drained node ended after that day would not have failed; "
        f"all else stays as it was. Large: {min_gpus} GPUs or more. ETTR proxy: 1 - failures × (half an hourly "
        "checkpoint interval and five minutes of restart) / run time, queues left out.",
        outcomes=outcomes,
        warnings=tuple(warnings),
    )


Naming = dict[tuple[str, str], datetime]


def named_on_their_day(
    lake: Lake,
    found: LemonEvidence,
    step_days: int = 7,
    rule_days: float = 28.0,
    fdr: float = 0.1,
    factor: float = 4.0,
    rule: Rule | None = None,
) -> dict[str, Naming]:
    """Return who would have named which node, and when: every few days by what the log held until then.

    Parameters
    ----------
    lake, step_days, rule_days, fdr, factor, rule
        As :func:`lemon_back_test`.
    found
        Evidence of the whole time.

    Returns
    -------
    dict
        ``model`` and ``rule``: (cluster, node) to the moment of its first naming.
    """
    named: dict[str, Naming] = {who: {} for who in _WHO}
    moment = found.from_utc + timedelta(days=rule_days)
    while moment < found.to_utc:
        features = features_between(lake, moment - timedelta(days=rule_days), moment)
        for evidence in found.clusters:
            by_model = named_by_model(_until(evidence, moment), fdr, factor)
            masks = {
                "model": by_model.named & (by_model.now >= 0.5),
                "rule": named_by_rule(evidence, features, rule),
            }
            for who, mask in masks.items():
                for row in np.flatnonzero(mask).tolist():
                    named[who].setdefault((evidence.cluster, evidence.nodes[row]), moment)
        moment += timedelta(days=step_days)
    return named


def _until(evidence: NodeEvidence, moment: datetime) -> NodeEvidence:
    """Cut the evidence to the days before a moment; failures without a sign are left out, not being told by day."""
    days = max(1, (moment - _EPOCH).days - evidence.first_day)
    return replace(
        evidence,
        failures=evidence.failures[:, :days],
        relapses=evidence.relapses[:, :days],
        exposure_days=evidence.exposure_days[:, :days],
        weighted_days=evidence.weighted_days[:, :days],
        cure=evidence.cure[:, :days],
        relapse_per_day=evidence.relapse_per_day[:, :days],
        unexplained=None,
    )


def _outcome(
    who: str, named: Naming, found: LemonEvidence, attempts: list[dict[str, Any]], confidence: float
) -> DrainOutcome:
    saved: dict[tuple[str, str], int] = {}
    avoided = []
    for attempt in attempts:
        key = (attempt["cluster"], attempt["node"])
        gone = attempt["is_infrastructure"] and key in named and attempt["start_utc"] >= named[key]
        avoided.append(gone)
        if gone:
            saved[key] = saved.get(key, 0) + 1
    drained, lost = [], 0.0
    for evidence in found.clusters:
        rate = evidence.failures.sum() / max(1e-300, evidence.weighted_days.sum())
        for row, node in enumerate(evidence.nodes):
            moment = named.get((evidence.cluster, node))
            if moment is None:
                continue
            day = (moment - _EPOCH).days - evidence.first_day
            lost += float(evidence.exposure_days[row, day:].sum())
            drained.append(
                Drained(
                    who,
                    evidence.cluster,
                    node,
                    moment,
                    int(evidence.failures[row, :day].sum()),
                    int(evidence.failures[row, day:].sum()),
                    float(rate * evidence.weighted_days[row, day:].sum()),
                    saved.get((evidence.cluster, node), 0),
                )
            )
    effect = None
    if attempts:
        effect = drain_effect(
            [attempt["run_hours"] for attempt in attempts],
            [attempt["is_infrastructure"] for attempt in attempts],
            avoided,
            confidence=confidence,
        )
    total = sum(float(evidence.exposure_days.sum()) for evidence in found.clusters)
    return DrainOutcome(who, tuple(sorted(drained, key=lambda node: node.named_utc)), lost, total, effect)


def _outcome_row(outcome: DrainOutcome) -> dict[str, Any]:
    effect = outcome.effect
    row: dict[str, Any] = {
        "by": outcome.by,
        "drained": len(outcome.drained),
        "without_later_failure": outcome.without_later_failure,
        "failures_after_naming": sum(node.failures_after for node in outcome.drained),
        "expected_of_ordinary_nodes": sum(node.expected_after for node in outcome.drained),
        "node_days_lost": outcome.node_days_lost,
        "capacity_lost_share": outcome.node_days_lost / outcome.node_days if outcome.node_days else None,
        "large_attempts": effect.failed_before.n if effect else 0,
    }
    for name in ("failed_before", "failed_after", "avoided"):
        row |= _share(name, getattr(effect, name) if effect else None)
    for name in ("ettr_before", "ettr_after"):
        row |= _point(name, getattr(effect, name) if effect else None)
    return row


def _share(name: str, share: ShareEstimate | None) -> Mapping[str, float | None]:
    return {
        f"{name}_share": share.share if share else None,
        f"{name}_low": share.low if share else None,
        f"{name}_high": share.high if share else None,
    }


def _point(name: str, point: SharePoint | None) -> Mapping[str, float | None]:
    return {
        name: point.value if point else None,
        f"{name}_low": point.low if point else None,
        f"{name}_high": point.high if point else None,
    }
