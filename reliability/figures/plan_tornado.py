"""Which number of the plan buys most: a tornado of expected ETTR."""

from __future__ import annotations

import plotly.graph_objects as go

from reliability.analyses.plan_sensitivity import Sensitivity
from reliability.figures.theme import GREEN, VERMILION, finished, new_figure

_ROW_PIXELS = 46


def tornado_figure(sensitivity: Sensitivity) -> go.Figure:
    """Draw the ETTR with each number of the plan halved and doubled, what buys most on top.

    Parameters
    ----------
    sensitivity
        Answer of :func:`reliability.analyses.plan_sensitivity.sensitivity`.
    """
    planned = sensitivity.ettr
    figure = new_figure(
        "What buys most",
        f"exact ETTR, {planned:.3f} as planned, with one number halved or doubled and the rest as planned",
    )
    factors = list(reversed(sensitivity.factors))
    names = [factor.label for factor in factors]
    for name, colour, values in (
        ("halved", GREEN, [factor.ettr_halved for factor in factors]),
        ("doubled", VERMILION, [factor.ettr_doubled for factor in factors]),
    ):
        figure.add_trace(
            go.Bar(
                y=names,
                x=[value - planned for value in values],
                base=planned,
                orientation="h",
                name=name,
                marker={"color": colour},
                customdata=[
                    (value, f"{value - planned:+.3f}", factor.shown)
                    for value, factor in zip(values, factors, strict=True)
                ],
                hovertemplate=f"%{{y}}, %{{customdata[2]}} {name}: ETTR %{{customdata[0]:.3f}} (%{{customdata[1]}})"
                "<extra></extra>",
            )
        )
    figure.add_shape(type="line", x0=planned, x1=planned, y0=0, y1=1, yref="paper", line={"dash": "dot"})
    figure.update_xaxes(title={"text": "expected ETTR"}, tickformat=".2f")
    figure.update_layout(barmode="overlay", bargap=0.35, height=170 + _ROW_PIXELS * max(2, len(factors)))
    return finished(figure.update_layout(showlegend=True))
