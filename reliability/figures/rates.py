"""Failure rates as points with their intervals."""

from __future__ import annotations

from math import ceil
from typing import Final

import plotly.graph_objects as go

from reliability.analyses.rate_question import FAILURE_GROUPS, ORDERED_GROUPS
from reliability.analyses.rates import GroupRate, Rates
from reliability.figures.theme import BLUE, finished, label, new_figure, percent, plural

_MOST_ROWS: Final = 40


def rates_figure(rates: Rates) -> go.Figure:
    """Draw the rates of an answer, one point per group with its interval; groups with an order from left to right.

    Groups without a failure are drawn as what they are: an upper bound, an open mark with a bar down to zero. Of more
    than 40 groups without an order of their own the 40 worst are drawn, and the subtitle says so.

    Parameters
    ----------
    rates
        Answer of :func:`reliability.analyses.rates.rates`.

    Returns
    -------
    plotly.graph_objects.Figure
        Rates per 1000 days of exposure.
    """
    in_order = rates.by in ORDERED_GROUPS
    exposed = [group for group in rates.groups if group.estimate is not None]
    drawn = exposed if in_order else exposed[:_MOST_ROWS]
    figure = new_figure(_title(rates), _subtitle(rates, len(drawn)))
    failed = [(row, group) for row, group in enumerate(drawn) if group.failures]
    quiet = [(row, group) for row, group in enumerate(drawn) if not group.failures]
    if failed:
        figure.add_trace(_points(rates, failed, in_order=in_order))
    if quiet:
        figure.add_trace(_bounds(rates, quiet, _top(drawn), in_order=in_order))
    value_axis = {
        "title": {"text": f"{_noun(rates)}s per 1000 {rates.unit}-days"},
        "range": [0, 1.08 * _top(drawn)],
    }
    names = [label(group.group) for group in drawn]
    if in_order:
        every = ceil(len(names) / 7)
        figure.update_xaxes(tickvals=list(range(0, len(names), every)), ticktext=names[::every], showgrid=False)
        figure.update_xaxes(range=[-0.6, len(names) - 0.4])
        return finished(figure.update_yaxes(value_axis).update_layout(showlegend=bool(failed and quiet)))
    figure.update_yaxes(
        tickvals=list(range(len(names))), ticktext=names, range=[len(names) - 0.4, -0.6], showgrid=False
    )
    height = 150 + 28 * max(4, len(names))
    return finished(figure.update_xaxes(value_axis).update_layout(showlegend=bool(failed and quiet), height=height))


def _top(groups: list[GroupRate]) -> float:
    """Return where the axis ends: a group hardly exposed and without a failure must not flatten all the others."""
    highs = [(group.failures > 0, group.estimate.high_per_1000_days) for group in groups if group.estimate is not None]
    return max((high for failed, high in highs if failed), default=max((high for _, high in highs), default=1.0))


def _points(rates: Rates, rows: list[tuple[int, GroupRate]], *, in_order: bool) -> go.Scatter:
    estimates = [group.estimate for _, group in rows if group.estimate is not None]
    values = [estimate.rate_per_1000_days for estimate in estimates]
    error = {
        "type": "data",
        "symmetric": False,
        "array": [estimate.high_per_1000_days - estimate.rate_per_1000_days for estimate in estimates],
        "arrayminus": [estimate.rate_per_1000_days - estimate.low_per_1000_days for estimate in estimates],
        "thickness": 2,
        "width": 0,
        "color": BLUE,
    }
    return _marks(rates, rows, values, error, in_order=in_order, name="estimate with interval", symbol="circle")


def _bounds(rates: Rates, rows: list[tuple[int, GroupRate]], top: float, *, in_order: bool) -> go.Scatter:
    highs = [min(top, group.estimate.high_per_1000_days) for _, group in rows if group.estimate is not None]
    error = {
        "type": "data",
        "symmetric": False,
        "array": [0.0] * len(highs),
        "arrayminus": highs,
        "thickness": 1,
        "width": 0,
        "color": BLUE,
    }
    symbol = "triangle-down-open" if in_order else "triangle-left-open"
    return _marks(
        rates, rows, highs, error, in_order=in_order, name="no failure: upper bound, or beyond", symbol=symbol
    )


def _marks(
    rates: Rates,
    rows: list[tuple[int, GroupRate]],
    values: list[float],
    error: dict[str, object],
    *,
    in_order: bool,
    name: str,
    symbol: str,
) -> go.Scatter:
    positions = [row for row, _ in rows]
    axes = (
        {"x": positions, "y": values, "error_y": error} if in_order else {"x": values, "y": positions, "error_x": error}
    )
    return go.Scatter(
        **axes,
        mode="markers",
        name=name,
        marker={"color": BLUE, "size": 9, "symbol": symbol},
        customdata=[_hover(rates, group) for _, group in rows],
        hovertemplate="<b>%{customdata[0]}</b><br>%{customdata[1]}<br>%{customdata[2]}<extra></extra>",
    )


def _hover(rates: Rates, group: GroupRate) -> list[str]:
    estimate = group.estimate
    if estimate is None:
        return [label(group.group), "", ""]
    interval = f"{estimate.low_per_1000_days:.3g}–{estimate.high_per_1000_days:.3g}, {percent(rates.confidence)}"
    rate = f"{estimate.rate_per_1000_days:.3g} ({interval}) per 1000 {rates.unit}-days"
    counted = f"{plural(group.failures, _noun(rates))} in {plural(group.exposure_days, f'{rates.unit}-day')}"
    return [label(group.group, 60), rate, counted]


def _title(rates: Rates) -> str:
    of = {"node": "Unplanned outages of nodes", "attempt": "Infrastructure failures of job attempts"}
    title = of.get(rates.of, f"Failures of {rates.of} components")
    return title if rates.by is None else f"{title} by {label(rates.by.replace('_', ' '))}"


def _subtitle(rates: Rates, drawn: int) -> str:
    failures = sum(group.failures for group in rates.groups)
    # Groups of a failure (component, symptom, domain) share one exposure, every other group has its own.
    shared = rates.by in FAILURE_GROUPS
    exposures = [group.exposure_days for group in rates.groups]
    exposure = max(exposures) if shared else sum(exposures)
    parts = [
        f"{plural(failures, _noun(rates))} in {plural(exposure, f'{rates.unit}-day')}",
        f"{percent(rates.confidence)} {rates.interval} Poisson intervals",
    ]
    if drawn < len(rates.groups):
        parts.append(f"the worst {drawn} of {len(rates.groups):,} groups")
    return " · ".join(parts)


def _noun(rates: Rates) -> str:
    return "outage" if rates.of == "node" else "failure"
