"""The intervals of failure rates and of mean lifetimes, against the hazards the cluster was simulated with.

They are judged on clusters without lemons, domain faults and relapses: there failures are Poisson draws, which is what
the intervals assume.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from typing import Final

import numpy as np

from models.rates import poisson_rate
from reliability.analyses.lifetime_models import lifetime_fits
from reliability.analyses.rates import GroupRate, rates
from reliability.engines.duckdb_engine import DuckDBEngine
from reliability.errors import NoDataError
from reliability.lake import Lake
from reliability.schema import COMPONENTS
from reliability.validation.case import Case
from reliability.validation.coverage import IntervalCheck, coverage_rows, least_covering
from reliability.validation.findings import Findings, Row, share_row
from reliability.validation.truth import read_hazards, read_rows, seen_as

Checks = tuple[IntervalCheck, ...]

#: rates of outages by the component that their reason names are told by this word before it
_OUTAGES: Final = "outages, "
#: r_f is asked of attempts with more GPUs than this (Kokolis et al.)
_LARGE_GPUS: Final = 128
_BY_CHANCE: Final = (
    "Bar: the 0.1% quantile of the binomial law at the intervals' level; a right pipeline misses it once in 1000 runs."
)
_RATE_DEFINITIONS: Final = {
    "node": "Clusters whose interval of `rates --of node` holds the true rate. The hazards run in service only, the "
    "measured exposure is calendar node-days: so the true rate times the true node-days in service must lie between "
    "the interval's limits times the measured exposure. One interval per cluster: clusters are independent, failures "
    f"Poisson draws, so the covering intervals are a binomial draw at no less than the intervals' level. {_BY_CHANCE}",
    "attempt": f"Clusters whose interval of `rates --of attempt --min-gpus {_LARGE_GPUS}` (r_f) holds the true rate of "
    "a node: what runs ends at the first critical fault of any of its nodes. Its failures are among those of the "
    f"nodes, so these intervals do not add evidence to those of nodes and are counted apart. {_BY_CHANCE}",
    "outage": "Intervals of `rates --of node --by component`: outages by the component that their reason names, "
    "against the hazard of its critical modes. False alarms take no node down, so they are not in it; of a fault "
    f"that the checks missed the reason names nothing. Part of the node's failures, so counted apart. {_BY_CHANCE}",
    "component": "Intervals of `rates --of` each component whose faults leave lines in a log, against the hazard of "
    "its critical modes, compared as for nodes. No fault is of two components, so the intervals of one cluster are "
    f"independent of each other, though not of the node's. {_BY_CHANCE}",
}
_MTTF_TITLES: Final = {"node": "MTTF of nodes", "gpu": "MTTF of GPU slots"}
_MTTF_DEFINITIONS: Final = {
    "node": "Clusters whose interval of the mean of `survival --component node --model weibull` holds the true mean "
    "time to failure: the measured time at risk over the failures that the hazards let expect in service. One "
    "interval per cluster; by maximum likelihood and the delta method, so its level holds for many failures only.",
    "gpu": "The same for GPU slots (`survival --component gpu --model weibull`): 1 / hazard of one GPU, on the "
    "calendar clock. Most slots never fail, so the mean lies far beyond the log.",
}


def count_rates(case: Case, confidence: float) -> Checks:
    """Compare the rate intervals of one cluster with its hazards.

    Parameters
    ----------
    case
        The cluster.
    confidence
        Level of the intervals.

    Returns
    -------
    tuple of IntervalCheck
        Limits and truth in failures over the measured exposure; empty where the truth tells no hazards.
    """
    hazards = read_hazards(case.truth)
    if hazards is None:
        return ()
    in_service = hazards.in_service_node_days
    attempts = _ask(case.lake, "attempt", confidence, min_gpus=_LARGE_GPUS)
    # What runs is in service: its own exposure is that of the hazards.
    running = 0.0 if attempts is None else attempts.exposure_days
    unseen, unasked = _other_lines(case)
    nodes = _ask(case.lake, "node", confidence)
    components = sorted(set(hazards.by_component) & (set(COMPONENTS) - {"node"}))
    checks = [
        _rate_check("node", nodes, hazards.per_node_day * in_service),
        _rate_check("attempt", attempts, hazards.per_node_day * running),
        *(
            _rate_check(
                component,
                _ask(case.lake, component, confidence),
                hazards.by_component[component] * in_service,
                unseen[component],
                unasked[component],
            )
            for component in components
        ),
        *(
            _rate_check(
                f"{_OUTAGES}{component}", outages, hazards.by_component[component] * in_service, unseen[component]
            )
            for component, outages in _outages_by_reason(case.lake, nodes, components, confidence)
        ),
    ]
    return tuple(check for check in checks if check is not None)


def _outages_by_reason(
    lake: Lake, nodes: GroupRate | None, components: Sequence[str], confidence: float
) -> list[tuple[str, GroupRate]]:
    if nodes is None:
        return []
    named = {group.group: group for group in rates(lake, "node", by="component", confidence=confidence).groups}
    days = nodes.exposure_days
    none = GroupRate("", 0, days, poisson_rate(0, days, confidence), None)
    return [(component, named.get(component, none)) for component in components]


def _ask(lake: Lake, of: str, confidence: float, *, min_gpus: int = 0) -> GroupRate | None:
    try:
        return rates(lake, of, min_gpus=min_gpus, confidence=confidence).groups[0]
    except NoDataError:
        return None


def _rate_check(
    of: str, found: GroupRate | None, expected: float, unseen: int = 0, unasked: int = 0
) -> IntervalCheck | None:
    if found is None or found.estimate is None:
        return None
    return IntervalCheck(
        of=of,
        low=found.estimate.low_per_day * found.exposure_days,
        high=found.estimate.high_per_day * found.exposure_days,
        truth=expected,
        failures=found.failures,
        expected=expected,
        unseen=unseen,
        unasked=unasked,
    )


def _other_lines(case: Case) -> tuple[Counter[str], Counter[str]]:
    """Count by component the true faults that no line tells of, and the critical lines of no fault of its own."""
    unseen: Counter[str] = Counter()
    unasked: Counter[str] = Counter()
    for fault in read_rows(case.truth, "faults", ("component", "kind", "missed", "silent", "caused_by")) or ():
        component = seen_as(fault["component"])
        if fault["kind"] == "false_alarm" or fault["caused_by"] is not None:
            unasked[component] += 1
        elif fault["kind"] == "critical" and (fault["missed"] or fault["silent"]):
            unseen[component] += 1
    return unseen, unasked


def count_lifetimes(case: Case, confidence: float) -> Checks:
    """Compare the intervals of mean lifetimes of one cluster with its hazards.

    Parameters
    ----------
    case
        The cluster.
    confidence
        Level of the intervals.

    Returns
    -------
    tuple of IntervalCheck
        In hours. Without a fit (nothing failed, or the data determine no shape) there is none.
    """
    hazards = read_hazards(case.truth)
    if hazards is None:
        return ()
    _, unasked = _other_lines(case)
    expected = {
        "node": (hazards.per_node_day * hazards.in_service_node_days, None),
        "gpu": (hazards.by_component.get("gpu", 0.0) * hazards.in_service_node_days, hazards.slots.get("gpu")),
    }
    checks = (
        _life_check(case.lake, component, failures, slots, confidence, unasked[component])
        for component, (failures, slots) in expected.items()
        if failures
    )
    return tuple(check for check in checks if check is not None)


def _life_check(
    lake: Lake, component: str, expected: float, slots: int | None, confidence: float, unasked: int
) -> IntervalCheck | None:
    """Compare one fit.

    A node's clock runs from outage to outage, also while it is drained and cannot fail: its true mean on this clock is
    the time at risk over the failures expected in service. A slot's clock is the calendar, and ends at its first
    failure: its true mean is all slots' time over the failures expected.
    """
    try:
        found = lifetime_fits(lake, component, family="weibull", confidence=confidence)
    except NoDataError:
        return None
    mean = found.fits[0].mean_hours
    if mean is None:
        return None
    curve = found.curves.curves[0].curve
    at_risk_hours = float((curve.at_risk[1:] * np.diff(curve.time_hours)).sum())
    truth_hours = (at_risk_hours if slots is None else slots * _calendar_node_hours(lake)) / expected
    return IntervalCheck(
        of=component,
        low=mean.low,
        high=mean.high,
        truth=truth_hours,
        failures=found.fits[0].events,
        expected=at_risk_hours / truth_hours,
        unasked=unasked,
    )


def _calendar_node_hours(lake: Lake) -> float:
    with closing(DuckDBEngine(lake)) as engine:
        (fleet,) = engine.rows("SELECT sum(in_service_seconds) / 3.6e3 AS hours FROM exposure")
    return float(fleet["hours"])


def find_rates(counts: Sequence[Checks], confidence: float) -> Findings:
    """Sum the rate intervals of all clusters up.

    Parameters
    ----------
    counts
        Of each cluster.
    confidence
        Level of the intervals.
    """
    checks = [check for of_cluster in counts for check in of_cluster]
    nodes = [check for check in checks if check.of == "node"]
    rows = (
        _rate_row("rate_coverage", "rate of nodes", "node", nodes, confidence),
        _rate_row(
            "r_f_coverage",
            f"rate of attempts above {_LARGE_GPUS} GPUs",
            "attempt",
            [check for check in checks if check.of == "attempt"],
            confidence,
        ),
        _rate_row(
            "outage_rate_coverage",
            "rates of outages by component",
            "outage",
            [check for check in checks if check.of.startswith(_OUTAGES)],
            confidence,
        ),
        _rate_row(
            "component_rate_coverage",
            "rates of components from log lines",
            "component",
            [check for check in checks if check.of not in ("node", "attempt") and not check.of.startswith(_OUTAGES)],
            confidence,
        ),
    )
    headline = {"rate_covered": _covered(nodes), "rate_intervals": len(nodes)}
    return Findings(headline, rows, {"coverage": coverage_rows(checks, confidence, exact=True)})


def _rate_row(measure: str, title: str, of: str, checks: Sequence[IntervalCheck], confidence: float) -> Row:
    needed = least_covering(len(checks), confidence) / len(checks) if checks else None
    return share_row(
        measure,
        title,
        _covered(checks),
        len(checks),
        confidence,
        _RATE_DEFINITIONS[of],
        bar=needed,
        note=_bias_note(checks),
    )


def _bias_note(checks: Sequence[IntervalCheck]) -> str:
    """Say how counts compare with what the hazards let expect, and which lines or silences explain a difference."""
    expected = sum(check.expected for check in checks)
    if not expected:
        return ""
    failures = sum(check.failures for check in checks)
    note = f"{failures:,} failures counted, {expected:,.0f} expected"
    unseen, unasked = sum(check.unseen for check in checks), sum(check.unasked for check in checks)
    note += f"; {unasked:,} critical lines are of no fault of the component" if unasked else ""
    return note + (f"; {unseen:,} of its faults left no line" if unseen else "")


def find_lifetimes(counts: Sequence[Checks], confidence: float) -> Findings:
    """Sum the intervals of mean lifetimes of all clusters up.

    Parameters
    ----------
    counts
        Of each cluster.
    confidence
        Level of the intervals.
    """
    checks = [check for of_cluster in counts for check in of_cluster]
    by_component = {of: [check for check in checks if check.of == of] for of in _MTTF_DEFINITIONS}
    rows = tuple(
        share_row(
            "mttf_coverage" if of == "node" else f"{of}_mttf_coverage",
            _MTTF_TITLES[of],
            _covered(found),
            len(found),
            confidence,
            _MTTF_DEFINITIONS[of],
            note=_life_note(found, len(counts)),
        )
        for of, found in by_component.items()
    )
    headline = {"mttf_covered": _covered(by_component["node"]), "mttf_intervals": len(by_component["node"])}
    return Findings(headline, rows, {"lifetimes": coverage_rows(checks, confidence, exact=False)})


def _life_note(checks: Sequence[IntervalCheck], clusters: int) -> str:
    refused = clusters - len(checks)
    endless = sum(math.isinf(check.high) for check in checks)
    notes = [_bias_note(checks)] if checks else []
    notes += [f"{refused} of {clusters} clusters gave no fit"] if refused else []
    return "; ".join([*notes, f"{endless} intervals have no upper limit"] if endless else notes)


def _covered(checks: Sequence[IntervalCheck]) -> int:
    return sum(check.covered for check in checks)
