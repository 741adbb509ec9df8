"""Fitted life distributions: over the curves they must stand against, on probability paper, and as hazards."""

from __future__ import annotations

from typing import Final

import numpy as np
import plotly.graph_objects as go

from models.guards import FloatArray
from models.lifetimes.parametric.probability_plot import probability_plot
from reliability.analyses.lifetime_models import GroupFit, LifetimeFits
from reliability.figures.life_curves import (
    HOURS_PER_DAY,
    age_axis,
    colour,
    counted,
    shown,
    steps_drawn,
    time_unit,
    title_of,
)
from reliability.figures.survival import curves_subtitle, longest_hours, with_curves
from reliability.figures.theme import finished, label, new_figure, percent, translucent

_POINTS: Final = 200
#: shares failed whose lines a probability plot shows
_SHARES: Final = (0.0001, 0.001, 0.01, 0.1, 0.5, 0.9, 0.99)


def fits_figure(found: LifetimeFits) -> go.Figure:
    """Draw each fit as a dashed line over the Kaplan–Meier curve it must stand against.

    Parameters
    ----------
    found
        Answer of :func:`reliability.analyses.lifetime_models.lifetime_fits`.

    Returns
    -------
    plotly.graph_objects.Figure
        Share surviving over time in service.
    """
    title = title_of("Fitted lives", found.component, found.by)
    figure = with_curves(new_figure(title, curves_subtitle(found.curves)), found.curves)
    groups, _ = shown(found.curves.curves)
    hours_per_unit, _ = time_unit(longest_hours(groups))
    fits = {fit.group: fit for fit in found.fits}
    for number, group in enumerate(groups):
        fit = fits[group.group]
        name = fit_name(fit) if len(groups) == 1 else f"{label(group.group, 20)}: {fit_name(fit)}"
        line = {"color": colour(number), "width": 2, "dash": "dash"}
        if fit.fit is None:
            # The legend says in the group's colour that it has no fit.
            figure.add_trace(go.Scatter(x=[None], y=[None], mode="lines", line=line, name=name))
            continue
        hours = np.linspace(0.0, float(group.curve.time_hours[-1]), _POINTS)
        band = fit.fit.survival(hours)
        # Late entry: the curve is conditional on reaching the first entry, and so must be what lies over it.
        entered = float(fit.fit.lives.entry_hours.min())
        start = float(fit.fit.survival([entered]).value[0])
        figure.add_trace(
            go.Scatter(
                x=hours / hours_per_unit,
                y=np.minimum(band.value / start, 1.0),
                mode="lines",
                name=name,
                line=line,
                hovertemplate="%{y:.1%} at %{x:.3g}<extra>fit</extra>",
            )
        )
    return finished(figure.update_layout(showlegend=True))


def fit_name(fit: GroupFit) -> str:
    """Return the family of a fit and its shape where it has one."""
    if fit.fit is None:
        return "no fit"
    shape = fit.parameters.get("shape")
    name = fit.fit.family.name
    return f"{name}, shape {shape.value:.2f} ({shape.low:.2f}–{shape.high:.2f})" if shape else name


