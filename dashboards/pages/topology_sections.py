"""Beside the map: fabrics side by side, and of one fabric a training step, availability, and placement."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import log2
from typing import Any, Final

import dash_mantine_components as dmc
from dash import html
from dash.development.base_component import Component

from dashboards.answers import Answers
from dashboards.components import answered, chart, grid, notice
from dashboards.pages.topology_choice import fabric_chosen, settings_pairs
from models.collectives.losses import domain_gpus
from models.topology.fabric import Fabric
from models.transformer import architecture_preset
from reliability.analyses.availability import Availability, availability
from reliability.analyses.collectives import StepChanges, step_changes, training_layout
from reliability.analyses.fabric import FROM_LAKE
from reliability.analyses.fabric_compare import FabricCompare, fabric_compare
from reliability.analyses.placement_spread import placement_spread
from reliability.figures.fabric_map import FABRIC_NAMES
from reliability.figures.theme import percent
from reliability.lake import Lake

_MOST_COMPARED: Final = 4
#: the run whose step is asked for: the published model, on what the fabric has of these GPUs
_STEP_MODEL: Final = "llama-3.1-70b"
_STEP_GPUS: Final = 1_024
#: what can be asked for besides
FURTHER: Final = {
    "step": "a training step on the damaged network",
    "availability": "availability of the fabric and of a job (takes up to a minute or two)",
    "spread": "failures of jobs by their spread",
}
_COUNTS: Final = (
    ("gpus", "GPUs"),
    ("hosts", "Hosts"),
    ("switches", "Switches"),
    ("links", "Cables"),
    ("most_oversubscription", "Oversubscription"),
    ("diameter_hops", "Diameter (hops)"),
    ("cost", "Cost ($)"),
    ("cost_per_gpu", "$ per GPU"),
)


def comparison(answers: Answers, kinds: tuple[str, ...], fabric: str, settings: str, scheme: str) -> Component:
    """Return fabrics side by side: counts and cost, and what the loss of each class of parts does.

    Raises
    ------
    ReliabilityError, ModelError
        If one of them cannot be.
    """
    if not kinds:
        return notice("Choose the fabrics to put side by side.")
    if len(kinds) > _MOST_COMPARED:
        return notice(f"Choose at most {_MOST_COMPARED} fabrics: more cannot be read side by side.")
    own = tuple((f"{fabric}.{name}", value) for name, value in settings_pairs(settings).items() if fabric in kinds)
    found = answers.ask(_compared, kinds, own)
    dark = scheme == "dark"
    return html.Div(
        [
            *(notice(warning) for warning in found.warnings),
            html.Div(
                [chart("topology-compared", found.figure(), found.definition, dark=dark, wide=True)],
                className="charts",
            ),
            _counts(found, scheme),
            _faults(found, scheme),
        ]
    )


def further(answers: Answers, asked: Sequence[str], fabric: str, settings: str, scheme: str) -> Component:
    """Return what is asked for of `FURTHER`; what cannot be answered says why."""
    dark = scheme == "dark"
    sections: dict[str, Callable[[], Component]] = {
        "step": lambda: _step(answers, fabric, settings, dark=dark),
        "availability": lambda: _availability(answers, fabric, settings, dark=dark),
        "spread": lambda: _spread(answers, dark=dark),
    }
    return html.Div([answered(sections[name]) for name in FURTHER if name in asked])


def _compared(lake: Lake, kinds: tuple[str, ...], settings: tuple[tuple[str, str], ...]) -> FabricCompare:
    return fabric_compare(kinds, dict(settings), lake)


def _counts(found: FabricCompare, scheme: str) -> Component:
    rows = [{"what": text} | {row["fabric"]: _number(row[key]) for row in found.rows()} for key, text in _COUNTS]
    columns = [{"field": "what", "headerName": "", "width": 170, "pinned": "left"}]
    columns += [_fabric_column(one.name, one.name) for one in found.fabrics]
    return _table("Counts and cost", "one column per fabric", "topology-count-grid", rows, columns, scheme)


def _faults(found: FabricCompare, scheme: str) -> Component:
    columns: list[dict[str, Any]] = [
        {"field": "component", "headerName": "Loss of one", "width": 150, "pinned": "left"}
    ]
    for number, one in enumerate(found.fabrics):
        columns += [
            {
                "field": f"{number}_{key}",
                "headerName": f"{_name(one.name)}: {text}",
                "width": 160,
                "type": "rightAligned",
            }
            for key, text in (("down", "GPUs down"), ("slowed", "slowed"), ("left", "left (%)"))
        ]
    rows = []
    for kind in found.classes:
        row: dict[str, Any] = {"component": kind}
        for number, one in enumerate(found.fabrics):
            radius = one.worst.get(kind)
            if radius is not None:
                row |= {
                    f"{number}_down": radius.gpus_down,
                    f"{number}_slowed": radius.gpus_degraded,
                    f"{number}_left": round(100 * radius.bandwidth_left_share, 3),
                }
        rows.append(row)
    text = "GPUs down, GPUs slowed, and the share of its bandwidth that a slowed GPU keeps; the worst of each class"
    return _table("What the loss of one part does", text, "topology-fault-grid", rows, columns, scheme)


def _table(
    title: str, text: str, element_id: str, rows: list[dict[str, Any]], columns: list[dict[str, Any]], scheme: str
) -> Component:
    card: Component = dmc.Paper(
        [
            html.H2(title, className="card-title"),
            dmc.Text(text, size="xs", c="dimmed"),
            grid(element_id, rows, columns, scheme, height=None),
        ],
        className="card wide",
        mt=16,
    )
    return card


def _fabric_column(field: str, name: str) -> dict[str, Any]:
    return {"field": field, "headerName": _name(name), "width": 180, "type": "rightAligned"}


def _name(kind: str) -> str:
    return "This lake" if kind == FROM_LAKE else FABRIC_NAMES.get(kind, kind)


def _number(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,.4g}" if value < 100 and value != int(value) else f"{value:,.0f}"


def _step(answers: Answers, fabric: str, settings: str, *, dark: bool) -> Component:
    under = fabric_chosen(answers, fabric, settings)
    found = _step_changes(under.fabric)
    warnings = " ".join(found.warnings)
    return html.Div(
        [chart("topology-step", found.figure(), f"{found.document()['definition']} {warnings}", dark=dark, wide=True)],
        className="charts",
    )


def _step_changes(fabric: Fabric) -> StepChanges:
    architecture = architecture_preset(_STEP_MODEL)
    gpus = 2 ** int(log2(min(_STEP_GPUS, fabric.hosts * fabric.gpus_per_host)))
    layout = training_layout(architecture, gpus, gpus_per_domain=domain_gpus(fabric))
    return step_changes(fabric, _STEP_MODEL, architecture, layout)


def _availability(answers: Answers, fabric: str, settings: str, *, dark: bool) -> Component:
    found = answers.ask(_reckoned, fabric, tuple(sorted(settings_pairs(settings).items())))
    whole = found.measures[0]
    said = " ".join([found.definition, *found.notes, *found.warnings])
    limits = "" if whole.low is None or whole.high is None else f" ({percent(whole.low)}–{percent(whole.high)})"
    exact = "not known" if whole.exact is None else f"{percent(whole.exact)}{limits}"
    text = f"Share of the time with the whole fabric up: {exact}, simulated {percent(whole.simulated.share)}."
    return html.Div(
        [
            dmc.Text(text, size="sm", mt=16),
            html.Div([chart("topology-availability", found.figure(), said, dark=dark, wide=True)], className="charts"),
        ]
    )


def _reckoned(lake: Lake, fabric: str, settings: tuple[tuple[str, str], ...]) -> Availability:
    return availability(fabric, dict(settings), lake)


def _spread(answers: Answers, *, dark: bool) -> Component:
    found = answers.ask(placement_spread)
    text = " ".join([found.document()["definition"], *found.document().get("warnings", [])])
    return html.Div([chart("topology-spread", found.figure(), text, dark=dark, wide=True)], className="charts")
