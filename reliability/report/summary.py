"""The first lines of a report: sentences that need no table."""

from __future__ import annotations

from collections.abc import Iterable

from models.rates import poisson_rate
from reliability.analyses.causes import Causes
from reliability.analyses.overview import Overview
from reliability.analyses.plan import FailureRate, plan
from reliability.analyses.rates import GroupRate
from reliability.analyses.survival import Survival
from reliability.figures.causes import cause_name
from reliability.figures.life_curves import plural_of
from reliability.figures.theme import percent, plural
from reliability.report.numbers import interval, number

_TOP_CAUSES = 3


def summary_sentences(
    overview: Overview, lives: Iterable[Survival], rate: FailureRate | None, confidence: float
) -> list[str]:
    """Return what a reader in a hurry should know.

    Parameters
    ----------
    overview
        The fleet.
    lives
        Survival of its components, and of its nodes.
    rate
        Measured failure rate of large jobs, or of nodes; None where there is none.
    confidence
        Of the intervals in parentheses.

    Returns
    -------
    list of str
        Plain text: the page escapes it.
    """
    sentences = []
    if overview.node_rates is not None:
        sentences.append(_nodes(overview.node_rates.groups[0], confidence))
    sentences += [_components(found) for found in lives if found.component not in ("node", "repair")]
    if overview.causes is not None:
        sentences += _causes(overview.causes)
    if rate is not None and rate.failures and overview.gpu_count:
        sentences.append(_large_run(overview.gpu_count, rate))
    return sentences


def _nodes(group: GroupRate, confidence: float) -> str:
    text = f"Nodes failed {plural(group.failures, 'time')} in {plural(group.exposure_days, 'node-day')}"
    estimate = group.estimate
    if estimate is None:
        return f"{text}."
    limits = f"{number(estimate.low_per_1000_days)}–{number(estimate.high_per_1000_days)}, {percent(confidence)}"
    text += f": {number(estimate.rate_per_1000_days)} ({limits}) unplanned outages per 1000 node-days"
    if group.unavailable_share is not None:
        text += f", and were down for {group.unavailable_share:.2%} of their time"
    return f"{text}."


def _components(found: Survival) -> str:
    units = sum(group.lives for group in found.curves)
    failed = sum(group.events for group in found.curves)
    return f"Of {units:,} {plural_of(found.component)} in the inventory, {failed:,} failed ({failed / units:.2%})."


def _causes(causes: Causes) -> list[str]:
    failures = causes.infrastructure_failures
    if not failures:
        # Of nodes the first sentence has said it.
        return [_no_attempt_ended(causes)] if causes.counted == "attempt" else []
    known = [cause for cause in causes.causes if cause.is_infrastructure and cause.cause != "unattributed"]
    listed = ", ".join(f"{cause_name(cause.cause)} ({cause.failures:,})" for cause in known[:_TOP_CAUSES])
    if causes.counted == "node":
        return [f"The components most often named: {listed}."] if listed else []
    text = f"The infrastructure ended {plural(failures, 'job attempt')}"
    if causes.lost_gpu_hours:
        text += f", which cost about {number(causes.lost_gpu_hours)} GPU-hours of work done again"
    return [f"{text}.", f"The most frequent causes: {listed}."] if listed else [f"{text}."]


def _no_attempt_ended(causes: Causes) -> str:
    bound = poisson_rate(0, causes.exposure_node_days, causes.confidence).high_per_1000_days
    return (
        f"The infrastructure ended no job attempt in {plural(causes.exposure_node_days, 'node-day')}: its rate is "
        f"at most {number(bound)} per 1000 node-days ({percent(causes.confidence)})."
    )


def _large_run(gpus: int, rate: FailureRate) -> str:
    expected = plan(gpus, rate).document()
    mttf = interval(expected["mttf_hours"], expected["mttf_low_hours"], expected["mttf_high_hours"])
    ettr = interval(expected["ettr_v1"], expected["ettr_v1_low"], expected["ettr_v1_high"])
    return (
        f"At the measured rate, a run on all {gpus:,} GPUs would be interrupted every {mttf} hours; with hourly "
        f"checkpoints and restarts of 5 minutes its expected ETTR is {ettr}."
    )
