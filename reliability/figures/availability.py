"""Availability: what each class of components costs the fabric and the job, and what spare hosts buy."""

from __future__ import annotations

from typing import Final

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from reliability.analyses.availability import Availability
from reliability.analyses.availability_parts import ClassShare
from reliability.figures.theme import BLUE, GREEN, ORANGE, finished, label, new_figure, plural

#: classes that cost less than this in a month are left out, in minutes
_NOTHING: Final = 1e-3
_MOST_BARS: Final = 10


def availability_figure(found: Availability) -> go.Figure:
    """Draw the minutes down in a month by class, and the job's down time over the spare hosts.

    Parameters
    ----------
    found
        Answer of :func:`reliability.analyses.availability.availability`.

    Returns
    -------
    plotly.graph_objects.Figure
        Bars on the left, the curve of spares on the right, both on logarithmic axes.
    """
    job = next(measure for measure in found.measures if measure.measure == "job")
    frame = new_figure(
        f"Availability of {label(found.fabric)} and of a job of {plural(found.job_hosts, 'host')}",
        f"{plural(found.hosts, 'host')} · job with {plural(found.spare_hosts, 'spare')}: "
        f"{found.spares[min(found.spare_hosts, len(found.spares) - 1)]:.6f} exact, {job.simulated.share:.4f} in "
        f"{job.simulated.n:,} replicas · minutes gained if a class never failed",
    )
    figure = make_subplots(rows=1, cols=2, column_widths=[0.6, 0.4], horizontal_spacing=0.14, figure=frame)
    shown = sorted(found.components, key=_cost)[-_MOST_BARS:]
    rows = [component.row() for component in shown if _cost(component) > _NOTHING]
    for column, name, colour in (
        ("fabric_minutes_per_month", "fabric", BLUE),
        ("job_minutes_per_month", "job", ORANGE),
    ):
        figure.add_trace(
            go.Bar(
                y=[label(row["component"]) for row in rows],
                x=[row[column] if row[column] > _NOTHING else None for row in rows],
                orientation="h",
                name=name,
                marker={"color": colour},
                hovertemplate="%{y}: %{x:.3~g} minutes a month<extra></extra>",
            ),
            row=1,
            col=1,
        )
    short = [(number, 1.0 - share) for number, share in enumerate(found.spares) if share < 1.0]
    figure.add_trace(
        go.Scatter(
            x=[number for number, _ in short],
            y=[down for _, down in short],
            mode="lines+markers",
            name="job by spares",
            line={"color": GREEN},
            hovertemplate="%{x} spares: short %{y:.3~g} of the time<extra></extra>",
        ),
        row=1,
        col=2,
    )
    # Classes differ by orders of magnitude.
    figure.update_xaxes(title={"text": "minutes down a month"}, type="log", dtick=1, row=1, col=1)
    figure.update_xaxes(title={"text": "spare hosts"}, dtick=1, row=1, col=2)
    figure.update_yaxes(
        title={"text": "share of time short of hosts"}, type="log", exponentformat="power", row=1, col=2
    )
    return finished(figure)


def _cost(component: ClassShare) -> float:
    row = component.row()
    return float(max(row["fabric_minutes_per_month"], row["job_minutes_per_month"]))
