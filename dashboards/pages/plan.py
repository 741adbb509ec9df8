"""What a run would get: MTTF, expected ETTR, and how often to checkpoint."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import dash_mantine_components as dmc
from dash import ClientsideFunction, Dash, Input, Output, dcc, html, no_update
from dash.development.base_component import Component

from dashboards.address import number_in, write_query
from dashboards.answers import Answers
from dashboards.components import answered, heading
from dashboards.pages.page import Page, keep_in_address
from dashboards.pages.plan_fabric import NO_FABRIC, fabric_choices, fabric_results
from dashboards.pages.plan_results import comparisons, model_sentence, results
from models.transformer import PRESETS
from reliability.analyses.plan import FailureRate, Plan, measured_rate, plan
from reliability.analyses.plan_model import PlannedModel, planned_model
from reliability.analyses.plan_sweep import SWEPT
from reliability.errors import NoDataError
from reliability.figures.theme import percent, plural
from reliability.report.numbers import number

#: r_f of RSC-1 (Kokolis et al.): where a lake has no rate of its own
PUBLISHED_RATE: Final = 6.5


@dataclass(frozen=True, slots=True)
class Control:
    """A slider with a number beside it, both ``plan-NAME``; a logarithmic slider moves by powers of two."""

    name: str
    label: str
    low: float
    high: float
    step: float
    default: float
    decimals: int = 0
    logarithmic: bool = False

    @property
    def slider_id(self) -> str:
        """Id of the slider."""
        return f"plan-{self.name}"

    @property
    def number_id(self) -> str:
        """Id of the number, which is what counts."""
        return f"plan-{self.name}-number"

    def position(self, value: float) -> float:
        """Return where the slider stands for a value."""
        return math.log2(value) if self.logarithmic else value


CONTROLS: Final = (
    Control("gpus", "GPUs of the run", 8, 131_072, 1 / 8, 4096, logarithmic=True),
    Control("rate", "Failures per 1000 node-days", 0, 60, 0.1, PUBLISHED_RATE, decimals=2),
    Control("interval", "Checkpoint interval (min)", 1, 360, 1, 60),
    Control("write", "Checkpoint write (min)", 0, 30, 0.25, 2, decimals=2),
    Control("storage", "Storage (Gb/s)", 8, 65_536, 1 / 8, 2048, logarithmic=True),
    Control("restart", "Restart overhead (min)", 0, 60, 1, 5),
    Control("detection", "Detection (min)", 0, 60, 0.5, 0, decimals=1),
    Control("queue", "Queue wait (min)", 0, 240, 1, 0),
    Control("target", "ETTR wanted (%)", 50, 99, 1, 90),
    Control("days", "Days of work to be done", 1, 365, 1, 30),
    Control("gpus_per_node", "GPUs per node", 1, 16, 1, 8),
)
#: no model: the write time is that of its slider
NO_MODEL: Final = "none"
#: what is swept unless asked otherwise
SWEEP: Final = "checkpoint_write"
_MODELS: Final = {NO_MODEL: "none: the write time set below", **{name: name for name in sorted(PRESETS)}}
_SWEEPS: Final = {name: swept.label for name, swept in SWEPT.items()}
#: a list longer than this is searched by typing
_MANY: Final = 10


def layout(answers: Answers, query: Mapping[str, str]) -> Component:
    """Return the page with its controls set from the address, and the rate, if not in it, from the lake."""
    rate = _lake_rate(answers)
    start = {control.name: number_in(query, control.name, control.low, control.high) for control in CONTROLS}
    defaults = {**{control.name: control.default for control in CONTROLS}, "rate": _offered(rate)}
    values = {name: defaults[name] if given is None else given for name, given in start.items()}
    fabrics = fabric_choices(answers)
    choices = [
        _choice("model", "Model: its checkpoint over the storage", _MODELS, query.get("model"), NO_MODEL),
        html.Div(id="plan-model-note", className="control"),
        *(_control(control, values[control.name]) for control in CONTROLS),
        _rate_note(rate),
        _choice("sweep", "Sweep over", _SWEEPS, query.get("sweep"), SWEEP),
        _choice("fabric", "Put it into a fabric", fabrics, query.get("fabric"), NO_FABRIC),
        _choice("against", "Against another fabric", fabrics, query.get("against"), NO_FABRIC),
    ]
    return html.Div(
        [
            heading(PAGE.title, PAGE.description),
            dcc.Store(id="plan-address"),
            html.Div(
                [
                    dmc.Paper(choices, className="card controls"),
                    html.Div(
                        [
                            html.Div(id="plan-content", className="plan-content"),
                            dcc.Loading(html.Div(id="plan-fabric-content"), delay_show=300, type="dot"),
                            dcc.Loading(html.Div(id="plan-comparisons"), delay_show=300, type="dot"),
                        ]
                    ),
                ],
                className="plan",
            ),
        ],
        className="page",
    )


def register(app: Dash, answers: Answers) -> None:
    """Add the page's callbacks."""
    keep_in_address(app, "plan-address")
    for control in CONTROLS:
        app.clientside_callback(
            ClientsideFunction("plan", "pairByPowers" if control.logarithmic else "pair"),
            Output(control.slider_id, "value"),
            Output(control.number_id, "value"),
            Input(control.slider_id, "value"),
            Input(control.number_id, "value"),
            prevent_initial_call=True,
        )  # type: ignore[no-untyped-call]  # Dash ships it untyped
    numbers = {control.name: Input(control.number_id, "value") for control in CONTROLS}

    @app.callback(
        Output("plan-content", "children"),
        Output("plan-address", "data"),
        Output("plan-model-note", "children"),
        inputs={
            "values": numbers,
            "scheme": Input("scheme", "data"),
            "model": Input("plan-model", "value"),
            "swept": Input("plan-sweep", "value"),
            "fabric": Input("plan-fabric", "value"),
            "against": Input("plan-against", "value"),
        },
    )
    def show(
        values: dict[str, Any], scheme: str | None, model: str, swept: str, fabric: str, against: str
    ) -> tuple[Any, Any, Any]:
        if scheme is None or not _all_numbers(values):
            return no_update, no_update, no_update
        rate, chosen = _lake_rate(answers), _model(model)
        content = answered(
            lambda: results(
                _planned(values, rate, chosen),
                target_ettr=values["target"] / 100,
                days=values["days"],
                dark=scheme == "dark",
            )
        )
        defaults = {control.name: control.default for control in CONTROLS} | {"rate": _offered(rate)}
        changed = {name: value for name, value in values.items() if value != defaults[name]}
        changed |= {name: value for name, value, usual in _choices(model, swept, fabric, against) if value != usual}
        return content, write_query(changed), dmc.Text(model_sentence(chosen, values["storage"]), size="xs", c="dimmed")

    @app.callback(
        Output("plan-comparisons", "children"),
        inputs={
            "values": numbers,
            "scheme": Input("scheme", "data"),
            "model": Input("plan-model", "value"),
            "swept": Input("plan-sweep", "value"),
        },
    )
    def compare(values: dict[str, Any], scheme: str | None, model: str, swept: str) -> Any:  # noqa: ANN401 - components
        if scheme is None or not _all_numbers(values):
            return no_update
        rate, chosen = _lake_rate(answers), _model(model)
        return answered(
            lambda: html.Div(
                comparisons(_planned(values, rate, chosen), swept=swept, dark=scheme == "dark"), className="charts"
            )
        )

    @app.callback(
        Output("plan-fabric-content", "children"),
        inputs={
            "values": numbers,
            "scheme": Input("scheme", "data"),
            "model": Input("plan-model", "value"),
            "fabric": Input("plan-fabric", "value"),
            "against": Input("plan-against", "value"),
        },
    )
    def put(values: dict[str, Any], scheme: str | None, model: str, fabric: str, against: str) -> Any:  # noqa: ANN401 - components
        if scheme is None or not _all_numbers(values):
            return no_update
        rate, chosen = _lake_rate(answers), _model(model)
        return answered(lambda: fabric_results(answers, _planned(values, rate, chosen), fabric, against, scheme=scheme))

    @app.callback(Output("plan-against", "disabled"), Input("plan-fabric", "value"))
    def comparable(fabric: str) -> bool:
        return fabric == NO_FABRIC

    @app.callback(
        *(Output(f"plan-{name}", "disabled") for name in ("write", "write-number", "storage", "storage-number")),
        Input("plan-model", "value"),
    )
    def enable(model: str) -> tuple[bool, bool, bool, bool]:
        has_model = model != NO_MODEL
        return has_model, has_model, not has_model, not has_model


