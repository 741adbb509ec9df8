"""Hazard ratios as a forest plot."""

from __future__ import annotations

from typing import Final

import numpy as np
import plotly.graph_objects as go

from reliability.analyses.hazard_ratios import HazardRatios
from reliability.figures.life_curves import plural_of
from reliability.figures.theme import BLUE, GREY, VERMILION, finished, label, new_figure, percent, plural

#: a bound without an end is drawn as far as this factor
_FAR: Final = 20.0
_NAMES: Final = {"cox": "Cox", "fine-gray": "Fine–Gray", "frailty": "gamma frailty of hosts"}


def forest_figure(found: HazardRatios) -> go.Figure:
    """Draw the ratios with their intervals on a logarithmic axis, a line at 1.

    Parameters
    ----------
    found
        Answer of :func:`reliability.analyses.hazard_ratios.hazard_regression`.

    Returns
    -------
    plotly.graph_objects.Figure
        A ratio that is only bounded is an open triangle at its bound.
    """
    of = "" if found.cause is None else f" by {label(found.cause.replace('_', ' '))}"
    errors = f", errors robust over {plural(found.clusters, 'host')}" if found.clusters else ""
    figure = new_figure(
        f"Hazard ratios of {plural_of(found.component)}{of}",
        f"{plural(found.events, 'failure')} of {plural(found.lives, 'unit')} · {_NAMES[found.model]}, "
        f"{percent(found.confidence)} intervals{errors}",
    )
    names, values, lows, highs, hues, symbols, texts = [], [], [], [], [], [], []
    for term in reversed(found.terms):
        ratio = term.ratio
        low, high = max(ratio.low, 1e-12), ratio.high
        value = ratio.hazard_ratio
        bounded = ratio.interval == "bound"
        if bounded:
            value = low if np.isinf(value) else high
        names.append(_name(ratio.name, found.references.get(term.covariate)))
        values.append(value)
        lows.append(value if bounded and np.isinf(ratio.high) else max(low, value / _FAR))
        highs.append(min(high, value * _FAR))
        sure = ratio.low > 1.0 or ratio.high < 1.0
        hues.append((VERMILION if ratio.hazard_ratio > 1 else BLUE) if sure else GREY)
        symbols.append("triangle-right-open" if bounded and np.isinf(ratio.high) else "square")
        limits = f"{ratio.low:.3g}–{'∞' if np.isinf(ratio.high) else format(ratio.high, '.3g')}"
        texts.append(f"{'∞' if np.isinf(ratio.hazard_ratio) else format(ratio.hazard_ratio, '.3g')} ({limits})")
    centre = np.array(values)
    figure.add_trace(
        go.Scatter(
            x=centre,
            y=names,
            mode="markers",
            marker={"color": hues, "size": 10, "symbol": symbols},
            error_x={
                "type": "data",
                "array": np.array(highs) - centre,
                "arrayminus": centre - np.array(lows),
                "color": GREY,
                "thickness": 1.5,
                "width": 4,
            },
            customdata=texts,
            hovertemplate="%{customdata}<extra></extra>",
        )
    )
    figure.add_vline(x=1.0, line={"width": 1, "dash": "dot", "color": GREY})
    low, high = min(0.5, *lows), max(2.0, *highs)
    figure.update_xaxes(
        type="log",
        title={"text": "times as often as the reference (logarithmic)"},
        range=[np.log10(low) - 0.05, np.log10(high) + 0.05],
        tickvals=_ticks(low, high),
        ticktext=[f"{tick:g}" for tick in _ticks(low, high)],
    )
    return finished(figure.update_layout(showlegend=False, height=150 + 32 * len(names) + 60))


def _name(term: str, reference: str | None) -> str:
    name, _, level = term.partition("=")
    shown = label(name.replace("_", " "))
    return f"{shown} {label(level)} (against {label(reference)})" if reference is not None else shown


def _ticks(low: float, high: float) -> list[float]:
    steps = (1.0, 2.0, 5.0) if high / low < 1000 else (1.0,)
    powers = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    return [tick for power in powers for step in steps if low * 0.9 <= (tick := step * 10.0**power) <= high * 1.1]
