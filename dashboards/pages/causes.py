"""What fails and why: causes, what comes together, Xids of programs, and the verdict on one job."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import dash_mantine_components as dmc
from dash import Dash, Input, Output, dcc, html, no_update
from dash.development.base_component import Component

from dashboards.address import day_in, window_of, write_query
from dashboards.answers import Answers
from dashboards.components import answered, chart, heading, notice, period_input
from dashboards.pages.page import Page, keep_in_address
from reliability.analyses.causes import causes, job_verdict
from reliability.analyses.companions import Companion, companions
from reliability.figures.causes import cause_name
from reliability.figures.companions import kind_name
from reliability.figures.theme import plural
from reliability.report.numbers import count, day, interval, number

_MOST_ROWS = 12


def layout(answers: Answers, query: Mapping[str, str]) -> Component:
    """Return the page with its filters set from the address."""
    del answers
    return html.Div(
        [
            dmc.Group(
                [
                    heading(PAGE.title, PAGE.description),
                    dmc.Group(
                        [
                            dmc.TextInput(
                                id="causes-job",
                                label="Was it the infrastructure?",
                                placeholder="job id",
                                value=query.get("job", ""),
                                debounce=600,
                                w=200,
                            ),
                            period_input("causes-period", day_in(query, "from"), day_in(query, "to")),
                        ]
                    ),
                ],
                justify="space-between",
                align="flex-end",
                mb="md",
            ),
            dcc.Store(id="causes-address"),
            dcc.Loading(html.Div(id="causes-verdict"), delay_show=300, type="dot"),
            dcc.Loading(html.Div(id="causes-content"), delay_show=300, type="dot"),
        ],
        className="page",
    )


def register(app: Dash, answers: Answers) -> None:
    """Add the page's callbacks."""
    keep_in_address(app, "causes-address")

    @app.callback(
        Output("causes-content", "children"),
        Input("causes-period", "value"),
        Input("scheme", "data"),
    )
    def show(period: list[str | None] | None, scheme: str | None) -> Any:  # noqa: ANN401 - a component or no update
        first, last = period or (None, None)
        if scheme is None or (first is None) != (last is None):
            return no_update
        return answered(lambda: _content(answers, window_of(first, last), dark=scheme == "dark"))

    @app.callback(
        Output("causes-verdict", "children"),
        Input("causes-job", "value"),
        Input("scheme", "data"),
    )
    def judge(job: str | None, scheme: str | None) -> Any:  # noqa: ANN401 - a component or no update
        if scheme is None:
            return no_update
        asked = (job or "").strip()
        return answered(partial(_verdict, answers, asked, dark=scheme == "dark")) if asked else None

    @app.callback(Output("causes-address", "data"), Input("causes-job", "value"), Input("causes-period", "value"))
    def remember(job: str | None, period: list[str | None] | None) -> str:
        first, last = period or (None, None)
        return write_query({"job": (job or "").strip() or None, "from": first, "to": last})


def _verdict(answers: Answers, job: str, *, dark: bool) -> Component:
    found = answers.ask(job_verdict, job)
    sentences = [attempt["verdict"] for attempt in found.attempts if attempt["verdict"]]
    evidence = [
        (
            str(sign["attempt"]),
            sign["node"],
            f"{sign['seconds_after_end']:.0f} s",
            count(sign["lines"]),
            cause_name(sign["symptom"]),
            sign["code"] or "–",
            sign["message"] or "–",
        )
        for sign in found.evidence
    ]
    heads = ("attempt", "node", "after the end", "lines", "symptom", "sign", "first line")
    return html.Div(
        [
            dmc.Alert(
                [html.Div(text) for text in sentences] or "No attempt of this job failed.",
                id="causes-sentences",
                variant="light",
                radius="md",
                className="notice",
            ),
            html.Div(
                [
                    chart("causes-job-figure", found.figure(), _JOB_DEFINITION, dark=dark, wide=True),
                    _table("Evidence", "Every sign in the window around an end", heads, evidence, wide=True),
                ],
                className="charts",
            ),
        ]
    )


