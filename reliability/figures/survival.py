"""Survival curves with their bands, the units at risk under them, and Weibull fits over them."""

from __future__ import annotations

from typing import Final

import numpy as np
import plotly.graph_objects as go

from models.lifetimes.survival import SurvivalCurve
from models.lifetimes.weibull import WeibullEstimate
from reliability.analyses.survival import GroupCurve, GroupWeibull, Survival, WeibullFits
from reliability.figures.theme import PALETTE, finished, label, new_figure, percent, plural, translucent

_HOURS_PER_DAY: Final = 24.0
_HOURS_PER_YEAR: Final = 8766.0
#: a curve with more steps is drawn at this many of them; the eye cannot tell
_MOST_STEPS: Final = 800
_AT_RISK_COLUMNS: Final = 6


def survival_figure(survival: Survival) -> go.Figure:
    """Draw Kaplan–Meier curves as steps with their bands, and the numbers at risk under the axis.

    Parameters
    ----------
    survival
        Answer of :func:`reliability.analyses.survival.survival`.

    Returns
    -------
    plotly.graph_objects.Figure
        Share surviving over time in service.
    """
    figure = new_figure(f"Survival of {plural_of(survival.component)}{_by(survival.by)}", _subtitle(survival))
    return _with_curves(figure, survival)


def weibull_figure(fits: WeibullFits) -> go.Figure:
    """Draw each Weibull fit as a dashed line over the Kaplan–Meier curve it must stand against.

    Parameters
    ----------
    fits
        Answer of :func:`reliability.analyses.survival.weibull`.
    """
    title = f"Weibull lives of {plural_of(fits.component)}{_by(fits.by)}"
    figure = _with_curves(new_figure(title, _subtitle(fits.curves)), fits.curves)
    hours_per_unit, _ = _time_unit(fits.curves)
    for number, (fit, group) in enumerate(zip(fits.fits, fits.curves.curves, strict=True)):
        if fit.estimate is None:
            figure.add_trace(_no_fit(fit, number))
            continue
        hours = np.linspace(0.0, float(group.curve.time_hours[-1]), 200)
        figure.add_trace(
            go.Scatter(
                x=hours / hours_per_unit,
                y=fit.estimate.survival(hours),
                mode="lines",
                name=_fit_name(fit, fit.estimate, alone=len(fits.fits) == 1),
                line={"color": _colour(number), "width": 2, "dash": "dash"},
                hovertemplate="%{y:.1%} at %{x:.3g}<extra>Weibull</extra>",
            )
        )
    return finished(figure.update_layout(showlegend=True))


def plural_of(component: str) -> str:
    """Return what many of a component are called.

    >>> plural_of("gpu"), plural_of("switch"), plural_of("node")
    ('GPUs', 'switches', 'nodes')
    """
    return {"gpu": "GPUs", "nic": "NICs", "switch": "switches", "psu": "PSUs", "dimm": "DIMMs", "cpu": "CPUs"}.get(
        component, f"{component}s"
    )


def _with_curves(figure: go.Figure, survival: Survival) -> go.Figure:
    hours_per_unit, unit = _time_unit(survival)
    for number, group in enumerate(survival.curves):
        for trace in _curve_traces(group, number, hours_per_unit, survival.confidence):
            figure.add_trace(trace)
    lowest = min(float(group.curve.low.min()) for group in survival.curves)
    figure.update_xaxes(title={"text": f"time in service ({unit})"}, rangemode="tozero")
    # A curve that stays high is looked at from near, never with an axis that hides how high it is.
    figure.update_yaxes(
        title={"text": "share surviving"}, tickformat=".0%", range=[0 if lowest < 0.6 else lowest - 0.05, 1.01]
    )
    _add_numbers_at_risk(figure, survival, hours_per_unit)
    return finished(figure.update_layout(showlegend=len(survival.curves) > 1))