def probability_figure(found: LifetimeFits) -> go.Figure:
    """Draw the Kaplan–Meier points of the group with most failures on the paper that makes its fit a straight line.

    Parameters
    ----------
    found
        Answer of :func:`reliability.analyses.lifetime_models.lifetime_fits`.

    Returns
    -------
    plotly.graph_objects.Figure
        Without a fit, empty axes and the sentence that says why.
    """
    fitted = [fit for fit in found.fits if fit.fit is not None]
    if not fitted:
        return new_figure(title_of("Probability plot", found.component, None), label(found.fits[0].refusal, 200))
    chosen = max(fitted, key=lambda fit: fit.events)
    assert chosen.fit is not None  # noqa: S101 - chosen from those fitted
    plot = probability_plot(chosen.fit)
    of = "" if found.by is None else f" of {label(chosen.group)}"
    figure = new_figure(
        title_of(f"Probability plot{of}", found.component, None) if found.by is None else f"Probability plot{of}",
        f"{counted(found.component, [chosen])} · {fit_name(chosen)}, {percent(found.confidence)} band: points along "
        "the line speak for the fit",
    )
    inside = np.isfinite(plot.line_low) & np.isfinite(plot.line_high) & np.isfinite(plot.line_y)
    edge = {"mode": "lines", "line": {"width": 0}, "hoverinfo": "skip", "showlegend": False}
    figure.add_trace(go.Scatter(x=plot.line_x[inside], y=plot.line_low[inside], **edge))
    figure.add_trace(
        go.Scatter(
            x=plot.line_x[inside],
            y=plot.line_high[inside],
            fill="tonexty",
            fillcolor=translucent(colour(0)),
            **edge,
        )
    )
    figure.add_trace(
        go.Scatter(x=plot.line_x[inside], y=plot.line_y[inside], mode="lines", line={"color": colour(0), "width": 2})
    )
    points = steps_drawn(plot.point_x.size)
    figure.add_trace(
        go.Scatter(
            x=plot.point_x[points],
            y=plot.point_y[points],
            mode="markers",
            marker={"color": colour(4), "size": 5},
            customdata=np.column_stack([plot.point_hours[points], plot.point_failed[points]]),
            hovertemplate="%{customdata[1]:.2%} failed by %{customdata[0]:,.3g} h<extra></extra>",
        )
    )
    logarithmic = plot.x_label == "log hours"
    low, high = float(plot.point_x.min()), float(plot.point_x.max())
    ticks = _hour_ticks(low, high) if logarithmic else None
    figure.update_xaxes(
        title={"text": "age (hours)"},
        range=[low - 0.05 * (high - low), high + 0.05 * (high - low)],
        **({"tickvals": np.log(ticks).tolist(), "ticktext": [f"{hours:,g}" for hours in ticks]} if ticks else {}),
    )
    heights, texts = _share_ticks(plot.point_failed, plot.point_y)
    figure.update_yaxes(title={"text": "share failed"}, tickvals=heights, ticktext=texts)
    margin = 0.08 * float(np.ptp(plot.point_y)) or 1.0
    figure.update_yaxes(range=[float(plot.point_y.min()) - margin, float(plot.point_y.max()) + margin])
    return finished(figure.update_layout(showlegend=False))


def hazard_figure(found: LifetimeFits) -> go.Figure:
    """Draw the hazard of each fit over age with its band.

    Parameters
    ----------
    found
        Answer of :func:`reliability.analyses.lifetime_models.lifetime_fits`.
    """
    fitted, cut = shown([fit for fit in found.fits if fit.fit is not None])
    figure = new_figure(
        title_of("Fitted failure rate by age", found.component, found.by),
        f"{counted(found.component, found.fits)} · {percent(found.confidence)} bands{cut}",
    )
    if not fitted:
        return finished(figure)
    longest = max(fit.fit.lives.longest_hours for fit in fitted if fit.fit)
    hours_per_unit, unit = time_unit(longest)
    for number, group in enumerate(fitted):
        fit, hue = group.fit, colour(number)
        if fit is None:
            continue
        # Where a hazard is infinite at age 0 the curve begins at the first hundredth.
        end = fit.lives.longest_hours
        band = fit.hazard(np.linspace(end / 100.0, end, _POINTS))
        age, per = band.age_hours / hours_per_unit, 1000.0 * HOURS_PER_DAY
        edge = {"mode": "lines", "line": {"width": 0}, "legendgroup": str(number), "hoverinfo": "skip"}
        figure.add_trace(go.Scatter(x=age, y=per * band.low, showlegend=False, **edge))
        figure.add_trace(
            go.Scatter(x=age, y=per * band.high, showlegend=False, fill="tonexty", fillcolor=translucent(hue), **edge)
        )
        figure.add_trace(
            go.Scatter(
                x=age,
                y=per * band.value,
                mode="lines",
                name=f"{label(group.group)}: {fit.family.name}",
                legendgroup=str(number),
                line={"color": hue, "width": 2.2},
                hovertemplate="%{y:.3g} at %{x:.3g}<extra></extra>",
            )
        )
    figure.update_xaxes(title={"text": age_axis(found.component, unit)}, rangemode="tozero")
    figure.update_yaxes(title={"text": "failures per 1000 days"}, rangemode="tozero")
    return finished(figure.update_layout(showlegend=True))


def _hour_ticks(low: float, high: float) -> list[float]:
    """Return round hours on a logarithmic axis."""
    first, last = int(np.floor(low / np.log(10.0))), int(np.ceil(high / np.log(10.0)))
    steps = (1.0,) if last - first > 3 else (1.0, 2.0, 5.0)
    return [step * 10.0**power for power in range(first, last + 1) for step in steps]


def _share_ticks(failed: FloatArray, heights: FloatArray) -> tuple[list[float], list[str]]:
    """Return where round shares of failed units lie on the paper, read off the points themselves."""
    order = np.argsort(failed)
    shares = [share for share in _SHARES if failed.min() <= share <= failed.max()]
    shares = shares or [float(np.median(failed))]
    at = np.interp(shares, failed[order], heights[order])
    return at.tolist(), [f"{100 * share:.3g}%" for share in shares]
