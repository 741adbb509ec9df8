"""How often does it fail: failures over exposure with exact Poisson intervals, by node, component or attempt."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from models.rates import RateEstimate, poisson_rate
from reliability.analyses.answer import Answer
from reliability.analyses.assumptions import assumption_warnings
from reliability.engines.duckdb_engine import DuckDBEngine
from reliability.errors import BadOptionError, NoDataError
from reliability.lake import Lake
from reliability.marts import Parameters
from reliability.schema import COMPONENTS

if TYPE_CHECKING:
    from datetime import datetime

    import plotly.graph_objects as go

#: groups of a failure, which a unit at risk has not: they share one exposure
FAILURE_GROUPS: Final = ("component", "symptom", "domain", "code")
_PERIODS: Final = ("quarter", "month", "day")
_NODE_GROUPS: Final = ("cluster", "node", "gpu_model", "rack", "pod", *_PERIODS, "component", "symptom", "domain")
_ATTEMPT_GROUPS: Final = ("cluster", "user", "account", "partition", "qos", "gpu_model", "job_size", *_PERIODS)
_LOG_GROUPS: Final = ("cluster", "node", "gpu_model", "rack", "pod", *_PERIODS, "symptom", "code")
#: groups with an order of their own; the others are listed worst first
ORDERED_GROUPS: Final = (*_PERIODS, "job_size")

_DEFINITIONS: Final = {
    "node": "Unplanned outages (a node entering `down` that nobody planned; an outage that only changes its reason is "
    "one) per calendar in-service node-day, time down included.",
    "attempt": "Infrastructure failures (NODE_FAIL, or FAILED with a critical sign on one of the job's nodes from "
    "10 min before to 5 min after its end) per node-day of run time within the log{threshold}.",
    "component": "Recorded failures per day in service of the inventoried components.",
    "gpu_log": "Critical incidents that no user program caused (log lines of one symptom on one node less than 10 min "
    "apart are one incident) per GPU-day in service.",
    "node_log": "Critical incidents of this component that no user program caused, per node-day in service: no "
    "inventory says how many there are.",
}
_NEEDS: Final = {
    "node": "node states (sacctmgr show event, …)",
    "attempt": "jobs (sacct, …) that ran on known nodes",
}


@dataclass(frozen=True, slots=True)
class GroupRate:
    """One group's failures, exposure and rate; ``estimate`` is None where the group was never exposed."""

    group: str
    failures: int
    exposure_days: float
    estimate: RateEstimate | None
    unavailable_share: float | None


@dataclass(frozen=True, slots=True)
class Rates(Answer):
    """Failure rates by group. ``unit`` is what a day of exposure belongs to: ``node`` or ``component``."""

    of: str
    by: str | None
    unit: str
    confidence: float
    definition: str
    from_utc: datetime | None
    to_utc: datetime | None
    groups: tuple[GroupRate, ...]
    warnings: tuple[str, ...] = ()

    def rows(self) -> list[dict[str, Any]]:
        """Return one row per group; rates per 1000 days, the unit in the key."""
        return [_row(group, self.unit) for group in self.groups]

    def document(self) -> dict[str, Any]:
        """Return the answer for ``--json``."""
        return {
            "of": self.of,
            "by": self.by,
            "confidence": self.confidence,
            "interval": "exact Poisson (Garwood), two-sided",
            "definition": self.definition,
            "from_utc": self.from_utc,
            "to_utc": self.to_utc,
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
) -> Rates:
    """Estimate failure rates with exact intervals.

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

    Returns
    -------
    Rates
        One row per group, the worst first.

    Raises
    ------
    BadOptionError
        If ``of``, ``by`` or ``where`` is not known for this lake.
    NoDataError
        If the lake has no exposure to divide by.
    """
    if of not in ("node", "attempt", *COMPONENTS):
        raise BadOptionError("--of", of, f"node, attempt or one of {', '.join(COMPONENTS)}")
    if min_gpus and of != "attempt":
        raise BadOptionError("--min-gpus", min_gpus, "to be used with --of attempt")
    attribute, value = where or ("", "")
    parameters = Parameters(
        window_from_utc=from_utc,
        window_to_utc=to_utc,
        component=of,
        group_by=by or "",
        min_gpus=min_gpus,
        where_attribute=attribute,
        where_value=value,
    )
    mart = {"node": "node_rates", "attempt": "attempt_rates"}.get(of, "component_rates")
    with closing(DuckDBEngine(lake, parameters)) as engine:
        _check_group(engine, of, by)
        if where:
            check_attribute(engine, of, attribute)
        sql = f"SELECT * FROM {mart} WHERE exposure_days > 0 OR failures > 0"  # noqa: S608 - one of three names
        counted = engine.rows(sql)
        window = engine.ask("observed")[0]
        warnings = assumption_warnings(engine, of) if where is None else ()
        has_inventory = bool(component_groups(engine, of))
    if not counted:
        raise NoDataError(
            f"rates --of {of}", _NEEDS.get(of, f"events and the fleet, or an inventory, of {of} components")
        )
    if of not in ("node", "attempt") and not has_inventory and not sum(row["failures"] for row in counted):
        warnings = (*warnings, f"no log in the lake speaks of any {of}: the bound holds only if one would have")
    units = {row.get("unit", "node") for row in counted}
    unit = "component" if units == {"component"} else "node"
    groups = [_group(row, confidence) for row in counted]
    return Rates(
        of=of,
        by=by,
        unit=unit,
        confidence=confidence,
        definition=_definition(of, unit, min_gpus, has_inventory=has_inventory),
        from_utc=window["from_utc"],
        to_utc=window["to_utc"],
        groups=tuple(sorted(groups, key=_size_order if by in ORDERED_GROUPS else _worst_first)),
        warnings=warnings,
    )