def _curve_traces(
    group: GroupCurve, number: int, hours_per_unit: float, confidence: float
) -> tuple[go.Scatter, go.Scatter, go.Scatter]:
    curve, colour = group.curve, _colour(number)
    steps = np.unique(np.linspace(0, len(curve.time_hours) - 1, _MOST_STEPS).astype(int))
    time = curve.time_hours[steps] / hours_per_unit
    edge = {"mode": "lines", "line": {"width": 0, "shape": "hv"}, "legendgroup": str(number), "hoverinfo": "skip"}
    low = go.Scatter(x=time, y=curve.low[steps], showlegend=False, **edge)
    line = go.Scatter(
        x=time,
        y=curve.survival[steps],
        mode="lines",
        name=f"{label(group.group)} ({group.events:,} of {group.lives:,})",
        legendgroup=str(number),
        line={"color": colour, "width": 2.2, "shape": "hv"},
        customdata=np.column_stack([curve.low[steps], curve.high[steps], curve.at_risk[steps]]),
        hovertemplate="%{y:.1%} "
        f"(%{{customdata[0]:.1%}}–%{{customdata[1]:.1%}}, {percent(confidence)}) at %{{x:.3g}}, "
        "%{customdata[2]:,.0f} at risk<extra></extra>",
    )
    # The upper edge fills down to the trace before it: the lower edge.
    high = go.Scatter(
        x=time, y=curve.high[steps], showlegend=False, fill="tonexty", fillcolor=translucent(colour), **edge
    )
    return low, high, line


def _add_numbers_at_risk(figure: go.Figure, survival: Survival, hours_per_unit: float) -> None:
    last_hours = max(float(group.curve.time_hours[-1]) for group in survival.curves)
    columns = np.linspace(0.0, last_hours, _AT_RISK_COLUMNS)
    rows = len(survival.curves)
    below: dict[str, object] = {"y": 0, "yref": "paper", "yanchor": "middle"}
    heading = {**below, "x": 0, "xref": "paper", "xanchor": "left", "yshift": -66, "text": "at risk"}
    numbers = [
        {
            **below,
            "x": hours / hours_per_unit,
            "yshift": -84 - 18 * number,
            "text": f"{_at_risk(group.curve, float(hours)):,.0f}",
            "font": {"color": _colour(number)},
        }
        for number, group in enumerate(survival.curves)
        for hours in columns
    ]
    figure.update_layout(annotations=[heading, *numbers], margin={"b": 100 + 18 * rows}, height=420 + 18 * rows)


def _at_risk(curve: SurvivalCurve, hours: float) -> float:
    return curve.at(hours).at_risk if hours <= curve.time_hours[-1] else 0.0


def _time_unit(survival: Survival) -> tuple[float, str]:
    longest = max(float(group.curve.time_hours[-1]) for group in survival.curves)
    if longest > 2 * _HOURS_PER_YEAR:
        return _HOURS_PER_YEAR, "years"
    return (_HOURS_PER_DAY, "days") if longest > 4 * _HOURS_PER_DAY else (1.0, "hours")


def _subtitle(survival: Survival) -> str:
    lives = sum(group.lives for group in survival.curves)
    events = sum(group.events for group in survival.curves)
    of = f"{lives:,} stretches between outages" if survival.component == "node" else plural(lives, "unit")
    return f"{plural(events, 'failure')} of {of} · Kaplan–Meier, {percent(survival.confidence)} log-log bands"


def _no_fit(fit: GroupWeibull, number: int) -> go.Scatter:
    """Say in the legend that a group has no fit, and in its colour."""
    return go.Scatter(
        x=[None],
        y=[None],
        mode="lines",
        line={"color": _colour(number), "dash": "dash"},
        name=f"{label(fit.group, 20)}: no fit",
    )


def _fit_name(fit: GroupWeibull, estimate: WeibullEstimate, *, alone: bool) -> str:
    shape = f"Weibull, shape {estimate.shape:.2f} ({estimate.shape_low:.2f}–{estimate.shape_high:.2f})"
    return shape if alone else f"{label(fit.group, 20)}: {shape}"


def _by(by: str | None) -> str:
    return "" if by is None else f" by {label(by.replace('_', ' '))}"


def _colour(number: int) -> str:
    return PALETTE[number % len(PALETTE)]
