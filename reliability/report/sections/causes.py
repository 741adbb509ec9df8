"""What failed, and when."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from reliability.analyses.causes import Causes
from reliability.analyses.companions import Companion, Companions, companions
from reliability.analyses.failures import failures
from reliability.analyses.overview import Overview
from reliability.figures.causes import cause_name
from reliability.figures.companions import kind_name
from reliability.figures.theme import plural
from reliability.report.numbers import count, day, interval, number
from reliability.report.sections.section import Section, Table, Window, ask

if TYPE_CHECKING:
    from reliability.lake import Lake

_MOST_ROWS: Final = 12


def failure_section(lake: Lake, overview: Overview, window: Window) -> Section:
    """Say what failed: causes, and when."""
    title = "Causes"
    if overview.causes is None:
        return Section(title, "No logs of jobs or of node states are in the lake, so nothing can be said about causes.")
    if not overview.causes.causes:
        return Section(title, f"Nothing failed in {number(overview.causes.exposure_node_days)} node-days.")
    beside, _ = ask(lambda: companions(lake, **window.options()))
    found = failures(lake, from_utc=window.from_utc, to_utc=window.to_utc)
    rows = tuple(
        (
            cause_name(cause.cause),
            cause.domain.replace("_", " "),
            count(cause.failures),
            count(beside.events_by_cause[cause.cause]) if beside and cause.cause in beside.events_by_cause else "–",
            f"{cause.share.share:.1%}",
            interval(cause.rate.rate_per_1000_days, cause.rate.low_per_1000_days, cause.rate.high_per_1000_days),
            number(cause.lost_gpu_hours),
        )
        for cause in overview.causes.causes
    )
    columns = ("cause", "domain", "failures", "events", "share", "per 1000 node-days", "lost GPU-hours")
    figures = (overview.causes.figure(), found.figure()) if overview.causes.infrastructure_failures else ()
    text = f"{_events_text(overview.causes, beside)} {overview.causes.definition}"
    tables = (Table(columns, rows, frozenset({2, 3, 4, 5, 6})),)
    if beside is None:
        return Section(title, text, figures, tables)
    if beside.co_occurrence:
        figures = (*figures, beside.figure())
    cautions = " ".join(f"Caution: {warning}." for warning in beside.warnings)
    chance = (
        f"Trouble of {beside.joins:,} nodes was joined to another's; chance would join {number(beside.expected_joins)}."
    )
    return Section(
        title,
        f"{text} {beside.definition} {chance} {cautions}".strip(),
        figures,
        (*tables, *_companion_tables(beside)),
    )


def _events_text(found: Causes, beside: Companions | None) -> str:
    silent = found.unattributed_share
    text = plural(found.infrastructure_failures, "infrastructure failure")
    if beside:
        text += f" in {plural(beside.failure_events, 'independent event')}"
    return f"{text}; {silent.share:.1%} ({silent.low:.1%}–{silent.high:.1%}) unattributed." if silent else f"{text}."


def _companion_tables(found: Companions) -> tuple[Table, ...]:
    """Return what comes together, what follows, and what is not held against hardware; empty tables left out."""
    tables = (
        Table(
            ("sign", "with", "incidents", "share", "by chance"),
            tuple((*_pair(pair), f"{pair.found.expected_share:.2g}") for pair in found.co_occurrence[:_MOST_ROWS]),
            frozenset({2, 3, 4}),
        ),
        Table(
            ("sign", "then", "incidents", "probability", "above chance"),
            tuple((*_pair(pair), f"{pair.found.excess:.1%}") for pair in found.cascades[:_MOST_ROWS]),
            frozenset({2, 3, 4}),
        ),
        Table(
            ("application Xid (not held against hardware)", "incidents", "lines", "nodes"),
            tuple(
                (kind_name(row["code"]), count(row["incidents"]), count(row["lines"]), count(row["nodes"]))
                for row in found.application_xids
            ),
            frozenset({1, 2, 3}),
        ),
        Table(
            ("event of several nodes (UTC)", "symptom", "nodes", "attempts ended", "outages"),
            tuple(
                (
                    day(event["from_utc"]),
                    cause_name(event["symptom"]),
                    count(event["node_count"]),
                    count(event["attempts_ended"]),
                    count(event["outages"]),
                )
                for event in found.largest_events
            ),
            frozenset({2, 3, 4}),
        ),
    )
    return tuple(table for table in tables if table.rows)


def _pair(pair: Companion) -> tuple[str, str, str, str]:
    share = pair.found.share
    percents = interval(100 * share.share, 100 * share.low, 100 * share.high)
    return kind_name(pair.kind), kind_name(pair.other), f"{count(share.k)} of {count(share.n)}", f"{percents} %"