def _all_numbers(values: Mapping[str, Any]) -> bool:
    """Whether no number is being typed: it is "" meanwhile."""
    return all(isinstance(value, int | float) for value in values.values())


def _model(name: str) -> PlannedModel | None:
    return None if name == NO_MODEL else planned_model(name)


def _choices(model: str, swept: str, fabric: str, against: str) -> tuple[tuple[str, str, str], ...]:
    return (
        ("model", model, NO_MODEL),
        ("sweep", swept, SWEEP),
        ("fabric", fabric, NO_FABRIC),
        ("against", against, NO_FABRIC),
    )


def _planned(values: Mapping[str, float], measured: FailureRate | None, model: PlannedModel | None) -> Plan:
    """Ask for the plan. The rate as offered means the measured one, all its digits and its interval with it."""
    is_measured = measured is not None and bool(measured.failures) and values["rate"] == _offered(measured)
    return plan(
        int(values["gpus"]),
        measured if measured is not None and is_measured else FailureRate(values["rate"]),
        gpus_per_node=int(values["gpus_per_node"]),
        checkpoint_interval_seconds=60 * values["interval"],
        restart_overhead_seconds=60 * values["restart"],
        queue_wait_seconds=60 * values["queue"],
        detection_seconds=60 * values["detection"],
        checkpoint_write_seconds=60 * values["write"] if model is None else model.write_seconds(values["storage"]),
    )


