"""How often does it fail: failures over exposure with exact Poisson intervals, by node, component or attempt."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from models.errors import ModelError
from models.rate_comparisons import GroupAgainstRest, GroupComparison, compare_groups
from models.rates import RateEstimate, poisson_rate
from models.recurrence.robust_rate import RobustRate
from models.recurrence.shrinkage import ShrunkenRates, shrunken_rates
from reliability.analyses.answer import Answer
from reliability.analyses.assumptions import assumption_warnings
from reliability.analyses.dependence import robust_rates
from reliability.analyses.rate_question import FAILURE_GROUPS, ORDERED_GROUPS, RateQuestion, groups_of, inventory_groups
from reliability.engines.duckdb_engine import DuckDBEngine
from reliability.errors import NoDataError

if TYPE_CHECKING:
    from datetime import datetime

    import plotly.graph_objects as go

    from reliability.lake import Lake

#: Monte Carlo p-values come out the same whenever the same is asked
_SEED: Final = 20_260_101
_INTERVALS: Final = {"exact": "exact Poisson (Garwood), two-sided", "mid-p": "mid-p Poisson, two-sided"}
#: variance over Poisson's from which a reader is told
_DEPENDENT: Final = 1.5


@dataclass(frozen=True, slots=True)
class ShrunkRate:
    """A group's rate drawn towards the fleet as far as its own exposure is short; per 1000 days."""

    rate_per_1000_days: float
    low_per_1000_days: float
    high_per_1000_days: float
    probability_above_fleet: float


@dataclass(frozen=True, slots=True)
class GroupRate:
    """One group's failures, exposure and rate.

    ``estimate`` is None where the group was never exposed. ``robust`` is the interval that dependent failures do not
    break, ``against_rest`` the comparison with all other groups, ``shrunk`` the empirical Bayes rate; each is None
    where there is nothing to make it of.
    """

    group: str
    failures: int
    exposure_days: float
    estimate: RateEstimate | None
    unavailable_share: float | None
    robust: RobustRate | None = None
    against_rest: GroupAgainstRest | None = None
    shrunk: ShrunkRate | None = None


@dataclass(frozen=True, slots=True)
class Rates(Answer):
    """Failure rates by group. ``unit`` is what a day of exposure belongs to: ``node`` or ``component``.

    ``equal_rates_p`` is the p-value of all groups having one rate, None for a single group or groups of failures.
    """

    of: str
    by: str | None
    unit: str
    confidence: float
    definition: str
    from_utc: datetime | None
    to_utc: datetime | None
    groups: tuple[GroupRate, ...]
    warnings: tuple[str, ...] = ()
    equal_rates_p: float | None = None
    interval: Literal["exact", "mid-p"] = "exact"

    def rows(self) -> list[dict[str, Any]]:
        """Return one row per group; rates per 1000 days, the unit in the key."""
        return [_row(group, self.unit) for group in self.groups]

    def document(self) -> dict[str, Any]:
        """Return the answer for ``--json``."""
        return {
            "of": self.of,
            "by": self.by,
            "confidence": self.confidence,
            "interval": _INTERVALS[self.interval],
            "robust_interval": "failures clustered by unit and by day",
            "definition": self.definition,
            "from_utc": self.from_utc,
            "to_utc": self.to_utc,
            "equal_rates_p": self.equal_rates_p,
            "warnings": list(self.warnings),
            "rows": self.rows(),
        }

    def figure(self) -> go.Figure:
        """Draw the rates as points with their intervals."""
        from reliability.figures.rates import rates_figure  # noqa: PLC0415 - figures read the results they draw

        return rates_figure(self)


