"""What to expect of a run: ETTR over the checkpoint interval, and over the size of the run."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import plotly.graph_objects as go

from models.goodput.closed_forms import expected_ettr_v1, expected_ettr_v2
from models.goodput.run_plan import RunPlan
from reliability.analyses.plan import FailureRate, Plan
from reliability.figures.theme import BLUE, ORANGE, finished, new_figure, percent, plural, translucent

_POINTS: Final = 160


@dataclass(frozen=True, slots=True)
class _Form:
    name: str
    colour: str
    ettr: Callable[[RunPlan], float]


_V1: Final = _Form("v1: writes free, queue waits counted", BLUE, expected_ettr_v1)
_V2: Final = _Form("v2: writes counted", ORANGE, expected_ettr_v2)


def plan_figure(plan: Plan) -> go.Figure:
    """Draw the expected ETTR over the checkpoint interval, with the planned interval and the optimum.

    Parameters
    ----------
    plan
        Answer of :func:`reliability.analyses.plan.plan`.

    Returns
    -------
    plotly.graph_objects.Figure
        Bands are drawn where the failure rate was measured.
    """
    figure = new_figure(f"Expected ETTR of {plan.gpus:,} GPUs over the checkpoint interval", _subtitle(plan))
    planned = plan.run.checkpoint_interval_seconds / 60
    marks = [planned, plan.interval_v2_optimal_minutes or planned]
    first, last = min(1.0, *(mark / 3 for mark in marks)), max(240.0, *(mark * 3 for mark in marks))
    minutes = np.geomspace(first, last, _POINTS)

    def run_at(minute: float, per_1000_node_days: float) -> RunPlan:
        return replace(
            plan.run, checkpoint_interval_seconds=minute * 60, failures_per_node_day=per_1000_node_days / 1000
        )

    for form in _forms(plan):
        _draw(figure, form, minutes, plan.rate, run_at, "%{x:.3g} min")
    figure.update_xaxes(
        title={"text": "checkpoint interval (minutes)"}, type="log", range=[math.log10(first), math.log10(last)]
    )
    figure.update_xaxes(dtick=None, tickvals=_round_numbers(first, last))
    _mark(figure, planned, f"planned {planned:.3g} min")
    if plan.interval_v2_optimal_minutes:
        _mark(
            figure, plan.interval_v2_optimal_minutes, f"v2 optimum {plan.interval_v2_optimal_minutes:.3g} min", up=0.07
        )
    return _over_ettr(figure)


def size_figure(plan: Plan) -> go.Figure:
    """Draw the expected ETTR over the number of GPUs, all else as planned.

    Parameters
    ----------
    plan
        Answer of :func:`reliability.analyses.plan.plan`.
    """
    figure = new_figure("Expected ETTR over the size of the run", _subtitle(plan))
    first, last = min(64, plan.gpus), max(131_072, 2 * plan.gpus)
    gpus = np.geomspace(first, last, _POINTS)

    def run_at(count: float, per_1000_node_days: float) -> RunPlan:
        return replace(
            plan.run, nodes=math.ceil(count / plan.gpus_per_node), failures_per_node_day=per_1000_node_days / 1000
        )

    for form in _forms(plan):
        _draw(figure, form, gpus, plan.rate, run_at, "%{x:,.0f} GPUs")
    figure.update_xaxes(title={"text": "GPUs"}, type="log", range=[math.log10(first), math.log10(last)])
    figure.update_xaxes(tickvals=[2**power for power in range(6, 24, 2)], tickformat=",")
    _mark(figure, plan.gpus, f"planned {plan.gpus:,}")
    return _over_ettr(figure)


def _forms(plan: Plan) -> tuple[_Form, ...]:
    return (_V1,) if plan.run.checkpoint_write_seconds is None else (_V1, _V2)


def _draw(
    figure: go.Figure,
    form: _Form,
    x: Sequence[float] | np.ndarray,
    rate: FailureRate,
    run_at: Callable[[float, float], RunPlan],
    at: str,
) -> None:
    def curve(per_1000_node_days: float) -> list[float]:
        return [form.ettr(run_at(float(value), per_1000_node_days)) for value in x]

    if rate.low is not None and rate.high is not None:
        edge = {
            "mode": "lines",
            "line": {"width": 0},
            "showlegend": False,
            "hoverinfo": "skip",
            "legendgroup": form.name,
        }
        figure.add_trace(go.Scatter(x=x, y=curve(rate.high), **edge))
        figure.add_trace(go.Scatter(x=x, y=curve(rate.low), fill="tonexty", fillcolor=translucent(form.colour), **edge))
    figure.add_trace(
        go.Scatter(
            x=x,
            y=curve(rate.per_1000_node_days),
            mode="lines",
            name=form.name,
            legendgroup=form.name,
            line={"color": form.colour, "width": 2.4, "simplify": False},
            hovertemplate=f"ETTR %{{y:.3f}} at {at}<extra></extra>",
        )
    )


def _mark(figure: go.Figure, value: float, text: str, up: float = 0.0) -> None:
    first, last = figure.layout.xaxis.range
    near_the_end = math.log10(value) > first + 0.7 * (last - first)
    figure.add_shape(type="line", x0=value, x1=value, y0=0, y1=1, yref="paper", line={"dash": "dot"})
    figure.add_annotation(
        x=math.log10(value),
        y=up,
        yref="paper",
        yanchor="bottom",
        xanchor="right" if near_the_end else "left",
        xshift=-5 if near_the_end else 5,
        text=text,
    )


def _over_ettr(figure: go.Figure) -> go.Figure:
    figure.update_yaxes(title={"text": "expected ETTR"}, range=[0, 1.02], tickformat=".1f")
    return finished(figure.update_layout(height=430, showlegend=True))


def _subtitle(plan: Plan) -> str:
    rate = plan.rate
    text = f"{rate.per_1000_node_days:.3g} failures per 1000 node-days"
    if rate.failures is None or rate.exposure_node_days is None or rate.confidence is None:
        return f"{text}, given · first order in small losses"
    measured = f"{plural(rate.failures, 'failure')} in {plural(rate.exposure_node_days, 'node-day')}"
    return f"{text}, measured: {measured} · band: its {percent(rate.confidence)} interval"


def _round_numbers(first: float, last: float) -> list[float]:
    candidates = [digit * 10.0**power for power in range(-3, 6) for digit in (1, 2, 5)]
    return [number for number in candidates if first <= number <= last]
