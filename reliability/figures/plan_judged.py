"""Formulas against the simulation, over the size of the run."""

from __future__ import annotations

import math

import plotly.graph_objects as go

from reliability.analyses.plan_judged import Judged
from reliability.figures.theme import BLUE, GREEN, GREY, ORANGE, finished, new_figure


def judged_figure(judged: Judged) -> go.Figure:
    """Draw the ETTR by each formula as a line and the simulated one as points with their Monte Carlo interval.

    Parameters
    ----------
    judged
        Answer of :func:`reliability.analyses.plan_judged.judged`.
    """
    rows = judged.rows()
    gpus = [row["gpus"] for row in rows]
    replicas = judged.runs[0].replicas
    figure = new_figure(
        "Formulas against a simulation", f"{replicas:,} simulated runs of each size · all else as planned"
    )
    for name, text, colour in (
        ("v1", "v1", BLUE),
        ("v2", "v2", ORANGE),
        ("exact", "exact", GREEN),
    ):
        if rows[0][f"ettr_{name}"] is None:
            continue
        figure.add_trace(
            go.Scatter(
                x=gpus,
                y=[row[f"ettr_{name}"] for row in rows],
                mode="lines",
                name=text,
                line={"color": colour, "width": 2.2},
                customdata=[_percent(row[f"error_{name}"]) for row in rows],
                hovertemplate=f"{text}: %{{y:.3f}} at %{{x:,}} GPUs, %{{customdata}} of the simulation<extra></extra>",
            )
        )
    figure.add_trace(
        go.Scatter(
            x=gpus,
            y=[row["ettr_simulated"] for row in rows],
            mode="markers",
            name="simulated",
            marker={"color": GREY, "size": 8, "symbol": "diamond"},
            error_y={
                "type": "data",
                "symmetric": False,
                "array": [row["ettr_simulated_high"] - row["ettr_simulated"] for row in rows],
                "arrayminus": [row["ettr_simulated"] - row["ettr_simulated_low"] for row in rows],
                "color": GREY,
                "thickness": 1.2,
            },
            hovertemplate="simulated: %{y:.3f} at %{x:,} GPUs<extra></extra>",
        )
    )
    figure.update_xaxes(title={"text": "GPUs"}, type="log", dtick=None)
    figure.update_xaxes(tickvals=[2**power for power in range(6, 24, 2)], tickformat=",")
    figure.update_xaxes(range=[math.log10(gpus[0]) - 0.05, math.log10(gpus[-1]) + 0.05])
    figure.update_yaxes(title={"text": "ETTR"}, range=[0, 1.02], tickformat=".1f")
    return finished(figure.update_layout(height=430, showlegend=True))


def _percent(error: float | None) -> str:
    return "–" if error is None else f"{error:+.1%}"
