"""Which racks, switches and power domains the log shows to fail as one, with the evidence."""

from __future__ import annotations

from typing import Any, Final

import dash_mantine_components as dmc
from dash import html
from dash.development.base_component import Component

from dashboards.answers import Answers
from dashboards.components import chart, grid, notice, tile, tiles
from reliability.analyses.domain_failures import DomainFailures, domain_failures
from reliability.analyses.domain_findings import MONTH_DAYS, DomainFinding, EventFinding
from reliability.analyses.domain_heat_map import DomainHeatMap, domain_heat_map
from reliability.errors import BadOptionError, NoDataError
from reliability.figures.theme import plural
from reliability.report.numbers import day, interval

_MOST_LISTED: Final = 1_000
#: a table of so many rows is shown whole
_SHORT: Final = 8
_DOMAINS: Final = (
    ("kind", "Kind", 100),
    ("domain", "Domain", 270),
    ("found", "Fails as one", 120),
    ("nodes", "Nodes", 90),
    ("events", "Events", 95),
    ("expected", "By chance", 105),
    ("p", "p", 90),
    ("rate", "Events per month (interval)", 210),
    ("not_tested", "Not tested because", 320),
)
_EVENTS: Final = (
    ("began", "Began (UTC)", 165),
    ("verdict", "Verdict", 165),
    ("domain", "Domain", 300),
    ("nodes", "Nodes", 90),
    ("hurt", "Hurt", 85),
    ("ended", "Attempts ended", 135),
    ("symptom", "Symptom", 140),
    ("evidence", "Evidence", 520),
)
_NUMERIC: Final = ("nodes", "events", "expected", "p", "hurt", "ended")


def domain_section(
    answers: Answers, kind: str | None, window: dict[str, Any], scheme: str
) -> tuple[Component, tuple[str, ...]]:
    """Return the domains of the lake that failed as one with their evidence, and the kinds of domains it knows.

    The heat map is of the kind asked for, or the first that is known.

    Raises
    ------
    ReliabilityError
        If nothing says which nodes were there.
    """
    found = answers.ask(domain_failures, **window)
    verdicts = found.verdicts
    heat = _heat(answers, kind, window)
    charts = [chart("topology-heat", heat.figure(), heat.definition, dark=scheme == "dark", wide=True)] if heat else []
    section: Component = html.Div(
        [
            html.H2("What failed as one", className="page-title", style={"marginTop": "24px", "fontSize": "19px"}),
            tiles(
                [
                    tile(
                        "topology-domains-found",
                        "Domains that fail as one",
                        f"{len(found.found):,}",
                        f"of {len(found.domains):,}; at most {found.fdr:.0%} of the names wrong",
                    ),
                    tile(
                        "topology-events-domain",
                        "Events of a domain",
                        f"{verdicts['domain']:,}",
                        f"of {plural(len(found.events), 'event')} of several nodes",
                    ),
                    tile(
                        "topology-events-flagged",
                        "Flagged, all healthy",
                        f"{verdicts['flagged, all healthy']:,}",
                        "many nodes flagged, next to none went down",
                    ),
                    tile(
                        "topology-events-chance",
                        "By chance, or unknown",
                        f"{verdicts['chance'] + verdicts['no known domain']:,}",
                        f"{verdicts['no known domain']:,} of no known domain",
                    ),
                ]
            ),
            *_warnings(found),
            html.Div([*charts, *_figures(found, dark=scheme == "dark")], className="charts"),
            _domain_table(found, scheme),
            *([_event_table(found, scheme)] if found.events else []),
        ]
    )
    return section, heat.kinds if heat else ()


def _warnings(found: DomainFailures) -> list[Component]:
    if not found.warnings:
        return []
    sentences = [html.Li(f"{warning[:1].upper()}{warning[1:]}.") for warning in found.warnings]
    return [dmc.Alert(html.Ul(sentences, style={"margin": 0}), color="blue", variant="light", radius="md", mt=16)]