def _choice(name: str, text: str, choices: Mapping[str, str], asked: str | None, usual: str) -> Component:
    made: Component = dmc.Select(
        id=f"plan-{name}",
        label=text,
        data=[{"value": value, "label": shown} for value, shown in choices.items()],
        value=asked if asked in choices else usual,
        allowDeselect=False,
        searchable=len(choices) > _MANY,
        size="xs",
    )
    return made


def _control(control: Control, value: float) -> Component:
    return html.Div(
        [
            dmc.Group(
                [
                    dmc.Text(control.label, size="sm", id=f"{control.slider_id}-label"),
                    dmc.NumberInput(
                        id=control.number_id,
                        value=value,
                        min=control.low,
                        max=control.high,
                        step=8 if control.logarithmic else control.step,
                        decimalScale=control.decimals,
                        allowNegative=False,
                        thousandSeparator=",",
                        hideControls=True,
                        clampBehavior="strict",
                        size="xs",
                        w=92,
                        className="control-number",
                        **{"aria-label": control.label},
                    ),
                ],
                justify="space-between",
                wrap="nowrap",
            ),
            dmc.Slider(
                id=control.slider_id,
                value=control.position(value),
                min=control.position(control.low),
                max=control.position(control.high),
                step=control.step,
                updatemode="drag",
                label=None,
                size="sm",
                thumbLabel=control.label,
            ),
        ],
        className="control",
    )


def _lake_rate(answers: Answers) -> FailureRate | None:
    try:
        return answers.ask(measured_rate)
    except NoDataError:
        return None


def _offered(rate: FailureRate | None) -> float:
    """Return the rate the slider starts with: the measured one, to the two digits that it shows."""
    if rate is None or not rate.failures:
        return PUBLISHED_RATE
    return round(rate.per_1000_node_days, 2)


def _rate_note(rate: FailureRate | None) -> Component:
    if rate is None or not rate.failures or rate.confidence is None:
        text = f"This lake has no failure rate of its own; {PUBLISHED_RATE} is that of RSC-1 (Kokolis et al.)."
    else:
        text = (
            f"Measured here: {number(rate.per_1000_node_days)} ({number(rate.low)}–{number(rate.high)}, "
            f"{percent(rate.confidence)}) failures per 1000 node-days, {rate.failures:,} in "
            f"{plural(rate.exposure_node_days or 0.0, 'node-day')}."
        )
    note: Component = dmc.Text(text, id="plan-measured", size="xs", c="dimmed")
    return note


PAGE = Page(
    "/plan", "Plan a run", "What a training run would get, when it is done, and what would buy most.", layout, register
)
