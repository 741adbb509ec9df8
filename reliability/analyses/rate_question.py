"""What a rate is asked of: node, attempt or component, in which groups, in which window; and what it then means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from reliability.errors import BadOptionError
from reliability.marts import Parameters
from reliability.schema import COMPONENTS

if TYPE_CHECKING:
    from datetime import datetime

    from reliability.engines.duckdb_engine import DuckDBEngine

PERIODS: Final = ("quarter", "month", "day")
#: groups of a failure, which a unit at risk has not: they share one exposure
FAILURE_GROUPS: Final = ("component", "symptom", "domain", "code")
#: groups with an order of their own; the others are listed worst first
ORDERED_GROUPS: Final = (*PERIODS, "job_size")
_NODE_GROUPS: Final = ("cluster", "node", "gpu_model", "rack", "pod", *PERIODS, "component", "symptom", "domain")
_ATTEMPT_GROUPS: Final = ("cluster", "user", "account", "partition", "qos", "gpu_model", "job_size", *PERIODS)
_LOG_GROUPS: Final = ("cluster", "node", "gpu_model", "rack", "pod", *PERIODS, "symptom", "code")
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
#: what a lake must hold for a rate, by what the rate is of
NEEDS: Final = {
    "node": "node states (sacctmgr show event, …)",
    "attempt": "jobs (sacct, …) that ran on known nodes",
}


@dataclass(frozen=True, slots=True)
class RateQuestion:
    """What a rate is asked of.

    Parameters
    ----------
    of
        ``node``, ``attempt``, or a component of the schema.
    by
        Column to group by; None for one group of everything.
    where
        Keep the inventoried components with this attribute and value.
    min_gpus
        With ``attempt``: only attempts with more GPUs than this (0: all).
    confidence
        Two-sided confidence level of the intervals.
    from_utc, to_utc
        Half-open window; None for the whole observation.
    calendar_zone
        At whose midnight days, months and quarters begin.

    Raises
    ------
    BadOptionError
        If ``of`` is not known, or ``min_gpus`` is asked of anything but attempts.
    """

    of: str = "node"
    by: str | None = None
    where: tuple[str, str] | None = None
    min_gpus: int = 0
    confidence: float = 0.9
    from_utc: datetime | None = None
    to_utc: datetime | None = None
    calendar_zone: str = "UTC"

    def __post_init__(self) -> None:
        if self.of not in ("node", "attempt", *COMPONENTS):
            raise BadOptionError("--of", self.of, f"node, attempt or one of {', '.join(COMPONENTS)}")
        if self.min_gpus and self.of != "attempt":
            raise BadOptionError("--min-gpus", self.min_gpus, "to be used with --of attempt")

    @property
    def kind(self) -> str:
        """Which marts count it: ``node``, ``attempt``, or ``component``."""
        return self.of if self.of in NEEDS else "component"

    def parameters(self) -> Parameters:
        """Return the parameters of the marts."""
        attribute, value = self.where or ("", "")
        return Parameters(
            window_from_utc=self.from_utc,
            window_to_utc=self.to_utc,
            component=self.of,
            group_by=self.by or "",
            min_gpus=self.min_gpus,
            where_attribute=attribute,
            where_value=value,
            calendar_zone=self.calendar_zone,
        )

    def check(self, engine: DuckDBEngine) -> None:
        """Refuse a group or a condition that this lake does not know.

        Raises
        ------
        BadOptionError
            If it does not.
        """
        known = groups_of(engine, self.of)
        if self.by is not None and self.by not in known:
            raise BadOptionError("--by", self.by, f"one of {', '.join(known)}")
        if self.where:
            check_attribute(engine, self.of, self.where[0])

    def name_risk(self, engine: DuckDBEngine) -> None:
        """Let questions call what was at risk ``exposed`` and what failed ``failed``, whatever the rate is of.

        Both are worked out once: the rate itself and all that is asked beside it read the same.
        """
        engine.keep(f"{self.kind}_exposed", f"{self.kind}_failed")
        engine.name("exposed", f"{self.kind}_exposed")
        engine.name("failed", f"{self.kind}_failed")

    def unit(self, *, has_inventory: bool) -> str:
        """Return what a day of exposure belongs to: ``component`` or ``node``."""
        return "component" if self.of == "gpu" or (has_inventory and self.kind == "component") else "node"

    def definition(self, *, has_inventory: bool) -> str:
        """Return what the rate means, for a reader."""
        if self.of == "attempt":
            threshold = f", over attempts with more than {self.min_gpus} GPUs" if self.min_gpus else ""
            return _DEFINITIONS["attempt"].format(threshold=threshold)
        if self.of == "node" or has_inventory:
            return _DEFINITIONS[self.kind]
        return _DEFINITIONS["gpu_log" if self.of == "gpu" else "node_log"]

    def needs(self) -> str:
        """Return what a lake must hold to answer."""
        return NEEDS.get(self.of, f"events and the fleet, or an inventory, of {self.of} components")


def groups_of(engine: DuckDBEngine, of: str) -> tuple[str, ...]:
    """Return what a rate can be grouped by in this lake."""
    if of == "node":
        return _NODE_GROUPS
    if of == "attempt":
        return _ATTEMPT_GROUPS
    return inventory_groups(engine, of) or _LOG_GROUPS


def inventory_groups(engine: DuckDBEngine, component: str) -> tuple[str, ...]:
    """Return what an inventoried component can be grouped by; empty where there is no inventory of it."""
    found: list[dict[str, Any]] = engine.ask("inventory_groups", component=component)
    known = (row["known"] for row in found if row["known"])
    return ("cluster", "symptom", *PERIODS, *known) if found else ()


def check_attribute(engine: DuckDBEngine, component: str, attribute: str) -> None:
    """Refuse an attribute that the inventory of the component does not know.

    Raises
    ------
    BadOptionError
        If it does not; nodes and attempts have no inventory.
    """
    known = [name for name in inventory_groups(engine, component) if name not in ("cluster", "symptom", *PERIODS)]
    if attribute not in known:
        expected = f"an attribute: {', '.join(known)}" if known else f"no condition: {component} has no inventory here"
        raise BadOptionError("--where", attribute, expected)
