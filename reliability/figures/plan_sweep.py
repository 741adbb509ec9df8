"""Expected ETTR over whatever a sweep varies."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import plotly.graph_objects as go

from reliability.analyses.plan_sweep import Sweep
from reliability.figures.theme import BLUE, GREEN, ORANGE, finished, new_figure, percent, plural, translucent

#: values that have room under the axis
_MOST_TICKS: Final = 9


def sweep_figure(sweep: Sweep) -> go.Figure:
    """Draw the expected ETTR of every plan of a sweep, exact and in both closed forms.

    Parameters
    ----------
    sweep
        Answer of :func:`reliability.analyses.plan_sweep.sweep`.

    Returns
    -------
    plotly.graph_objects.Figure
        The band of the exact ETTR is drawn where the failure rate was counted.
    """
    figure = new_figure(f"Expected ETTR over {sweep.swept.label}", _subtitle(sweep))
    rows = sweep.rows()
    x = [row[sweep.swept.column] for row in rows]
    if rows[0]["ettr_low"] is not None:
        edge = {"mode": "lines", "line": {"width": 0}, "showlegend": False, "hoverinfo": "skip"}
        figure.add_trace(go.Scatter(x=x, y=[row["ettr_low"] for row in rows], **edge))
        figure.add_trace(
            go.Scatter(x=x, y=[row["ettr_high"] for row in rows], fill="tonexty", fillcolor=translucent(GREEN), **edge)
        )
    for column, name, colour in (
        ("ettr_v1", "v1", BLUE),
        ("ettr_v2", "v2", ORANGE),
        ("ettr_exact", "exact", GREEN),
        ("ettr_at_exact_interval", "exact, best interval", GREEN),
    ):
        y = [row[column] for row in rows]
        if all(value is None for value in y):
            continue
        at_best = column == "ettr_at_exact_interval"
        figure.add_trace(
            go.Scatter(
                x=x,
                y=y,
                mode="lines" if at_best else "lines+markers",
                name=name,
                line={"color": colour, "width": 2, "dash": "dot" if at_best else "solid"},
                marker={"size": 6},
                hovertemplate=f"{name}: %{{y:.3f}} at %{{x:,.4g}}<extra></extra>",
            )
        )
    figure.update_xaxes(title={"text": sweep.swept.label}, type="log", tickvals=_ticks(x), tickformat=",~g")
    figure.update_xaxes(dtick=None, range=[math.log10(x[0]) - 0.03, math.log10(x[-1]) + 0.03])
    figure.update_yaxes(title={"text": "expected ETTR"}, range=[0, 1.02], tickformat=".1f")
    return finished(figure.update_layout(height=430, showlegend=True))


def _subtitle(sweep: Sweep) -> str:
    planned = sweep.planned
    said = [f"{planned.gpus:,} GPUs"] if sweep.swept.name != "gpus" else []
    if sweep.swept.name == "r_f":
        return f"{said[0]}, all else as planned"
    said.append(f"{planned.rate.per_1000_node_days:.3g} failures per 1000 node-days")
    rate = planned.rate
    if rate.failures is None or rate.exposure_node_days is None or rate.confidence is None:
        return f"{', '.join(said)}, given"
    counted = f"{plural(rate.failures, 'failure')} in {plural(rate.exposure_node_days, 'node-day')}"
    return f"{', '.join(said)}: {counted} · band: {percent(rate.confidence)} interval of the exact ETTR"


def _ticks(x: Sequence[float]) -> list[float]:
    """Return the values themselves where they are few and short, else round numbers among them."""
    if len(x) <= _MOST_TICKS and all(float(f"{value:.3g}") == value or value == round(value) for value in x):
        return list(x)
    return [
        digit * 10.0**power for power in range(-6, 9) for digit in (1, 2, 5) if x[0] <= digit * 10.0**power <= x[-1]
    ]