def rate_groups(lake: Lake, of: str) -> tuple[str, ...]:
    """Return what a rate of this can be grouped by."""
    with closing(DuckDBEngine(lake, Parameters(component=of))) as engine:
        return _groups(engine, of)


def _groups(engine: DuckDBEngine, of: str) -> tuple[str, ...]:
    if of == "node":
        return _NODE_GROUPS
    if of == "attempt":
        return _ATTEMPT_GROUPS
    return component_groups(engine, of) or _LOG_GROUPS


def _check_group(engine: DuckDBEngine, of: str, by: str | None) -> None:
    if by is None:
        return
    known = _groups(engine, of)
    if by not in known:
        raise BadOptionError("--by", by, f"one of {', '.join(known)}")


def check_attribute(engine: DuckDBEngine, component: str, attribute: str) -> None:
    """Refuse an attribute that the inventory of the component does not know.

    Raises
    ------
    BadOptionError
        If it does not; nodes and attempts have no inventory.
    """
    known = [name for name in component_groups(engine, component) if name not in ("cluster", "symptom", *_PERIODS)]
    if attribute not in known:
        expected = f"an attribute: {', '.join(known)}" if known else f"no condition: {component} has no inventory here"
        raise BadOptionError("--where", attribute, expected)


def component_groups(engine: DuckDBEngine, component: str) -> tuple[str, ...]:
    """Return what an inventoried component can be grouped by; empty where there is no inventory of it."""
    found = engine.ask("inventory_groups", component=component)
    known = (row["known"] for row in found if row["known"])
    return ("cluster", "symptom", *_PERIODS, *known) if found else ()


def _definition(of: str, unit: str, min_gpus: int, *, has_inventory: bool) -> str:
    if of == "node":
        return _DEFINITIONS["node"]
    if of == "attempt":
        threshold = f", over attempts with more than {min_gpus} GPUs" if min_gpus else ""
        return _DEFINITIONS["attempt"].format(threshold=threshold)
    if has_inventory:
        return _DEFINITIONS["component"]
    return _DEFINITIONS["gpu_log"] if unit == "component" else _DEFINITIONS["node_log"]


def _group(row: dict[str, Any], confidence: float) -> GroupRate:
    failures, exposure_days = int(row["failures"]), float(row["exposure_days"] or 0.0)
    estimate = poisson_rate(failures, exposure_days, confidence) if exposure_days > 0 else None
    return GroupRate(str(row["group_name"]), failures, exposure_days, estimate, row["unavailable_share"])


def _row(group: GroupRate, unit: str) -> dict[str, Any]:
    estimate = group.estimate
    row: dict[str, Any] = {
        "group": group.group,
        "failures": group.failures,
        f"exposure_{unit}_days": group.exposure_days,
        f"rate_per_1000_{unit}_days": estimate.rate_per_1000_days if estimate else None,
        "low": estimate.low_per_1000_days if estimate else None,
        "high": estimate.high_per_1000_days if estimate else None,
        "mttf_hours": estimate.mttf_hours if estimate else None,
        "mttf_low_hours": estimate.mttf_low_hours if estimate else None,
        "mttf_high_hours": estimate.mttf_high_hours if estimate else None,
    }
    if group.unavailable_share is not None:
        row["unavailable_share"] = group.unavailable_share
    return row


def _worst_first(group: GroupRate) -> tuple[float, str]:
    return (-(group.estimate.rate_per_day if group.estimate else 0.0), group.group)


def _size_order(group: GroupRate) -> tuple[float, str]:
    first = group.group.split("-", maxsplit=1)[0]
    return (float(first) if first.isdigit() and len(first) != len("2026") else 0.0, group.group)
