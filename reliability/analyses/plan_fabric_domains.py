"""Failures of a run by failure domain: its nodes, and each class of the fabric's parts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from models.goodput.renewal import expected_run
from models.goodput.run_plan import SECONDS_PER_DAY, RunPlan
from models.placement.fabric_failures import ClassFailures, fatal_per_day, mean_speed
from reliability.analyses.plan import FailureRate


@dataclass(frozen=True, slots=True)
class DomainRow:
    """Failures of one class of parts as the run meets them; limits are None where no counts are known."""

    component: str
    parts: int
    fatal_parts: int
    hosts_each: int
    per_day: float
    low: float | None
    high: float | None
    expected_in_run: float | None
    slowing_per_day: float
    slowdown: float
    slowed_share: float
    repair_hours: float | None
    source: str

    def document(self) -> dict[str, Any]:
        """Return the row, units in the keys."""
        return {
            "parts": self.parts,
            "fatal_parts": self.fatal_parts,
            "hosts_each": self.hosts_each,
            "per_day": self.per_day,
            "low": self.low,
            "high": self.high,
            "expected_in_run": self.expected_in_run,
            "slowing_per_day": self.slowing_per_day,
            "slowdown": self.slowdown,
            "slowed_share": self.slowed_share,
            "repair_hours": self.repair_hours,
            "source": self.source,
        }


def domain_rows(
    run: RunPlan, rate: FailureRate, classes: Sequence[ClassFailures], confidence: float
) -> tuple[DomainRow, ...]:
    """Return the failures of a run by domain, its nodes first.

    Parameters
    ----------
    run
        As planned; its failure rate is that of its nodes without the network.
    rate
        The same rate with its limits.
    classes
        What the fabric adds.
    confidence
        Of the limits of the parts' rates.
    """
    days = _scheduled_days(run, classes)
    return (_node_row(run, rate, days), *(_row(each, days, confidence) for each in classes))


def _scheduled_days(run: RunPlan, classes: Sequence[ClassFailures]) -> float | None:
    """Return how long the run holds its nodes until its work is done; None for a run without an end."""
    if math.isinf(run.productive_seconds):
        return None
    total = run.failures_per_node_day + fatal_per_day(classes) / run.nodes
    done = expected_run(
        replace(run, failures_per_node_day=total, productive_seconds=run.productive_seconds / mean_speed(classes))
    )
    waits = (1.0 + done.interruptions) * run.queue_wait_seconds
    return (done.wall_seconds - waits) / SECONDS_PER_DAY if math.isfinite(done.wall_seconds) else None


def _node_row(run: RunPlan, rate: FailureRate, days: float | None) -> DomainRow:
    per_day = run.nodes * run.failures_per_node_day

    def scaled(limit: float | None) -> float | None:
        return None if limit is None else run.nodes * limit / 1000

    told = {"given": "the rate given", "counted": "failures counted elsewhere", "measured": "this lake's own rate"}
    return DomainRow(
        component="node",
        parts=run.nodes,
        fatal_parts=run.nodes,
        hosts_each=1,
        per_day=per_day,
        low=scaled(rate.low),
        high=scaled(rate.high),
        expected_in_run=None if days is None else per_day * days,
        slowing_per_day=0.0,
        slowdown=0.0,
        slowed_share=0.0,
        repair_hours=None,
        source=f"{told[rate.source]}: {rate.per_1000_node_days:.3g} failures per 1000 node-days",
    )


def _row(found: ClassFailures, days: float | None, confidence: float) -> DomainRow:
    estimate = found.rate.estimate(confidence)

    def scaled(limit_per_1000_days: float | None) -> float | None:
        return None if limit_per_1000_days is None else found.fatal * limit_per_1000_days / 1000

    return DomainRow(
        component=found.component,
        parts=found.parts,
        fatal_parts=found.fatal,
        hosts_each=found.hosts,
        per_day=found.fatal_per_day,
        low=None if estimate is None else scaled(estimate.low_per_1000_days),
        high=None if estimate is None else scaled(estimate.high_per_1000_days),
        expected_in_run=None if days is None else found.fatal_per_day * days,
        slowing_per_day=found.slowing_per_day,
        slowdown=found.slowdown,
        slowed_share=found.slowed_share,
        repair_hours=found.repair_hours,
        source=found.rate.source,
    )
