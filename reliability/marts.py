"""The marts: which SQL files there are, in which order they build on each other, and their parameters.

One file of ``reliability/sql`` is one view of the same name. The text is common to DuckDB and Spark.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from reliability.errors import BadOptionError
from reliability.table import Table

#: each mart after those it reads
MARTS: Final = (
    "observation",
    "fleet",
    "node_intervals",
    "node_segments",
    "exposure",
    "node_failures",
    "incidents",
    "attempts",
    "node_signs",
    "sign_bursts",
    "evidence",
    "attributions",
    "event_members",
    "shared_incidents",
    "failure_domains",
    "domain_failures",
    "node_troubles",
    "node_features",
    "outage_lives",
    "lifetimes",
    "run_members",
    "attempt_parts",
    "runs",
    "preemption_links",
    "preemption_chains",
    "attempt_losses",
    "ledger_window",
    "node_capacity",
    "allocations",
    "node_allocation",
    "goodput_ledger",
    "replay_attempts",
    "periods",
    "node_exposed",
    "node_failed",
    "node_rates",
    "attempt_exposed",
    "attempt_failed",
    "attempt_rates",
    "attempt_ends",
    "end_counts",
    "component_stays",
    "component_exposed",
    "component_failed",
    "component_rates",
    "cause_counts",
    "grouped_lives",
    "risk_counts",
    "cause_risk_counts",
    "daily",
)


@dataclass(frozen=True, slots=True)
class Parameters:
    """What the marts assume. The one row of the ``parameters`` view.

    The attribution window is that of Kokolis et al.; hourly checkpoints and five minutes of restart are their
    assumptions for runs that log neither. A job submitted within the ``resubmission_window_seconds`` after one of the
    same user, name and size that did not complete continues its run. ``component``, ``group_by`` and ``min_gpus`` say
    what a rate is asked of; an empty ``group_by`` means one group of everything. ``where_attribute`` keeps the
    inventoried components whose attribute has ``where_value``; empty keeps all. At midnight of ``calendar_zone`` the
    days, months and quarters of a grouping by time begin. ``unit`` is what the goodput ledger counts: GPUs (``gpu``),
    or nodes (``node``), which attempts share by their CPUs.
    """

    window_from_utc: datetime | None = None
    window_to_utc: datetime | None = None
    attribution_before_seconds: int = 600
    attribution_after_seconds: int = 300
    incident_gap_seconds: int = 600
    same_outage_seconds: int = 300
    event_gap_seconds: int = 60
    shared_nodes: int = 3
    shared_gap_seconds: int = 300
    relapse_seconds: int = 86_400
    repair_seconds: int = 14_400
    checkpoint_interval_seconds: int = 3600
    restart_overhead_seconds: int = 300
    resubmission_window_seconds: int = 3600
    component: str = "gpu"
    group_by: str = ""
    min_gpus: int = 0
    where_attribute: str = ""
    where_value: str = ""
    calendar_zone: str = "UTC"
    unit: str = "gpu"

    def __post_init__(self) -> None:
        """Refuse a window that ends before it begins, and a zone that nobody knows.

        Raises
        ------
        BadOptionError
            If there is one.
        """
        if self.window_from_utc and self.window_to_utc and self.window_from_utc >= self.window_to_utc:
            raise BadOptionError("--to", self.window_to_utc.isoformat(), "a time after --from")
        try:
            ZoneInfo(self.calendar_zone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:  # a name may be a path outside, or a folder
            raise BadOptionError(
                "--calendar-zone", self.calendar_zone, "a time zone such as UTC or America/New_York"
            ) from error

    def row(self) -> dict[str, int | str | None]:
        """Return the row of the ``parameters`` view; times in microseconds since 1970.

        >>> Parameters().row()["attribution_before_seconds"]
        600
        """
        return {
            "window_from_micros": _micros(self.window_from_utc),
            "window_to_micros": _micros(self.window_to_utc),
            "attribution_before_seconds": self.attribution_before_seconds,
            "attribution_after_seconds": self.attribution_after_seconds,
            "incident_gap_seconds": self.incident_gap_seconds,
            "same_outage_seconds": self.same_outage_seconds,
            "event_gap_seconds": self.event_gap_seconds,
            "shared_nodes": self.shared_nodes,
            "shared_gap_seconds": self.shared_gap_seconds,
            "relapse_seconds": self.relapse_seconds,
            "repair_seconds": self.repair_seconds,
            "checkpoint_interval_seconds": self.checkpoint_interval_seconds,
            "restart_overhead_seconds": self.restart_overhead_seconds,
            "resubmission_window_seconds": self.resubmission_window_seconds,
            "component": self.component,
            "group_by": self.group_by,
            "min_gpus": self.min_gpus,
            "where_attribute": self.where_attribute,
            "where_value": self.where_value,
            "calendar_zone": self.calendar_zone,
            "unit": self.unit,
        }


def mart_sql(name: str) -> str:
    """Return the text of one mart: a single SELECT.

    >>> "FROM fleet" in mart_sql("exposure")
    True
    """
    return files("reliability").joinpath("sql", f"{name}.sql").read_text(encoding="utf-8")


def mart_grain(name: str) -> str:
    """Return the grain that the mart's header states.

    >>> mart_grain("exposure")
    'cluster, node and UTC day.'
    """
    first = mart_sql(name).splitlines()[0]
    return first.removeprefix("-- grain: ")


def marts_in(sql: str) -> tuple[str, ...]:
    """Return the marts that a statement names, comments aside, each after those it reads.

    >>> marts_in("SELECT * FROM exposure JOIN fleet USING (node) -- not runs")
    ('fleet', 'exposure')
    """
    words = set(re.findall(r"\w+", re.sub(r"--.*", "", sql)))
    return tuple(mart for mart in MARTS if mart in words)


def ingests_sql(source: str) -> str:
    """Return the SELECT behind the view ``ingests``: without those of a cut last line that a later one has in whole.

    Parameters
    ----------
    source
        A relation with the stored columns. An id of a file has 20 characters; further clusters of one file add
        their name to it.
    """
    return f"""
    SELECT stored.*
    FROM {source} AS stored
    LEFT JOIN (SELECT DISTINCT replaces FROM {source} AS again WHERE replaces IS NOT NULL) AS replaced
        ON substr(stored.ingest_id, 1, 20) = replaced.replaces
    WHERE replaced.replaces IS NULL
    """  # noqa: S608 - names come from the schema, never from a user


def latest_sql(table: Table, source: str, first_known: str) -> str:
    """Return the SELECT behind a table's view: rows of finished ingests, one per key.

    Of several rows with one key the one that knows the end comes first, then the one taken in last. In a table whose
    rows are ``merged``, what that row does not know is filled in from the others: JSON that lost an exit code does not
    take away the one that the text had. ``jobs`` gets its ``attempt`` here: the ordinal of the attempt within its job,
    by time of submission.

    Parameters
    ----------
    table
        The table of the schema.
    source
        A relation with the stored columns, lineage included.
    first_known
        How the engine spells the first value that is not null, ``{}`` standing for the column.
    """
    keys = ", ".join(f"stored.{name}" for name in table.key)
    ended = f"CASE WHEN stored.{table.settled_by} IS NULL THEN 1 ELSE 0 END, " if table.settled_by else ""
    formats = ", ".join(f"'{name}'" for name in table.second_hand)
    direct = f"CASE WHEN ingests.format IN ({formats}) THEN 1 ELSE 0 END, " if formats else ""
    order = f"PARTITION BY {keys} ORDER BY {ended}{direct}ingests.ingested_utc DESC, stored.ingest_id"
    everything = f"{order} ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING"
    names = [column.name for column in table.columns]
    columns = ", ".join(
        f"{first_known.format(f'stored.{name}')} OVER ({everything}) AS {name}"
        if table.merged and name not in table.key
        else f"stored.{name}"
        for name in names
    )
    attempt = (
        ", CAST(row_number() OVER (PARTITION BY cluster, job_id_raw ORDER BY submit_utc, start_utc) AS INT) AS attempt"
        if table.name == "jobs"
        else ""
    )
    return f"""
    SELECT ranked.*{attempt}
    FROM (
        SELECT {columns}, row_number() OVER ({order}) AS recency
        FROM {source} AS stored
        INNER JOIN ingests ON stored.ingest_id = ingests.ingest_id
    ) AS ranked
    WHERE recency = 1
    """  # noqa: S608 - names come from the schema, never from a user


def _micros(moment: datetime | None) -> int | None:
    if moment is None:
        return None
    return round(moment.timestamp() * 1_000_000)