def _content(answers: Answers, window: dict[str, Any], *, dark: bool) -> Component:
    found = answers.ask(causes, **window)
    beside = answers.ask(companions, **window)
    charts = []
    if found.infrastructure_failures:
        charts.append(chart("causes-rates", found.figure(), found.definition, dark=dark))
    if beside.co_occurrence:
        charts.append(chart("causes-together", beside.figure(), beside.definition, dark=dark))
    domains = [
        (
            item.domain.replace("_", " "),
            count(item.failures),
            _percents(item.share.share, item.share.low, item.share.high),
        )
        for item in found.domains
    ]
    unattributed = found.unattributed_share
    silent = (
        f", {unattributed.share:.1%} of them ({unattributed.low:.1%}–{unattributed.high:.1%}) unattributed"
        if unattributed
        else ""
    )
    return html.Div(
        [
            notice(
                f"{plural(found.infrastructure_failures, 'infrastructure failure')}{silent}, in "
                f"{plural(beside.failure_events, 'independent event')}. Trouble of "
                f"{plural(beside.joins, 'node')} was joined to another node's by time; chance alone would join "
                f"{number(beside.expected_joins)}."
            ),
            *(notice(f"{text[:1].upper()}{text[1:]}.", colour="yellow") for text in beside.warnings),
            html.Div(
                [
                    *charts,
                    _table("By domain", "Share of all failures", ("domain", "failures", "share"), domains),
                    _table(
                        "Cascades",
                        "An incident of the second kind begins after one of the first, on the same node",
                        ("first", "then", "of incidents", "probability", "above chance"),
                        [_cascade(pair) for pair in beside.cascades[:_MOST_ROWS]],
                    ),
                    _table(
                        "Application Xids",
                        "Not held against hardware: user programs cause them",
                        ("code", "incidents", "lines", "nodes", "first line"),
                        [
                            (
                                kind_name(row["code"]),
                                count(row["incidents"]),
                                count(row["lines"]),
                                count(row["nodes"]),
                                row["message"],
                            )
                            for row in beside.application_xids
                        ],
                    ),
                    _table(
                        "Events of several nodes",
                        "Joined by coincidence in time alone",
                        ("began (UTC)", "symptom", "nodes", "attempts ended", "outages", "span (s)"),
                        [
                            (
                                day(event["from_utc"]),
                                cause_name(event["symptom"]),
                                count(event["node_count"]),
                                count(event["attempts_ended"]),
                                count(event["outages"]),
                                number(event["onset_span_seconds"]),
                            )
                            for event in beside.largest_events
                        ],
                    ),
                ],
                className="charts",
            ),
        ]
    )


def _cascade(pair: Companion) -> tuple[str, ...]:
    share, found = pair.found.share, pair.found
    return (
        kind_name(pair.kind),
        kind_name(pair.other),
        f"{count(share.k)} of {count(share.n)}",
        _percents(share.share, share.low, share.high),
        _percents(found.excess, found.excess_low, found.excess_high),
    )


def _table(
    title: str, text: str, columns: tuple[str, ...], rows: Sequence[tuple[str, ...]], *, wide: bool = False
) -> Component:
    body: Component = (
        html.Div(
            dmc.Table(
                data={"head": list(columns), "body": [list(row) for row in rows]},
                striped=True,
                fz="xs",
                className="rows",
            ),
            className="scrolled",
        )
        if rows
        else dmc.Text("None seen.", size="sm")
    )
    made: Component = dmc.Paper(
        [html.H2(title, className="card-title"), dmc.Text(text, size="xs", c="dimmed"), body],
        className="card wide" if wide else "card",
    )
    return made


def _percents(share: float, low: float, high: float) -> str:
    return f"{interval(100 * share, 100 * low, 100 * high)} %"


_JOB_DEFINITION = (
    "Attempts with the signs from 10 min before to 5 min after their ends. The probability: odds of an infrastructure "
    "failure, from the run time and the user's own failures, times the likelihood ratio of the sign against chance."
)
PAGE = Page(
    "/causes", "Causes", "What fails, what comes together, and whether it was the infrastructure.", layout, register
)
