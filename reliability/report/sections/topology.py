"""The fabric: its map with what failed, what the loss of each part takes down, and which domains failed as one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from models.errors import ModelError
from reliability.analyses.blast import Blast, blast
from reliability.analyses.domain_failures import DomainFailures, domain_failures
from reliability.analyses.domain_findings import MONTH_DAYS
from reliability.analyses.domain_heat_map import domain_heat_map
from reliability.analyses.fabric import FROM_LAKE, RealFabric
from reliability.analyses.fabric_failures import fabric_failures, unnamed_notes
from reliability.analyses.fabric_map import FabricMap, fabric_map
from reliability.errors import NoDataError, SeveralClustersError
from reliability.report.numbers import count, day, interval, number
from reliability.report.sections.section import Section, Table, Window, ask

if TYPE_CHECKING:
    from reliability.lake import Lake

#: switches that are listed one by one; the command line's --csv has all
_MOST_LISTED: Final = 64
_COLUMNS: Final = ("takes down", "GPUs down", "hosts down", "GPUs slowed", "left of a slowed GPU", "bisection left")


def topology_section(lake: Lake, window: Window) -> Section:
    """Show the fabric of the lake, and what the loss of each class of its parts takes down and slows."""
    title = "The fabric"
    try:
        found = blast(FROM_LAKE, {}, lake, at=window.to_utc)
    except (NoDataError, SeveralClustersError, ModelError) as error:
        text = str(error)
        return Section(title, f"{text[:1].upper()}{text[1:]}.")
    real = found.under.real
    if real is None:
        return Section(title, "The lake has no fabric.")
    options: dict[str, Any] = {"from_utc": window.from_utc, "to_utc": window.to_utc}
    named, _ = ask(lambda: domain_failures(lake, confidence=window.confidence, **options))
    happened = fabric_failures(lake, real, named=named, **options)
    shown = fabric_map(real.fabric, happened=happened, notes=unnamed_notes(real))
    return Section(title, _text(real, shown, found), (shown.figure(),), _tables(found))


def _text(real: RealFabric, shown: FabricMap, found: Blast) -> str:
    source = f"Read from the cables that {real.source} records of cluster {real.cluster}."
    cautions = [f"Caution: {sentence}" for sentence in real.contradictions]
    return " ".join([source, *real.inference, *cautions, shown.definition, found.definition, found.jobs_note])


def _tables(found: Blast) -> tuple[Table, ...]:
    has_jobs = found.under.running is not None
    columns = ("loss of one", "alike", *_COLUMNS, *(("jobs that fail", "jobs slowed") if has_jobs else ()))
    rows = tuple(
        (row["component"], f"{count(row['alike'])} of {count(row['of'])}", *_figures(row, has_jobs=has_jobs))
        for row in found.rows()
    )
    classes = Table(columns, rows, frozenset(range(3, len(columns))))
    if not found.leaves:
        return (classes,)
    listed = tuple(
        (row["name"], *_figures(row, has_jobs=has_jobs)) for row in (leaf.row() for leaf in found.leaves[:_MOST_LISTED])
    )
    named = ("switch", *columns[2:])
    return (classes, Table(named, listed, frozenset(range(2, len(named)))))


def _figures(row: dict[str, Any], *, has_jobs: bool) -> tuple[str, ...]:
    shares = (
        f"{row['bandwidth_left_share']:.1%}" if row["gpus_degraded"] else "–",
        f"{row['bisection_left_share']:.1%}",
    )
    jobs = (count(row["jobs_down"]), count(row["jobs_degraded"])) if has_jobs else ()
    return (
        "jobs" if row["takes_down"] else "nothing",
        count(row["gpus_down"]),
        count(row["hosts_down"]),
        count(row["gpus_degraded"]),
        *shares,
        *jobs,
    )


def domain_section(lake: Lake, window: Window) -> Section:
    """Say which racks, switches and power domains failed as one, and what every shared event was."""
    title = "What failed as one"
    options: dict[str, Any] = {"from_utc": window.from_utc, "to_utc": window.to_utc}
    found, reason = ask(lambda: domain_failures(lake, confidence=window.confidence, **options))
    if found is None:
        return Section(title, reason)
    heat, _ = ask(lambda: domain_heat_map(lake, **options))
    figures = [] if heat is None else [heat.figure()]
    figures += [found.figure()] if found.events else []
    text = [_found_sentence(found), found.definition, *(f"Caution: {warning}." for warning in found.warnings)]
    if heat is not None:
        text.append(heat.definition)
    tables = [_domain_table(found)] if found.domains else []
    tables += [_event_table(found)] if found.events else []
    return Section(title, " ".join(text), tuple(figures), tuple(tables))


def _found_sentence(found: DomainFailures) -> str:
    events = found.verdicts
    return (
        f"{count(len(found.found))} of {count(len(found.domains))} domains fail as one again and again. Of "
        f"{count(len(found.events))} events of several nodes {count(events['domain'])} were a domain's, "
        f"{count(events['flagged, all healthy'])} were flags on healthy nodes, {count(events['chance'])} are explained "
        f"by chance, and {count(events['no known domain'])} have no known domain."
    )


def _domain_table(found: DomainFailures) -> Table:
    listed = sorted(found.domains, key=lambda one: (not one.found, -one.counted))[:_MOST_LISTED]
    rows = []
    for one in listed:
        rate = one.rate
        month = (
            interval(*(value * MONTH_DAYS for value in (rate.rate_per_day, rate.low_per_day, rate.high_per_day)))
            if rate
            else "–"
        )
        rows.append(
            (
                _named(one.kind, one.domain, one.same_nodes),
                "yes" if one.found else "–",
                count(one.nodes),
                count(one.counted),
                number(one.expected),
                "–" if one.p_value is None else f"{one.p_value:.2g}",
                month,
                one.not_tested or "–",
            )
        )
    columns = ("domain", "fails as one", "nodes", "events", "by chance", "p", "events per month", "not tested because")
    return Table(columns, tuple(rows), frozenset({2, 3, 4, 5, 6}))


def _event_table(found: DomainFailures) -> Table:
    rows = tuple(
        (
            day(one.from_utc),
            one.verdict,
            _named(one.kind, one.domain, one.same_nodes),
            count(len(one.nodes)),
            count(one.nodes_hurt),
            one.evidence,
        )
        for one in found.events[:_MOST_LISTED]
    )
    columns = ("began (UTC)", "verdict", "domain", "nodes", "hurt", "evidence")
    return Table(columns, rows, frozenset({3, 4}))


def _named(kind: str | None, domain: str | None, same_nodes: tuple[str, ...]) -> str:
    """Return a domain with its kind, and how many others have the same nodes.

    >>> _named("rack", "r1", ()), _named("rail", "rail 0", ("leaf a", "leaf b")), _named(None, None, ())
    ('rack r1', 'rail 0 (and 2 of the same nodes)', '–')
    """
    if kind is None or domain is None:
        return "–"
    name = domain if domain.startswith(kind) else f"{kind} {domain}"
    return f"{name} (and {len(same_nodes)} of the same nodes)" if same_nodes else name
