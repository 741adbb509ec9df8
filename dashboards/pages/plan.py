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
from dashboards.components import answered, chart, heading, notice, tile, tiles
from dashboards.pages.page import Page, keep_in_address
from reliability.analyses.plan import FailureRate, Plan, measured_rate, plan
from reliability.errors import NoDataError
from reliability.figures.plan import plan_figure, size_figure
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
    Control("restart", "Restart overhead (min)", 0, 60, 1, 5),
    Control("queue", "Queue wait (min)", 0, 240, 1, 0),
    Control("gpus_per_node", "GPUs per node", 1, 16, 1, 8),
)


def layout(answers: Answers, query: Mapping[str, str]) -> Component:
    """Return the page with its controls set from the address, and the rate, if not in it, from the lake."""
    rate = _lake_rate(answers)
    start = {control.name: number_in(query, control.name, control.low, control.high) for control in CONTROLS}
    defaults = {**{control.name: control.default for control in CONTROLS}, "rate": _offered(rate)}
    values = {name: defaults[name] if given is None else given for name, given in start.items()}
    return html.Div(
        [
            heading(PAGE.title, PAGE.description),
            dcc.Store(id="plan-address"),
            html.Div(
                [
                    dmc.Paper(
                        [*(_control(control, values[control.name]) for control in CONTROLS), _rate_note(rate)],
                        className="card controls",
                    ),
                    html.Div(id="plan-content", className="plan-content"),
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

    @app.callback(
        Output("plan-content", "children"),
        Output("plan-address", "data"),
        inputs={
            "values": {control.name: Input(control.number_id, "value") for control in CONTROLS},
            "scheme": Input("scheme", "data"),
        },
    )
    def show(values: dict[str, Any], scheme: str | None) -> tuple[Any, Any]:
        # A number is "" while somebody types it.
        if scheme is None or not all(isinstance(value, int | float) for value in values.values()):
            return no_update, no_update
        rate = _lake_rate(answers)
        content = answered(lambda: _content(_planned(values, rate), dark=scheme == "dark"))
        defaults = {control.name: control.default for control in CONTROLS} | {"rate": _offered(rate)}
        return content, write_query({name: value for name, value in values.items() if value != defaults[name]})


def _planned(values: Mapping[str, float], measured: FailureRate | None) -> Plan:
    """Ask for the plan. The rate as offered means the measured one, all its digits and its interval with it."""
    is_measured = measured is not None and bool(measured.failures) and values["rate"] == _offered(measured)
    return plan(
        int(values["gpus"]),
        measured if measured is not None and is_measured else FailureRate(values["rate"]),
        gpus_per_node=int(values["gpus_per_node"]),
        checkpoint_interval_seconds=60 * values["interval"],
        restart_overhead_seconds=60 * values["restart"],
        queue_wait_seconds=60 * values["queue"],
        checkpoint_write_seconds=60 * values["write"],
    )


def _content(planned: Plan, *, dark: bool) -> Component:
    found = planned.document()
    definition = found["definition"]
    best = f"ETTR v2 there {number(planned.ettr_v2_at_optimum)}"
    per_day = f"{number(found['failures_per_day'])} failures a day on {plural(planned.run.nodes, 'node')}"
    return html.Div(
        [
            *(notice(f"{warning[:1].upper()}{warning[1:]}.", colour="orange") for warning in planned.warnings),
            tiles(
                [
                    tile(
                        "plan-mttf",
                        "MTTF of the run (h)",
                        number(planned.mttf_hours),
                        _limits(found, "mttf_low_hours", "mttf_high_hours") or per_day,
                    ),
                    tile(
                        "plan-ettr-v1",
                        "Expected ETTR, v1",
                        _ettr(planned.ettr_v1),
                        _limits(found, "ettr_v1_low", "ettr_v1_high") or "writes free, queue counted",
                    ),
                    tile(
                        "plan-ettr-v2",
                        "Expected ETTR, v2",
                        _ettr(planned.ettr_v2),
                        _limits(found, "ettr_v2_low", "ettr_v2_high") or "writes counted",
                    ),
                    tile(
                        "plan-optimum", "Best interval for v2 (min)", number(planned.interval_v2_optimal_minutes), best
                    ),
                    tile(
                        "plan-young",
                        "Young's interval (min)",
                        number(planned.interval_young_minutes),
                        "√(2 · write · MTTF)",
                    ),
                    tile("plan-daly", "Daly's interval (min)", number(planned.interval_daly_minutes), "higher order"),
                ]
            ),
            html.Div(
                [
                    chart("plan-curve", plan_figure(planned), definition, dark=dark),
                    chart("plan-sizes", size_figure(planned), definition, dark=dark),
                ],
                className="charts",
            ),
        ]
    )


def _ettr(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _limits(found: Mapping[str, Any], low: str, high: str) -> str:
    if found["confidence"] is None:
        return ""
    return f"{number(found[low])}–{number(found[high])} ({percent(found['confidence'])})"


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
    "/plan", "Plan a run", "MTTF, expected ETTR and the checkpoint interval of a training run.", layout, register
)
