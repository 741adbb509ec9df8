"""What a life is asked of: which component, in which groups, in which window; and the counts that answer it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from models.lifetimes.competing_risks import CauseTable
from models.lifetimes.parametric.lives import Lives
from models.lifetimes.risk import RiskTable
from reliability.analyses.rate_question import check_attribute
from reliability.engines.duckdb_engine import DuckDBEngine
from reliability.errors import BadOptionError, NoDataError
from reliability.marts import Parameters
from reliability.schema import COMPONENTS

if TYPE_CHECKING:
    from datetime import datetime

    from reliability.lake import Lake

#: what can live: the kinds of components, and the outages of nodes, which live until repaired
LIVING: Final = (*COMPONENTS, "repair")
#: from the calendar of a fleet, not from an inventory
_RENEWED: Final = ("node", "repair")
_FLEET_GROUPS: Final = ("cluster", "gpu_model", "rack", "pod")
_DEFINITIONS: Final = {
    "component": "Time in service until the first recorded failure of a serial number, stays summed; units that had "
    "not failed are censored, units older than the log enter late.",
    "slot": "Time from the beginning of the log to the first critical event of a GPU slot that no user program caused "
    "(no inventory names the GPUs, so their true age is not known); slots that had none are censored.",
    "node": "Time from entering service (or from returning after an outage, or from the beginning of the log) to the "
    "next unplanned outage; nodes that had none by the end of the log are censored.",
    "repair": "Time from the beginning of an unplanned outage of a node to its end; nodes still down at the end of the "
    "log are censored.",
}


@dataclass(frozen=True, slots=True)
class LifeQuestion:
    """What lives are asked of.

    Parameters
    ----------
    component
        ``node``, ``gpu``, any component with an inventory, or ``repair``: how long unplanned outages of nodes last.
    by
        ``cluster``, or an attribute of the inventory; without one ``gpu_model``, ``rack`` or ``pod``; None for one
        group.
    where
        Keep the inventoried components with this attribute and value: ``("batch", "old")``.
    confidence
        Two-sided confidence level of the intervals.
    from_utc, to_utc
        Half-open window; None for the whole observation.

    Raises
    ------
    BadOptionError
        If ``component`` is not known.
    """

    component: str = "gpu"
    by: str | None = None
    where: tuple[str, str] | None = None
    confidence: float = 0.9
    from_utc: datetime | None = None
    to_utc: datetime | None = None

    def __post_init__(self) -> None:
        if self.component not in LIVING:
            raise BadOptionError("--component", self.component, f"one of {', '.join(LIVING)}")

    def engine(self, lake: Lake) -> DuckDBEngine:
        """Open the engine for this question.

        Raises
        ------
        BadOptionError
            If this lake does not know ``by`` or ``where``.
        """
        attribute, value = self.where or ("", "")
        engine = DuckDBEngine(
            lake,
            Parameters(
                window_from_utc=self.from_utc,
                window_to_utc=self.to_utc,
                component=self.component,
                group_by=self.by or "",
                where_attribute=attribute,
                where_value=value,
            ),
        )
        try:
            if self.by is not None:
                check_life_group(engine, self.component, "--by", self.by)
            if self.where:
                check_attribute(engine, self.component, attribute)
        except BadOptionError:
            engine.close()
            raise
        return engine

    def definition(self, engine: DuckDBEngine) -> str:
        """Return what a life is here, for a reader."""
        if self.component in _RENEWED:
            return _DEFINITIONS[self.component]
        inventoried = bool(engine.ask("inventory_groups", component=self.component))
        return _DEFINITIONS["component" if inventoried else "slot"]

    def nothing(self) -> NoDataError:
        """Return the error that says what a lake must hold to answer."""
        return NoDataError(f"survival --component {self.component}", self._needs())

    def _needs(self) -> str:
        if self.component in _RENEWED:
            return "node states (sacctmgr show event, …)"
        inventory = f"an inventory of {self.component} components with their stays (see the `components` table)"
        if self.component == "gpu":
            return f"{inventory}, or events that name GPU slots and the GPUs per node"
        return inventory


@dataclass(frozen=True, slots=True, eq=False)
class GroupTable:
    """Who of a group was at risk, failed and was censored at each age."""

    group: str
    risk: RiskTable

    @property
    def events(self) -> int:
        """Failures."""
        return round(float(self.risk.events.sum()))

    @property
    def lives(self) -> int:
        """Lives, whether they ended by failure or not."""
        return self.events + round(float(self.risk.censored.sum()))

    @property
    def exposure_hours(self) -> float:
        """Time at risk."""
        return float((self.risk.at_risk * np.diff(self.risk.time_hours, prepend=0.0)).sum())


def life_groups(engine: DuckDBEngine, component: str) -> tuple[str, ...]:
    """Return what lives of a component can be grouped by in this lake."""
    keys = engine.ask("inventory_groups", component=component)
    return ("cluster", *(row["known"] for row in keys if row["known"])) if keys else _FLEET_GROUPS


def check_life_group(engine: DuckDBEngine, component: str, option: str, name: str) -> None:
    """Refuse a column that lives of the component do not have.

    Raises
    ------
    BadOptionError
        If they do not.
    """
    known = life_groups(engine, component)
    if name not in known:
        raise BadOptionError(option, name, f"one of {', '.join(known)}")


def group_tables(engine: DuckDBEngine, question: LifeQuestion) -> tuple[GroupTable, ...]:
    """Return the risk tables that the engine counted, by name of the group.

    Raises
    ------
    NoDataError
        If the lake holds no lives of the component.
    """
    columns = _columns(engine, "SELECT * FROM risk_counts ORDER BY group_name, time_hours")
    names = columns.pop("group_name").astype(str)
    if not names.size:
        raise question.nothing()
    return tuple(
        GroupTable(group, RiskTable(**{name: column[rows].astype(float) for name, column in columns.items()}))
        for group, rows in _places(names)
    )


def group_lives(engine: DuckDBEngine) -> dict[str, Lives]:
    """Return the distinct lives of each group, with how many units share them: what a parametric fit needs."""
    columns = _columns(
        engine, "SELECT * FROM grouped_lives ORDER BY group_name, exit_hours, entry_hours, observed, cause"
    )
    entry, leave, weight = (columns[name].astype(float) for name in ("entry_hours", "exit_hours", "lives"))
    observed = columns["observed"].astype(bool)
    return {
        group: Lives.right_censored(entry[rows], leave[rows], observed[rows], weight[rows])
        for group, rows in _places(columns["group_name"].astype(str))
    }


def cause_tables(engine: DuckDBEngine, tables: tuple[GroupTable, ...]) -> dict[str, CauseTable]:
    """Return each group's risk table with its failures told apart by symptom; groups without a failure have none."""
    columns = _columns(engine, "SELECT * FROM cause_risk_counts ORDER BY group_name, time_hours, cause")
    risks = {table.group: table.risk for table in tables}
    found = {}
    for group, rows in _places(columns["group_name"].astype(str)):
        risk = risks[group]
        causes, which = np.unique(columns["cause"][rows].astype(str), return_inverse=True)
        events = np.zeros((risk.time_hours.size, causes.size))
        at = np.searchsorted(risk.time_hours, columns["time_hours"][rows].astype(float))
        events[at, which] = columns["events"][rows]
        found[group] = CauseTable(risk, tuple(causes.tolist()), events)
    return found


def _columns(engine: DuckDBEngine, sql: str) -> dict[str, np.ndarray[Any, Any]]:
    table = engine.arrow(sql)
    return {name: table.column(name).to_numpy(zero_copy_only=False) for name in table.column_names}


def _places(names: np.ndarray[Any, Any]) -> list[tuple[str, slice]]:
    """Return each name with the rows it fills, in the order of the names, whose rows stand together."""
    groups, first, many = np.unique(names, return_index=True, return_counts=True)
    return [
        (str(group), slice(int(start), int(start + rows)))
        for group, start, rows in zip(groups, first, many, strict=True)
    ]