def _figures(found: DomainFailures, *, dark: bool) -> list[Component]:
    if not found.events:
        return []
    return [chart("topology-events", found.figure(), found.definition, dark=dark, wide=True)]


def _heat(answers: Answers, kind: str | None, window: dict[str, Any]) -> DomainHeatMap | None:
    try:
        return answers.ask(domain_heat_map, kind=kind, **window)
    except NoDataError:
        return None  # the sentences above say that no domain is known
    except BadOptionError:
        return answers.ask(domain_heat_map, **window)  # a kind of another lake, from a shared address


def _domain_table(found: DomainFailures, scheme: str) -> Component:
    if not found.domains:
        return notice("The lake knows no racks, switches or power of its nodes: nothing to hold events against.")
    listed = sorted(found.domains, key=lambda one: (not one.found, -one.counted))[:_MOST_LISTED]
    text = f"{plural(len(found.domains), 'domain')}; those found first, then by events"
    rows = [_domain_row(one) for one in listed]
    return _card("Failure domains", text, "topology-domain-grid", rows, _DOMAINS, scheme)


def _event_table(found: DomainFailures, scheme: str) -> Component:
    text = f"{plural(len(found.events), 'event')} of several nodes, {found.verdicts['single node']:,} of one not listed"
    rows = [_event_row(one) for one in found.events[:_MOST_LISTED]]
    return _card("Every shared event and what it was", text, "topology-event-grid", rows, _EVENTS, scheme)


def _card(
    title: str,
    text: str,
    element_id: str,
    rows: list[dict[str, Any]],
    columns: tuple[tuple[str, str, int], ...],
    scheme: str,
) -> Component:
    height = "380px" if len(rows) > _SHORT else None
    made: Component = dmc.Paper(
        [
            html.H2(title, className="card-title"),
            dmc.Text(text, size="xs", c="dimmed"),
            grid(element_id, rows, [_column(*column) for column in columns], scheme, height=height),
        ],
        className="card",
        mt=16,
    )
    return made


def _column(field: str, name: str, width: int) -> dict[str, Any]:
    column: dict[str, Any] = {"field": field, "headerName": name, "width": width}
    if field in _NUMERIC:
        column |= {"type": "rightAligned", "filter": "agNumberColumnFilter"}
    if field == "domain":
        column |= {"tooltipField": "all_names"}
    if field in {"evidence", "not_tested"}:
        column |= {"tooltipField": field, "flex": 1, "minWidth": width}
    return column


def _domain_row(one: DomainFinding) -> dict[str, Any]:
    rate = one.rate
    return {
        "kind": one.kind,
        "domain": _named(one.domain, one.same_nodes),
        "all_names": ", ".join((one.domain, *one.same_nodes)),
        "found": "yes" if one.found else "",
        "nodes": one.nodes,
        "events": one.counted,
        "expected": round(one.expected, 2),
        "p": None if one.p_value is None else float(f"{one.p_value:.2g}"),
        "rate": interval(*(value * MONTH_DAYS for value in (rate.rate_per_day, rate.low_per_day, rate.high_per_day)))
        if rate
        else "–",
        "not_tested": one.not_tested,
    }


def _event_row(one: EventFinding) -> dict[str, Any]:
    return {
        "began": day(one.from_utc),
        "verdict": one.verdict,
        "domain": f"{one.kind} {_named(one.domain, one.same_nodes)}" if one.domain else "",
        "all_names": ", ".join((one.domain or "", *one.same_nodes)),
        "nodes": len(one.nodes),
        "hurt": one.nodes_hurt,
        "ended": one.attempts_ended,
        "symptom": one.symptom,
        "evidence": one.evidence,
    }


def _named(domain: str, same_nodes: tuple[str, ...]) -> str:
    return f"{domain} (or {len(same_nodes)} of the same nodes)" if same_nodes else domain
