"""What-if on the past: the goodput ledger as it was, and as it would have been with a lever set otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import dash_mantine_components as dmc
from dash import Dash, Input, Output, html, no_update
from dash.development.base_component import Component

from dashboards.address import day_in, number_in, window_of, write_query
from dashboards.answers import Answers
from dashboards.components import answered, chart, grid, notice, page_frame, period_input, tile, tiles
from dashboards.pages.page import Page, keep_in_address
from reliability.analyses.replay import Replay, replay
from reliability.analyses.replay_levers import NAMED_BY, Levers
from reliability.figures.replay import levers_figure, replay_figure
from reliability.figures.theme import percent


@dataclass(frozen=True, slots=True)
class Time:
    """A lever that is a time, typed in its own unit; an empty field leaves it as it was."""

    lever: str
    label: str
    unit_seconds: float
    least: float = 0.0
    most: float = 10_000.0


TIMES: Final = (
    Time("checkpoint_interval", "Checkpoint interval (min)", 60.0, least=0.1),
    Time("checkpoint_write", "Checkpoint write (s)", 1.0),
    Time("checkpoint_stall", "of it standing still (s)", 1.0),
    Time("restart_overhead", "Restart (min)", 60.0),
    Time("detection", "Detection (s)", 1.0),
)
SWITCHES: Final = {"dual_tor": "Dual ToR", "no_preemption_after_failure": "No preemption after failure"}
_DRAINS: Final = {"": "as they were", **{name: f"drained, named by the {name}" for name in NAMED_BY}}
_COLUMNS: Final = (
    ("bucket", "Bucket", 190),
    ("then_hours", "Then (h)", 130),
    ("now_hours", "Now (h)", 130),
    ("difference_hours", "Difference (h)", 140),
    ("interval", "Interval", 240),
)


def layout(answers: Answers, query: Mapping[str, str]) -> Component:
    """Return the page with its levers set from the address; without any, restarts of two minutes."""
    del answers
    given = {time.lever: number_in(query, time.lever, time.least, time.most) for time in TIMES}
    named = query.get("drain_lemons", "")
    if not set(query) & {*given, *SWITCHES, "drain_lemons"}:
        given["restart_overhead"] = 2.0
    levers: list[Component] = [
        dmc.NumberInput(
            id=f"replay-{time.lever}",
            label=time.label,
            value="" if given[time.lever] is None else given[time.lever],
            min=time.least,
            max=time.most,
            allowNegative=False,
            placeholder="as it was",
            debounce=400,
            w=190,
        )
        for time in TIMES
    ]
    levers.append(
        dmc.Select(
            id="replay-drain_lemons",
            label="Lemons",
            data=[{"value": value or "none", "label": text} for value, text in _DRAINS.items()],
            value=named if named in NAMED_BY else "none",
            allowDeselect=False,
            w=210,
        )
    )
    levers += [
        dmc.Switch(id=f"replay-{name}", label=text, checked=query.get(name) == "true", mt=24)
        for name, text in SWITCHES.items()
    ]
    period = period_input("replay-period", day_in(query, "from"), day_in(query, "to"))
    return page_frame(PAGE.title, PAGE.description, "replay", [*levers, period])


def register(app: Dash, answers: Answers) -> None:
    """Add the page's callbacks."""
    keep_in_address(app, "replay-address")

    @app.callback(
        Output("replay-content", "children"),
        Output("replay-address", "data"),
        inputs={
            "times": {time.lever: Input(f"replay-{time.lever}", "value") for time in TIMES},
            "switches": {name: Input(f"replay-{name}", "checked") for name in SWITCHES},
            "drain": Input("replay-drain_lemons", "value"),
            "period": Input("replay-period", "value"),
            "scheme": Input("scheme", "data"),
        },
    )
    def show(
        times: dict[str, Any],
        switches: dict[str, bool],
        drain: str,
        period: list[str | None] | None,
        scheme: str | None,
    ) -> tuple[Any, Any]:
        if scheme is None:
            return no_update, no_update
        first, last = period or (None, None)
        typed = {name: float(value) for name, value in times.items() if isinstance(value, int | float)}
        on = {name: True for name, is_on in switches.items() if is_on}
        named = drain if drain in NAMED_BY else None

        def build() -> Component:
            values: dict[str, Any] = {**on, "drain_lemons": named}
            values |= {time.lever: typed[time.lever] * time.unit_seconds for time in TIMES if time.lever in typed}
            levers = Levers(**values)
            if not levers.are_set:
                return notice("Set a lever above, and the past is counted anew.")
            return _content(answers.ask(replay, levers, **window_of(first, last)), dark=scheme == "dark")

        state = {**typed, "drain_lemons": named, **dict.fromkeys(on, "true"), "from": first, "to": last}
        return answered(build), write_query(state)


