"""What would a run get: MTTF, expected ETTR and the checkpoint interval, for given or measured failure rates."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from models.errors import ModelError
from models.goodput.checkpoint_intervals import (
    daly_interval_seconds,
    ettr_v2_optimal_interval_seconds,
    young_interval_seconds,
)
from models.goodput.checkpoint_optimum import at_best_interval
from models.goodput.closed_forms import expected_ettr_v1, expected_ettr_v2, small_loss_warning
from models.goodput.draws import draw_interval, rate_draws
from models.goodput.renewal import exact_ettr, exact_ettr_at, no_progress_warning
from models.goodput.run_plan import RunPlan
from models.rates import RateEstimate, poisson_rate
from reliability.analyses.answer import Answer
from reliability.analyses.rates import rates
from reliability.errors import BadOptionError, NoDataError

if TYPE_CHECKING:
    from datetime import datetime

    import plotly.graph_objects as go

    from reliability.lake import Lake

_DEFINITION = (
    "Expected ETTR = productive run time / available wall-clock time. Closed forms of Kokolis et al., first order in "
    "small losses, a slight under-estimate against simulation: v1 takes checkpoint writes as free and counts queue "
    "waits, v2 counts checkpoint writes. Exact: renewal solution, failures strike during restarts and writes too, all "
    "costs counted. Failures: Poisson, N × r_f. Limits of the closed forms: at the exact Poisson limits of r_f; of the "
    "exact ETTR: posterior draws of r_f (Jeffreys)."
)
#: posterior draws of a failure rate; the quantiles of the ETTR hang on them in the fourth digit
DRAWS: Final = 4000
#: the same question gets the same answer
SEED: Final = 20_260_106


#: what a plan says of its run besides size and rate
_RUN_OPTIONS: Final = (
    "checkpoint_interval_seconds",
    "restart_overhead_seconds",
    "queue_wait_seconds",
    "checkpoint_write_seconds",
    "checkpoint_stall_seconds",
    "detection_seconds",
    "productive_seconds",
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
    counted_by: Literal["measured", "counted"] = "measured"

    @property
    def source(self) -> str:
        """Where the rate comes from: given as a number, counted elsewhere and given as counts, or measured here."""
        return "given" if self.failures is None else self.counted_by


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
    ettr_exact: float | None
    ettr_low: float | None
    ettr_high: float | None
    ettr_at_exact_interval: float | None
    interval_young_minutes: float | None
    interval_daly_minutes: float | None
    interval_v2_optimal_minutes: float | None
    interval_exact_minutes: float | None
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
            "checkpoint_write_minutes": _minutes(run.checkpoint_write_seconds),
            "checkpoint_stall_minutes": _minutes(run.checkpoint_stall_seconds),
            "detection_minutes": run.detection_seconds / 60,
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
            "ettr_exact": self.ettr_exact,
            "ettr_low": self.ettr_low,
            "ettr_high": self.ettr_high,
            "ettr_at_exact_interval": self.ettr_at_exact_interval,
            "interval_young_minutes": self.interval_young_minutes,
            "interval_daly_minutes": self.interval_daly_minutes,
            "interval_v2_optimal_minutes": self.interval_v2_optimal_minutes,
            "interval_exact_minutes": self.interval_exact_minutes,
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
    return _estimated(estimate, "measured")


def counted_rate(failures: int, exposure_node_days: float, confidence: float = 0.9) -> FailureRate:
    """Return the rate of failures counted elsewhere, with its interval.

    Parameters
    ----------
    failures
        Failures counted.
    exposure_node_days
        Node-days in which they were counted.
    confidence
        Two-sided confidence level.

    Raises
    ------
    models.errors.ModelError
        If the counts cannot be. No failure gives a rate of 0 with its upper bound.

    Examples
    --------
    >>> llama3 = counted_rate(419, 2048 * 54)
    >>> round(llama3.per_1000_node_days, 2), round(24_000 / (2048 * llama3.per_1000_node_days), 2)
    (3.79, 3.09)
    """
    return _estimated(poisson_rate(failures, exposure_node_days, confidence), "counted")


def plan(
    gpus: int,
    rate: FailureRate,
    *,
    gpus_per_node: int = 8,
    checkpoint_interval_seconds: float = 3600.0,
    restart_overhead_seconds: float = 300.0,
    queue_wait_seconds: float = 0.0,
    checkpoint_write_seconds: float | None = None,
    checkpoint_stall_seconds: float | None = None,
    detection_seconds: float = 0.0,
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
    checkpoint_stall_seconds
        How long training stands still for one checkpoint; None where it stands still for w.
    detection_seconds
        From a failure until the run is stopped.
    productive_seconds
        Work to be done; infinite for the long-run form.

    Returns
    -------
    Plan
        ETTR with bounds where the rate was counted, and the intervals of Young, Daly, the maximiser of v2 and of the
        exact ETTR. Without a failure ``ettr_exact`` is None, ``ettr_low`` a bound, and a warning says so.

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
            checkpoint_stall_seconds=checkpoint_stall_seconds,
            detection_seconds=detection_seconds,
            productive_seconds=productive_seconds,
        )

    run = run_at(rate.per_1000_node_days)
    # A higher failure rate means a lower ETTR, so the bounds change places.
    at_high = None if rate.high is None else run_at(rate.high)
    at_low = None if rate.low is None else run_at(rate.low)
    has_write = checkpoint_write_seconds is not None
    warnings = [warning for warning in (small_loss_warning(run), no_progress_warning(run)) if warning]
    exact = _exact(run, rate)
    warnings += exact.warnings
    best = at_best_interval(run) if checkpoint_write_seconds and run.failures_per_second > 0 else None
    young = daly = optimal = at_optimum = None
    # What a checkpoint costs is the time that it stops training, which is all of w only where it blocks.
    if run.stall_seconds and run.failures_per_second > 0:
        mttf_seconds = 1 / run.failures_per_second
        young = young_interval_seconds(run.stall_seconds, mttf_seconds)
        daly = daly_interval_seconds(run.stall_seconds, mttf_seconds)
        try:
            optimal = ettr_v2_optimal_interval_seconds(
                run.stall_seconds, run.failures_per_second, detection_seconds + restart_overhead_seconds
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
        ettr_v1_low=None if at_high is None else expected_ettr_v1(at_high),
        ettr_v1_high=None if at_low is None else expected_ettr_v1(at_low),
        ettr_v2=expected_ettr_v2(run) if has_write else None,
        ettr_v2_low=expected_ettr_v2(at_high) if at_high and has_write else None,
        ettr_v2_high=expected_ettr_v2(at_low) if at_low and has_write else None,
        ettr_v2_at_optimum=at_optimum,
        ettr_exact=exact.estimate,
        ettr_low=exact.low,
        ettr_high=exact.high,
        ettr_at_exact_interval=exact_ettr(best) if best else None,
        interval_young_minutes=_minutes(young),
        interval_daly_minutes=_minutes(daly),
        interval_v2_optimal_minutes=_minutes(optimal),
        interval_exact_minutes=_minutes(best.checkpoint_interval_seconds) if best else None,
        warnings=tuple(warnings),
    )


def replanned(found: Plan, **changes: Any) -> Plan:  # noqa: ANN401 - whatever `plan` takes
    """Plan the run anew with some of its options changed, all else as it was.

    Parameters
    ----------
    found
        A plan.
    changes
        Options of `plan`; also ``gpus`` and ``rate``.

    Examples
    --------
    >>> hourly = plan(16_000, FailureRate(6.5))
    >>> round(replanned(hourly, checkpoint_interval_seconds=300).ettr_v1, 3)
    0.932
    """
    options: dict[str, Any] = {name: getattr(found.run, name) for name in _RUN_OPTIONS}
    options |= {"gpus": found.gpus, "rate": found.rate, "gpus_per_node": found.gpus_per_node}
    return plan(**options | changes)


def _estimated(estimate: RateEstimate, counted_by: Literal["measured", "counted"]) -> FailureRate:
    return FailureRate(
        estimate.rate_per_1000_days,
        estimate.low_per_1000_days,
        estimate.high_per_1000_days,
        estimate.failures,
        estimate.exposure_days,
        estimate.confidence,
        counted_by,
    )


@dataclass(frozen=True, slots=True)
class _Exact:
    estimate: float | None
    low: float | None
    high: float | None
    warnings: tuple[str, ...]


def _exact(run: RunPlan, rate: FailureRate) -> _Exact:
    """Carry the counts of a rate through to the exact ETTR; a rate without counts has no interval."""
    if rate.failures is None or rate.exposure_node_days is None or rate.confidence is None:
        return _Exact(exact_ettr(run), None, None, ())
    draws = rate_draws(rate.failures, rate.exposure_node_days, DRAWS, np.random.default_rng(SEED))
    found = draw_interval(lambda rates: exact_ettr_at(run, rates), draws, rate.confidence)
    return _Exact(found.estimate, found.low, found.high, found.warnings)


def _minutes(seconds: float | None) -> float | None:
    return None if seconds is None else seconds / 60


def _mttf_hours(nodes: int, per_1000_node_days: float | None) -> float | None:
    if not per_1000_node_days:
        return None
    return 24_000 / (nodes * per_1000_node_days)
