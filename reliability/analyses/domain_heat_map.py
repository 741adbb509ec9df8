"""Which racks (or switches, feeds, …) had their failures when: domain by time."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from reliability.analyses.answer import Answer
from reliability.analyses.domain_evidence import DAY_MICROS, kind_rank
from reliability.analyses.domain_failures import EVENT_GAP_SECONDS
from reliability.engines.duckdb_engine import DuckDBEngine
from reliability.errors import BadOptionError, NoDataError
from reliability.marts import Parameters

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from reliability.lake import Lake

#: stretches that a reader can tell apart on a screen
_MOST_STRETCHES: Final = 60
#: days, weeks, months, quarters: what a reader counts in
_LENGTHS: Final = (1, 7, 30, 91)


@dataclass(frozen=True, slots=True)
class HeatCell:
    """What befell the nodes of one domain in one stretch of time.

    ``failures``: nodes that went down or had an attempt fail, each once per event; ``shared``: those of them that two
    or more nodes of the domain had in one event; ``flags``: nodes with a sign alone.
    """

    cluster: str
    domain: str
    from_utc: datetime
    failures: int
    shared: int
    flags: int

    def row(self) -> dict[str, Any]:
        """Return the row of a table."""
        return {
            "cluster": self.cluster,
            "domain": self.domain,
            "from_utc": self.from_utc,
            "failures": self.failures,
            "shared_failures": self.shared,
            "flags": self.flags,
        }


@dataclass(frozen=True, slots=True)
class DomainHeatMap(Answer):
    """Failures of every domain of one kind in every stretch of time; stretches without any have no cell.

    ``domains``: all of the kind with their nodes, those without failures too. ``kinds``: what else could be asked for.
    """

    kind: str
    kinds: tuple[str, ...]
    from_utc: datetime
    to_utc: datetime
    bucket_days: int
    domains: tuple[tuple[str, str, int], ...]
    cells: tuple[HeatCell, ...]
    definition: str

    @property
    def stretches(self) -> tuple[datetime, ...]:
        """Beginnings of the stretches of time."""
        count = max(1, -(-(self.to_utc - self.from_utc) // timedelta(days=self.bucket_days)))
        return tuple(self.from_utc + timedelta(days=self.bucket_days * number) for number in range(count))

    def rows(self) -> list[dict[str, Any]]:
        """Return one row per domain and stretch with trouble."""
        return [cell.row() for cell in self.cells]

    def document(self) -> dict[str, Any]:
        """Return the answer for ``--json``."""
        return {
            "kind": self.kind,
            "kinds": list(self.kinds),
            "from_utc": self.from_utc,
            "to_utc": self.to_utc,
            "bucket_days": self.bucket_days,
            "definition": self.definition,
            "domains": [
                {"cluster": cluster, "domain": domain, "nodes": nodes} for cluster, domain, nodes in self.domains
            ],
            "rows": self.rows(),
        }

    def figure(self) -> go.Figure:
        """Draw domain by time."""
        from reliability.figures.domain_heat_map import domain_heat_map_figure  # noqa: PLC0415 - figures read results

        return domain_heat_map_figure(self)


def domain_heat_map(
    lake: Lake,
    *,
    kind: str | None = None,
    bucket_days: int | None = None,
    event_gap_seconds: int = EVENT_GAP_SECONDS,
    from_utc: datetime | None = None,
    to_utc: datetime | None = None,
) -> DomainHeatMap:
    """Count the failures of each domain of one kind by time.

    Parameters
    ----------
    lake
        Where the logs were taken in.
    kind
        ``rack``, ``power``, ``leaf``, …; None for the first that is known, racks before switches.
    bucket_days
        Length of a stretch; None for the shortest of a day, a week, a month and a quarter that gives at most 60.
    event_gap_seconds
        Troubles of nodes that begin within this of the one before are one event.
    from_utc, to_utc
        Half-open window; None for everything.

    Raises
    ------
    BadOptionError
        If no domain is of the kind, or a stretch is shorter than a day.
    NoDataError
        If nothing says what nodes share, or nothing was observed.
    """
    if bucket_days is not None and bucket_days < 1:
        raise BadOptionError("bucket_days", str(bucket_days), "a day or more")
    parameters = Parameters(window_from_utc=from_utc, window_to_utc=to_utc, event_gap_seconds=event_gap_seconds)
    with closing(DuckDBEngine(lake, parameters)) as engine:
        known = engine.ask("domain_kinds")
        observed = engine.ask("observed")[0]
        kinds = tuple(sorted({row["kind"] for row in known}, key=kind_rank))
        if not kinds or observed["from_utc"] is None:
            raise NoDataError("domain heat map", "an inventory with racks or the wiring, and logs of what failed")
        chosen = kinds[0] if kind is None else kind
        if chosen not in kinds:
            raise BadOptionError("--kind", chosen, f"one of {', '.join(kinds)}")
        begin = observed["from_utc"].replace(hour=0, minute=0, second=0, microsecond=0)
        days = bucket_days or _length(observed["to_utc"] - begin)
        found = engine.ask(
            "domain_heat",
            kind=chosen,
            origin_micros=round(begin.timestamp() * 1e6),
            bucket_micros=round(days * DAY_MICROS),
        )
    return DomainHeatMap(
        kind=chosen,
        kinds=kinds,
        from_utc=begin,
        to_utc=observed["to_utc"],
        bucket_days=days,
        domains=tuple((row["cluster"], row["domain"], int(row["nodes"])) for row in known if row["kind"] == chosen),
        cells=tuple(_cell(row, begin, days) for row in found),
        definition=(
            "Failures: nodes that went down or had an attempt fail, each once per event. Shared: those that two or "
            "more nodes of the domain had in one event. Flags: nodes with a critical sign or drained for a check alone."
        ),
    )


def _length(span: timedelta) -> int:
    days = span / timedelta(days=1)
    return next((length for length in _LENGTHS if days / length <= _MOST_STRETCHES), _LENGTHS[-1])


def _cell(row: dict[str, Any], begin: datetime, days: int) -> HeatCell:
    return HeatCell(
        cluster=row["cluster"],
        domain=row["domain"],
        from_utc=begin + timedelta(days=days * int(row["bucket"])),
        failures=int(row["failures"]),
        shared=int(row["shared"]),
        flags=int(row["flags"]),
    )