def rates(
    lake: Lake,
    of: str = "node",
    *,
    by: str | None = None,
    where: tuple[str, str] | None = None,
    min_gpus: int = 0,
    confidence: float = 0.9,
    from_utc: datetime | None = None,
    to_utc: datetime | None = None,
    calendar_zone: str = "UTC",
    interval: Literal["exact", "mid-p"] = "exact",
) -> Rates:
    """Estimate failure rates with exact intervals, and with intervals that dependent failures do not break.

    Parameters
    ----------
    lake
        Where the logs were taken in.
    of
        ``node``, ``attempt``, or a component of the schema (``gpu``, ``nic``, …).
    by
        Column to group by; None for one group of everything.
    where
        Keep the inventoried components with this attribute and value: ``("batch", "old")``.
    min_gpus
        With ``of="attempt"``: only attempts with more GPUs than this (0: all).
    confidence
        Two-sided confidence level of the intervals.
    from_utc, to_utc
        Half-open window; None for the whole observation.
    calendar_zone
        At whose midnight days, months and quarters begin.
    interval
        ``exact`` holds the truth at least as often as the level says; ``mid-p`` is shorter and holds it about as often.

    Returns
    -------
    Rates
        One row per group, the worst first.

    Raises
    ------
    BadOptionError
        If ``of``, ``by``, ``where`` or ``calendar_zone`` is not known for this lake.
    NoDataError
        If the lake has no exposure to divide by.
    """
    question = RateQuestion(of, by, where, min_gpus, confidence, from_utc, to_utc, calendar_zone)
    with closing(DuckDBEngine(lake, question.parameters())) as engine:
        question.check(engine)
        question.name_risk(engine)
        sql = f"SELECT * FROM {question.kind}_rates WHERE exposure_days > 0 OR failures > 0"  # noqa: S608 - one of three names
        counted = engine.rows(sql)
        window = engine.ask("observed")[0]
        has_inventory = bool(inventory_groups(engine, of))
        robust = {} if by in FAILURE_GROUPS else robust_rates(engine, question)
        warnings = () if where else assumption_warnings(engine, of)
    if not counted:
        raise NoDataError(f"rates --of {of}", question.needs())
    if question.kind == "component" and not has_inventory and not sum(row["failures"] for row in counted):
        warnings = (*warnings, f"no log in the lake speaks of any {of}: the bound holds only if one would have")
    units = {row.get("unit", "node") for row in counted}
    unit = "component" if units == {"component"} else "node"
    estimates = {
        str(row["group_name"]): poisson_rate(int(row["failures"]), float(row["exposure_days"]), confidence, interval)
        for row in counted
        if row["exposure_days"]
    }
    comparison, shrunk = _between(estimates, question)
    compared = {group.group: group for group in comparison.groups} if comparison else {}
    groups = [
        GroupRate(
            group=str(row["group_name"]),
            failures=int(row["failures"]),
            exposure_days=float(row["exposure_days"] or 0.0),
            estimate=estimates.get(str(row["group_name"])),
            unavailable_share=row["unavailable_share"],
            robust=robust.get(str(row["group_name"])),
            against_rest=compared.get(str(row["group_name"])),
            shrunk=shrunk.get(str(row["group_name"])),
        )
        for row in counted
    ]
    return Rates(
        of=of,
        by=by,
        unit=unit,
        confidence=confidence,
        definition=question.definition(has_inventory=has_inventory),
        from_utc=window["from_utc"],
        to_utc=window["to_utc"],
        groups=tuple(sorted(groups, key=_size_order if by in ORDERED_GROUPS else _worst_first)),
        # One sentence about failures that come together is enough, and that of their times says more.
        warnings=warnings or _dependence_warnings(robust, estimates),
        equal_rates_p=comparison.homogeneity.p_value if comparison else None,
        interval=interval,
    )


def rate_groups(lake: Lake, of: str) -> tuple[str, ...]:
    """Return what a rate of this can be grouped by."""
    with closing(DuckDBEngine(lake, RateQuestion(of).parameters())) as engine:
        return groups_of(engine, of)


