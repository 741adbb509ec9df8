"""Measured ETTR in its predicted distribution: flat bars, and a curve on the diagonal, where the prediction holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from models.goodput.calibration import empirical_curve
from reliability.figures.theme import BLUE, ORANGE, finished, new_figure, percent, plural

if TYPE_CHECKING:
    from reliability.analyses.ettr_calibration import EttrCalibration


def calibration_figure(found: EttrCalibration) -> go.Figure:
    """Draw the places of the runs as histogram and as curve.

    Parameters
    ----------
    found
        Answer of :func:`reliability.analyses.ettr_calibration.ettr_calibration`.

    Returns
    -------
    plotly.graph_objects.Figure
        Bars with what chance allows them (99.8% each), and the cumulative share beside the diagonal.
    """
    check, runs = found.check, len(found.runs)
    styled = new_figure(
        f"ETTR of long runs in its predicted distribution: {percent(check.inside.share)} inside the "
        f"{percent(check.band)} band",
        f"{plural(runs, 'run')} · exact interval {percent(check.inside.low)} to {percent(check.inside.high)} · bars "
        "stay between the lines if the prediction is right",
    )
    figure = make_subplots(rows=1, cols=2, horizontal_spacing=0.2)
    figure.update_layout(styled.layout)
    edges = np.linspace(0, 1, check.counts.size + 1)
    figure.add_trace(
        go.Bar(
            x=(edges[1:] + edges[:-1]) / 2,
            y=check.counts,
            width=0.9 / check.counts.size,
            marker={"color": BLUE},
            hovertemplate="%{y:,} runs at %{x:.2f}<extra></extra>",
        ),
        row=1,
        col=1,
    )
    for limit in (check.least, check.most):
        figure.add_hline(y=limit, line={"color": ORANGE, "dash": "dash", "width": 1.5}, row=1, col=1)
    place, share = empirical_curve(found.places)
    figure.add_trace(
        go.Scatter(
            x=place,
            y=share,
            mode="lines",
            line={"color": BLUE, "shape": "hv"},
            hovertemplate="%{y:.1%} of the runs up to %{x:.2f}<extra></extra>",
        ),
        row=1,
        col=2,
    )
    figure.add_trace(
        go.Scatter(x=[0, 1], y=[0, 1], mode="lines", line={"color": ORANGE, "dash": "dash"}, hoverinfo="skip"),
        row=1,
        col=2,
    )
    figure.update_xaxes(title={"text": "place (0: slowest)"}, range=[0, 1])
    figure.update_yaxes(title={"text": "runs"}, rangemode="tozero", row=1, col=1)
    figure.update_yaxes(title={"text": "share of runs"}, range=[0, 1], tickformat=".0%", row=1, col=2)
    return finished(figure.update_layout(showlegend=False))
