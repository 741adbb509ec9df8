"""When a planned run is done: days, GPU-hours, interruptions, and the chance to be done by a date."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import numpy as np

from models.goodput.completion import Completion, completion
from models.goodput.draws import rate_draws
from models.goodput.renewal import exact_ettr_at
from models.goodput.run_plan import SECONDS_PER_DAY, RunPlan
from models.guards import FloatArray
from reliability.analyses.plan import DRAWS, SEED, FailureRate, Plan
from reliability.documents import iso
from reliability.errors import BadOptionError, EndUnknownError

#: a prediction is averaged over so many equally likely rates: quantiles of the draws of a counted one
_RATES: Final = 40
#: level of the range of a run whose rate was given without one
_CONFIDENCE: Final = 0.9
#: a run that would fail more often than this is not followed to its end
_MOST_INTERRUPTIONS: Final = 200_000


@dataclass(frozen=True, slots=True)
class Range:
    """The mean of a prediction, and the range it lies in with the confidence of the plan."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Finish:
    """When the run is done. Ranges are predictive: chance is in them and, where the rate was counted, its uncertainty.

    ``probability`` is the chance to be done by ``finish_by_utc``; both None where no date was asked for.
    """

    days: Range
    gpu_hours: Range
    interruptions: Range
    undisturbed_probability: float
    start_utc: datetime | None
    finish_by_utc: datetime | None
    probability: float | None


def finish(
    planned: Plan, *, start_utc: datetime | None = None, finish_by_utc: datetime | None = None, seed: int = SEED
) -> Finish | None:
    """Predict when a run is done.

    Parameters
    ----------
    planned
        The run.
    start_utc, finish_by_utc
        From when and until when; the latter None for no such question.
    seed
        Of the draws of a counted failure rate.

    Returns
    -------
    Finish or None
        None for a run without an end.

    Raises
    ------
    BadOptionError
        If a date is asked of a run without an end, or lies before the start.
    EndUnknownError, models.errors.ModelError
        If the run would never be done, or might not be for all that is known of the rate.
    """
    run = planned.run
    if math.isinf(run.productive_seconds):
        if finish_by_utc is not None:
            raise BadOptionError("--finish-by", iso(finish_by_utc), "--productive-time, the work to be done by it")
        return None
    rates = _rates(planned.rate, seed)
    _check_end(run, rates)
    found = completion(run, failures_per_node_day=rates)
    tail = (1 - (planned.rate.confidence or _CONFIDENCE)) / 2
    wall = Range(found.mean_wall_seconds, found.quantile(tail), found.quantile(1 - tail))
    interruptions = Range(
        found.mean_interruptions, found.interruptions_quantile(tail), found.interruptions_quantile(1 - tail)
    )
    return Finish(
        days=_each(wall, interruptions, 0.0, 1 / SECONDS_PER_DAY),
        # In the queue a run holds no GPUs, and a node it holds is held whole.
        gpu_hours=_each(wall, interruptions, run.queue_wait_seconds, run.nodes * planned.gpus_per_node / 3600),
        interruptions=interruptions,
        undisturbed_probability=found.undisturbed_probability,
        start_utc=start_utc,
        finish_by_utc=finish_by_utc,
        probability=_probability(found, start_utc, finish_by_utc),
    )


def _rates(rate: FailureRate, seed: int) -> FloatArray | None:
    if rate.failures is None or rate.exposure_node_days is None:
        return None
    draws = rate_draws(rate.failures, rate.exposure_node_days, DRAWS, np.random.default_rng(seed))
    return np.quantile(draws.per_node_day, (np.arange(_RATES) + 0.5) / _RATES)


def _check_end(run: RunPlan, rates: FloatArray | None) -> None:
    """Refuse where the run would fail beyond all counting before it is done, if only at the worst rate drawn."""
    worst = run.failures_per_node_day if rates is None else float(rates.max())
    ettr = float(exact_ettr_at(run, [worst])[0])
    per_productive_second = worst * run.nodes / SECONDS_PER_DAY
    if per_productive_second * run.productive_seconds > _MOST_INTERRUPTIONS * ettr:
        raise EndUnknownError(run.productive_seconds / SECONDS_PER_DAY, 1000 * worst, ettr, is_drawn=rates is not None)


def _each(wall: Range, interruptions: Range, queue_seconds: float, per_second: float) -> Range:
    """Return wall-clock seconds, less the queue before the run and after each interruption, in another unit."""
    return Range(
        *(
            per_second * (seconds - queue_seconds * (1 + count))
            for seconds, count in (
                (wall.mean, interruptions.mean),
                (wall.low, interruptions.low),
                (wall.high, interruptions.high),
            )
        )
    )


def _probability(found: Completion, start_utc: datetime | None, finish_by_utc: datetime | None) -> float | None:
    if start_utc is None or finish_by_utc is None:
        return None
    if finish_by_utc <= start_utc:
        raise BadOptionError("--finish-by", iso(finish_by_utc), f"a time after the start, {iso(start_utc)}")
    return float(found.cdf((finish_by_utc - start_utc) / timedelta(seconds=1)))