def _between(
    estimates: dict[str, RateEstimate], question: RateQuestion
) -> tuple[GroupComparison | None, dict[str, ShrunkRate]]:
    """Compare groups that have an exposure of their own: each with the rest, and drawn towards the fleet."""
    if question.by is None or question.by in FAILURE_GROUPS or len(estimates) < 2:
        return None, {}
    comparison = compare_groups(estimates, np.random.default_rng(_SEED), question.confidence)
    failures = [estimate.failures for estimate in estimates.values()]
    exposure = [estimate.exposure_days for estimate in estimates.values()]
    try:
        return comparison, _shrunk(tuple(estimates), shrunken_rates(failures, exposure, question.confidence))
    except ModelError:  # nothing failed anywhere: each group has its own bound, and no fleet to be drawn to
        return comparison, {}


def _shrunk(names: tuple[str, ...], found: ShrunkenRates) -> dict[str, ShrunkRate]:
    columns = (1000.0 * found.mean_per_day, 1000.0 * found.low_per_day, 1000.0 * found.high_per_day)
    table = np.column_stack([*columns, found.probability_above_fleet]).tolist()
    return {name: ShrunkRate(*row) for name, row in zip(names, table, strict=True)}


def _dependence_warnings(robust: dict[str, RobustRate], estimates: dict[str, RateEstimate]) -> tuple[str, ...]:
    """Say where failures depend on each other so much that the exact interval is not to be used."""
    wider = [name for name, found in robust.items() if found.dispersion > _DEPENDENT and name in estimates]
    if not wider:
        return ()
    worst = max(wider, key=lambda name: robust[name].dispersion)
    whose = "" if len(robust) == 1 else f" in {len(wider)} of {len(robust)} groups, most in {worst}"
    varies = f"their number varies {robust[worst].dispersion:.1f} times as much as independent ones would"
    return (f"failures depend on each other{whose}: {varies}; use the robust interval",)


def _row(group: GroupRate, unit: str) -> dict[str, Any]:
    estimate, robust, rest, shrunk = group.estimate, group.robust, group.against_rest, group.shrunk
    row: dict[str, Any] = {
        "group": group.group,
        "failures": group.failures,
        f"exposure_{unit}_days": group.exposure_days,
        f"rate_per_1000_{unit}_days": estimate.rate_per_1000_days if estimate else None,
        "low": estimate.low_per_1000_days if estimate else None,
        "high": estimate.high_per_1000_days if estimate else None,
        "robust_low": 1000.0 * robust.low_per_day if robust else None,
        "robust_high": 1000.0 * robust.high_per_day if robust else None,
        "dispersion": robust.dispersion if robust else None,
        "mttf_hours": estimate.mttf_hours if estimate else None,
        "mttf_low_hours": estimate.mttf_low_hours if estimate else None,
        "mttf_high_hours": estimate.mttf_high_hours if estimate else None,
    }
    if group.unavailable_share is not None:
        row["unavailable_share"] = group.unavailable_share
    if rest is not None:
        row |= {
            "ratio_to_rest": rest.ratio,
            "ratio_low": rest.low,
            "ratio_high": rest.high,
            "p_value": rest.p_value,
            "adjusted_p_value": rest.adjusted_p_value,
        }
    if shrunk is not None:
        row |= {
            "shrunk_rate": shrunk.rate_per_1000_days,
            "shrunk_low": shrunk.low_per_1000_days,
            "shrunk_high": shrunk.high_per_1000_days,
            "probability_above_fleet": shrunk.probability_above_fleet,
        }
    return row


def _worst_first(group: GroupRate) -> tuple[float, str]:
    return (-(group.estimate.rate_per_day if group.estimate else 0.0), group.group)


def _size_order(group: GroupRate) -> tuple[float, str]:
    first = group.group.split("-", maxsplit=1)[0]
    return (float(first) if first.isdigit() and len(first) != len("2026") else 0.0, group.group)
