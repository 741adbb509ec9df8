"""What would a run get: MTTF, expected ETTR and the checkpoint interval, for given or measured failure rates."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from models.errors import ModelError
from models.goodput.checkpoint_intervals import (
    daly_interval_seconds,
    ettr_v2_optimal_interval_seconds,
    young_interval_seconds,
)
from models.goodput.closed_forms import expected_ettr_v1, expected_ettr_v2, small_loss_warning
from models.goodput.run_plan import RunPlan
from reliability.analyses.answer import Answer
from reliability.analyses.rates import rates
from reliability.errors import BadOptionError, NoDataError

if TYPE_CHECKING:
    from datetime import datetime

    import plotly.graph_objects as go

    from reliability.lake import Lake

_DEFINITION = (
    "Expected ETTR = productive run time / available wall-clock time, closed forms of Kokolis et al.: v1 takes "
    "checkpoint writes as free and counts queue waits, v2 counts checkpoint writes. Failures: Poisson, N × r_f. "
    "First-order in small losses: a slight under-estimate against simulation."
)


@dataclass(frozen=True, slots=True)
class FailureRate:
    """A failure rate per 1000 node-days, with its interval where it was measured."""

    per_1000_node_days: float
    low: float | None = None
    high: float | None = None
    failures: int | None = None
    exposure_node_days: float | None = None
    confidence: float | None = None

    @property
    def source(self) -> str:
        """Where the rate comes from."""
        return "given" if self.failures is None else "measured"


@dataclass(frozen=True, slots=True)
class Plan(Answer):
    """A planned run and what to expect of it. Bounds follow from the interval of a measured failure rate."""

    gpus: int
    gpus_per_node: int
    rate: FailureRate
    run: RunPlan
    ettr_v1: float
    ettr_v1_low: float | None
    ettr_v1_high: float | None
    ettr_v2: float | None
    ettr_v2_low: float | None
    ettr_v2_high: float | None
    ettr_v2_at_optimum: float | None
    interval_young_minutes: float | None
    interval_daly_minutes: float | None
    interval_v2_optimal_minutes: float | None
    warnings: tuple[str, ...]

    @property
    def mttf_hours(self) -> float | None:
        """Mean time between failures of the run; None for a rate of zero."""
        return _mttf_hours(self.run.nodes, self.rate.per_1000_node_days)

    def rows(self) -> list[dict[str, Any]]:
        """Return one row: the whole plan."""
        return [self.document()]

    def document(self) -> dict[str, Any]:
        """Return the answer for ``--json``."""
        run = self.run
        return {
            "gpus": self.gpus,
            "gpus_per_node": self.gpus_per_node,
            "nodes": run.nodes,
            "failures_per_1000_node_days": self.rate.per_1000_node_days,
            "failures_per_1000_node_days_low": self.rate.low,
            "failures_per_1000_node_days_high": self.rate.high,
            "failures": self.rate.failures,
            "exposure_node_days": self.rate.exposure_node_days,
            "confidence": self.rate.confidence,
            "rate_source": self.rate.source,
            "checkpoint_interval_minutes": run.checkpoint_interval_seconds / 60,
            "restart_overhead_minutes": run.restart_overhead_seconds / 60,
            "queue_wait_minutes": run.queue_wait_seconds / 60,
            "checkpoint_write_minutes": None
            if run.checkpoint_write_seconds is None
            else run.checkpoint_write_seconds / 60,
            "productive_days": run.productive_seconds / 86_400,
            "mttf_hours": self.mttf_hours,
            "mttf_low_hours": _mttf_hours(run.nodes, self.rate.high),
            "mttf_high_hours": _mttf_hours(run.nodes, self.rate.low),
            "failures_per_day": run.nodes * self.rate.per_1000_node_days / 1000,
            "ettr_v1": self.ettr_v1,
            "ettr_v1_low": self.ettr_v1_low,
            "ettr_v1_high": self.ettr_v1_high,
            "ettr_v2": self.ettr_v2,
            "ettr_v2_low": self.ettr_v2_low,
            "ettr_v2_high": self.ettr_v2_high,
            "ettr_v2_at_optimum": self.ettr_v2_at_optimum,
            "interval_young_minutes": self.interval_young_minutes,
            "interval_daly_minutes": self.interval_daly_minutes,
            "interval_v2_optimal_minutes": self.interval_v2_optimal_minutes,
            "definition": _DEFINITION,
            "warnings": list(self.warnings),
        }

    def figure(self) -> go.Figure:
        """Draw the expected ETTR over the checkpoint interval."""
        from reliability.figures.plan import plan_figure  # noqa: PLC0415 - figures read the results they draw

        return plan_figure(self)


def measured_rate(
    lake: Lake,
    *,
    min_gpus: int = 128,
    confidence: float = 0.9,
    from_utc: datetime | None = None,
    to_utc: datetime | None = None,
) -> FailureRate:
    """Return the lake's own r_f: of attempts with more than ``min_gpus`` GPUs, else of its nodes.

    Parameters
    ----------
    lake
        Where the logs were taken in.
    min_gpus
        Only attempts with more GPUs than this.
    confidence
        Two-sided confidence level.
    from_utc, to_utc
        Half-open window; None for the whole observation.

    Raises
    ------
    NoDataError
        If the lake has neither. A lake that saw no failure gives a rate of 0 with its upper bound.
    """
    try:
        found = rates(lake, "attempt", min_gpus=min_gpus, confidence=confidence, from_utc=from_utc, to_utc=to_utc)
    except NoDataError:
        found = rates(lake, "node", confidence=confidence, from_utc=from_utc, to_utc=to_utc)
    estimate = found.groups[0].estimate
    if estimate is None:
        raise NoDataError("plan", "node-days at risk")
    return FailureRate(
        estimate.rate_per_1000_days,
        estimate.low_per_1000_days,
        estimate.high_per_1000_days,
        estimate.failures,
        estimate.exposure_days,
        confidence,
    )


def plan(
    gpus: int,
    rate: FailureRate,
    *,
    gpus_per_node: int = 8,
    checkpoint_interval_seconds: float = 3600.0,
    restart_overhead_seconds: float = 300.0,
    queue_wait_seconds: float = 0.0,
    checkpoint_write_seconds: float | None = None,
    productive_seconds: float = math.inf,
) -> Plan:
    """Plan a run.

    Parameters
    ----------
    gpus, gpus_per_node
        Size of the run; a last node that is only partly used counts whole.
    rate
        Failures per 1000 node-days, given or measured.
    checkpoint_interval_seconds, restart_overhead_seconds, queue_wait_seconds, checkpoint_write_seconds
        Δt, u₀, q and w of the formulas; without w the v2 value and the intervals are None.
    productive_seconds
        Work to be done; infinite for the long-run form.

    Returns
    -------
    Plan
        ETTR with bounds where the rate was measured, and the intervals of Young, Daly and the maximiser of v2.

    Raises
    ------
    BadOptionError
        If a size is not positive.
    models.errors.ModelError
        If a time or rate is not usable.
    """
    if gpus <= 0:
        raise BadOptionError("--gpus", gpus, "a positive number")
    if gpus_per_node <= 0:
        raise BadOptionError("--gpus-per-node", gpus_per_node, "a positive number")
    nodes = math.ceil(gpus / gpus_per_node)

    def run_at(per_1000_node_days: float, interval_seconds: float = checkpoint_interval_seconds) -> RunPlan:
        return RunPlan(
            nodes=nodes,
            failures_per_node_day=per_1000_node_days / 1000,
            checkpoint_interval_seconds=interval_seconds,
            restart_overhead_seconds=restart_overhead_seconds,
            queue_wait_seconds=queue_wait_seconds,
            checkpoint_write_seconds=checkpoint_write_seconds,
            productive_seconds=productive_seconds,
        )

    run = run_at(rate.per_1000_node_days)
    # A higher failure rate means a lower ETTR, so the bounds change places.
    worst = None if rate.high is None else run_at(rate.high)
    best = None if rate.low is None else run_at(rate.low)
    has_write = checkpoint_write_seconds is not None
    warning = small_loss_warning(run)
    warnings = [warning] if warning else []
    young = daly = optimal = at_optimum = None
    if checkpoint_write_seconds and run.failures_per_second > 0:
        mttf_seconds = 1 / run.failures_per_second
        young = young_interval_seconds(checkpoint_write_seconds, mttf_seconds)
        daly = daly_interval_seconds(checkpoint_write_seconds, mttf_seconds)
        try:
            optimal = ettr_v2_optimal_interval_seconds(
                checkpoint_write_seconds, run.failures_per_second, restart_overhead_seconds
            )
            at_optimum = expected_ettr_v2(run_at(rate.per_1000_node_days, optimal))
        except ModelError as error:
            warnings.append(str(error))
    return Plan(
        gpus=gpus,
        gpus_per_node=gpus_per_node,
        rate=rate,
        run=run,
        ettr_v1=expected_ettr_v1(run),
        ettr_v1_low=None if worst is None else expected_ettr_v1(worst),
        ettr_v1_high=None if best is None else expected_ettr_v1(best),
        ettr_v2=expected_ettr_v2(run) if has_write else None,
        ettr_v2_low=expected_ettr_v2(worst) if worst and has_write else None,
        ettr_v2_high=expected_ettr_v2(best) if best and has_write else None,
        ettr_v2_at_optimum=at_optimum,
        interval_young_minutes=_minutes(young),
        interval_daly_minutes=_minutes(daly),
        interval_v2_optimal_minutes=_minutes(optimal),
        warnings=tuple(warnings),
    )


def _minutes(seconds: float | None) -> float | None:
    return None if seconds is None else seconds / 60


def _mttf_hours(nodes: int, per_1000_node_days: float | None) -> float | None:
    if not per_1000_node_days:
        return None
    return 24_000 / (nodes * per_1000_node_days)
