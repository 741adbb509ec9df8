"""A planned run in a fabric: failures by domain, ETTR with them, and the same run in another fabric."""

from __future__ import annotations

from typing import Any, Final

import dash_mantine_components as dmc
from dash import html
from dash.development.base_component import Component

from dashboards.answers import Answers
from dashboards.components import chart, grid, notice, tile, tiles
from dashboards.pages.topology_choice import choices, lake_fabrics
from reliability.analyses.domain_findings import MONTH_DAYS
from reliability.analyses.fabric import FROM_LAKE
from reliability.analyses.plan import Plan
from reliability.analyses.plan_fabric import InFabric, PlanFabric
from reliability.analyses.plan_fabric_difference import GAIN_DAYS, Difference
from reliability.analyses.plan_fabric_domains import DomainRow
from reliability.analyses.plan_fabric_lake import plan_in_fabrics
from reliability.figures.fabric_map import FABRIC_NAMES
from reliability.figures.theme import percent
from reliability.report.numbers import count, interval, number

#: no fabric, or none to compare with
NO_FABRIC: Final = "none"


def fabric_choices(answers: Answers) -> dict[str, str]:
    """Return value and text of the fabrics for a run: none, that of the lake if it has one, planned ones."""
    return {NO_FABRIC: "none"} | dict(choices(lake_fabrics(answers)))


def fabric_results(answers: Answers, planned: Plan, fabric: str, against: str, *, scheme: str) -> Component:
    """Return tiles, figure and table of a run in a fabric; nothing if no fabric is chosen.

    Parameters
    ----------
    answers
        Of the lake.
    planned
        The run.
    fabric, against
        Kinds of fabric; `NO_FABRIC` for none.
    scheme
        ``light`` or ``dark``.

    Raises
    ------
    reliability.errors.ReliabilityError, models.errors.ModelError
        There is no such fabric, or the run does not fit into it.
    """
    if fabric == NO_FABRIC:
        return html.Div()
    found = answers.ask(plan_in_fabrics, planned, fabric, None if against == NO_FABRIC else against)
    definition = found.document()["definition"]
    confidence = planned.rate.confidence
    fabrics = [each for each in (found.one, found.other) if each is not None]
    numbers = [shown for place, each in zip(("one", "other"), fabrics, strict=False) for shown in _tiles(place, each)]
    return html.Div(
        [
            html.H2(_title(found), className="card-title", id="plan-fabric-title", style={"margin": "28px 0 12px"}),
            *(notice(f"Caution: {warning}.", colour="orange") for warning in found.warnings),
            tiles([*numbers, *_difference_tiles(found.difference)]),
            _limits_sentence(confidence),
            html.Div(
                [
                    chart("plan-fabric-domains", found.figure(), definition, dark=scheme == "dark", wide=True),
                    _table(fabrics, scheme),
                ],
                className="charts",
            ),
            html.Details(
                [html.Summary("What was assumed"), html.Ul([html.Li(note) for note in found.notes])],
                className="definition",
                id="plan-fabric-notes",
            ),
        ],
        className="plan-content",
    )


def _title(found: PlanFabric) -> str:
    title = f"The run in a fabric: {_name(found.one.kind)}"
    return title if found.other is None else f"{title} against {_name(found.other.kind)}, on the same failures"


def _name(kind: str) -> str:
    """Return what a fabric is called.

    >>> _name("hpn-single-tor"), _name("from-lake")
    ('HPN with single ToRs', 'that of this lake')
    """
    return "that of this lake" if kind == FROM_LAKE else FABRIC_NAMES[kind]


def _tiles(place: str, found: InFabric) -> list[Component]:
    run = found.simulated
    name = "this lake's fabric" if found.kind == FROM_LAKE else FABRIC_NAMES[found.kind]
    per_month = found.failures_per_day * MONTH_DAYS
    return [
        tile(
            f"plan-fabric-{place}-ettr",
            f"ETTR in {name}, exact",
            f"{found.ettr:.4f}",
            _range(found.ettr_low, found.ettr_high, digits=4) or "the rate came without counts: no limits",
        ),
        tile(
            f"plan-fabric-{place}-simulated",
            f"ETTR in {name}, simulated",
            f"{run.ettr:.4f}",
            f"{run.low:.4f}–{run.high:.4f}, {run.replicas:,} runs",
        ),
        tile(
            f"plan-fabric-{place}-failures",
            f"Failures a month in {name}",
            number(per_month),
            f"MTTF {number(24 / found.failures_per_day)} h" if found.failures_per_day else "nothing takes it down",
        ),
    ]