def _content(found: Replay, *, dark: bool) -> Component:
    gained, lost = found.productive, [change for change in found.buckets if change.bucket.startswith("lost_")]
    then, now = sum(change.then_hours for change in lost), sum(change.now_hours for change in lost)
    capacity = found.capacity_hours
    sentences = [f"{effect.assumption}." for effect in found.effects]
    return html.Div(
        [
            *(notice(f"{warning[:1].upper()}{warning[1:]}.", colour="orange") for warning in found.warnings),
            tiles(
                [
                    tile(
                        "replay-productive",
                        f"Productive {found.unit_name}-hours",
                        f"{gained.difference_hours:+,.0f}",
                        f"{gained.low_hours:+,.0f} to {gained.high_hours:+,.0f} ({percent(found.confidence)})",
                    ),
                    tile(
                        "replay-share",
                        "of capacity",
                        f"{gained.difference_hours / capacity:+.2%}",
                        f"of {capacity:,.0f} {found.unit_name}-hours",
                    ),
                    tile("replay-lost", "Lost hours", f"{now:,.0f}", f"then {then:,.0f}"),
                    tile("replay-spared", "Attempts spared their end", f"{found.attempts_spared:,}", _drained(found)),
                ]
            ),
            html.Div(
                [
                    chart("replay-buckets", replay_figure(found), found.definition, dark=dark),
                    chart("replay-levers", levers_figure(found), " ".join(sentences), dark=dark),
                ],
                className="charts",
            ),
            _table(found, "dark" if dark else "light"),
            html.Div(
                dmc.Paper(
                    [
                        html.H2("What each lever assumes", className="card-title"),
                        html.Ul([html.Li(sentence) for sentence in sentences]),
                    ],
                    className="card wide",
                    id="replay-assumptions",
                ),
                className="charts",
            ),
        ]
    )


def _drained(found: Replay) -> str:
    return f"{len(found.drained):,} nodes drained" if found.drained else "no node drained"


def _bounds(low: float, high: float) -> str:
    """Return an interval; a dash where the difference does not hang on failures and is certain."""
    return "–" if low == high else f"{low:+,.1f} to {high:+,.1f}"


def _table(found: Replay, scheme: str) -> Component:
    rows = [
        {
            **{name: round(value, 1) if isinstance(value, float) else value for name, value in row.items()},
            "bucket": row["bucket"].replace("_", " "),
            "interval": _bounds(row["difference_low_hours"], row["difference_high_hours"]),
        }
        for row in found.rows()
    ]
    columns = [
        {"field": field, "headerName": name, "width": width, **({"type": "rightAligned"} if "hours" in field else {})}
        for field, name, width in _COLUMNS
    ]
    card: Component = dmc.Paper(
        [
            html.H2(f"The ledger then and now, {found.unit_name}-hours", className="card-title"),
            grid("replay-grid", rows, columns, scheme, height=None),
        ],
        className="card",
    )
    return card


PAGE = Page("/what-if", "What if", "The goodput ledger of the past, had a lever stood otherwise.", layout, register)