def _difference_tiles(found: Difference | None) -> list[Component]:
    if found is None:
        return []
    even = found.even_repair_factor
    return [
        tile(
            "plan-fabric-difference",
            "Difference in ETTR, exact",
            f"{found.exact:+.4f}",
            _range(found.low, found.high, digits=4, sign="+") or "the rate came without counts: no limits",
        ),
        tile(
            "plan-fabric-difference-simulated",
            "Difference in ETTR, simulated",
            f"{found.simulated:+.4f}",
            f"{found.simulated_low:+.4f} to {found.simulated_high:+.4f}, {found.pairs:,} pairs of runs",
        ),
        tile(
            "plan-fabric-gpu-hours",
            f"GPU-hours in {GAIN_DAYS:.0f} days",
            f"{found.gpu_hours:+,.0f}",
            f"ETTR {found.at_half_rates:+.4f} at half the parts' rates, {found.at_double_rates:+.4f} at twice",
        ),
        tile(
            "plan-fabric-even",
            "Repair times at which they are equal",
            "–" if even is None else f"× {number(even)}",
            "at none that is near" if even is None else "of those planned",
        ),
    ]


def _range(low: float | None, high: float | None, *, digits: int, sign: str = "") -> str:
    if low is None or high is None:
        return ""
    return f"{low:{sign}.{digits}f} to {high:{sign}.{digits}f}" if sign else f"{low:.{digits}f}–{high:.{digits}f}"


def _limits_sentence(confidence: float | None) -> Component:
    told = "none: the rate came without counts" if confidence is None else f"{percent(confidence)}, of the counts"
    text = f"Limits of the exact forms: {told}. Those of the simulation: chance of the simulated runs alone."
    made: Component = dmc.Text(text, size="xs", c="dimmed", mt=8)
    return made


def _table(fabrics: list[InFabric], scheme: str) -> Component:
    rows = [_row(each.kind, row) for each in fabrics for row in each.rows]
    right = {"type": "rightAligned"}
    columns: list[dict[str, Any]] = [
        {"field": "fabric", "headerName": "Fabric", "flex": 1, "minWidth": 115},
        {"field": "domain", "headerName": "Domain", "width": 145},
        {"field": "fatal", "headerName": "Fatal parts", "width": 160, **right},
        {"field": "failures", "headerName": "A month", "width": 165, **right},
        {"field": "slowed", "headerName": "Time slowed", "width": 115, **right},
        {"field": "slowdown", "headerName": "Speed lost", "width": 105, **right},
        {"field": "repair", "headerName": "Repair (h)", "width": 105, **right},
    ]
    made: Component = dmc.Paper(
        [
            html.H2("Failures by domain", className="card-title"),
            dmc.Text(
                "Fatal parts: those whose failure takes the run down, of all it leans on. A month has 30.4 days.",
                size="xs",
                c="dimmed",
            ),
            grid("plan-fabric-grid", rows, columns, scheme, height=None),
            html.Div(
                [html.Strong("Sources of the rates"), html.Ul([html.Li(text) for text in _sources(fabrics)])],
                className="definition",
                id="plan-fabric-sources",
            ),
        ],
        className="card wide",
    )
    return made


def _row(kind: str, row: DomainRow) -> dict[str, str]:
    per_month, low, high = (None if value is None else value * MONTH_DAYS for value in (row.per_day, row.low, row.high))
    return {
        "fabric": kind,
        "domain": row.component,
        "fatal": f"{count(row.fatal_parts)} of {count(row.parts)}",
        "failures": interval(per_month, low, high) if per_month else "0",
        "slowed": f"{100 * row.slowed_share:.3g}%" if row.slowed_share else "–",
        "slowdown": f"{100 * row.slowdown:.3g}%" if row.slowdown else "–",
        "repair": number(row.repair_hours),
    }


def _sources(fabrics: list[InFabric]) -> list[str]:
    """Return every source once, with the domains whose rate it gives."""
    domains: dict[str, dict[str, None]] = {}
    for row in (row for each in fabrics for row in each.rows):
        domains.setdefault(row.source, {})[row.component] = None
    return [f"{', '.join(names)}: {source}." for source, names in domains.items()]
