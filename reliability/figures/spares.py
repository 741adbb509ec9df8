"""How many failures to expect: the predicted number with its interval, and how likely each number is."""

from __future__ import annotations

from typing import Final

import numpy as np
import plotly.graph_objects as go

from reliability.analyses.spares import SUFFICIENT, Spares
from reliability.figures.life_curves import plural_of
from reliability.figures.theme import BLUE, GREY, ORANGE, finished, new_figure, percent, plural

#: more numbers than this are drawn in bars of several
_MOST_BARS: Final = 80
_OUTSIDE: Final = 1e-4


def spares_figure(found: Spares) -> go.Figure:
    """Draw the probability of each number of failures, those inside the prediction interval in colour.

    Parameters
    ----------
    found
        Answer of :func:`reliability.analyses.spares.spares`; its total is drawn.

    Returns
    -------
    plotly.graph_objects.Figure
        Probability over the number of failures within the horizon.
    """
    forecast = found.total.forecast
    days = found.horizon_hours / 24.0
    stock = forecast.spares_for(SUFFICIENT)
    figure = new_figure(
        f"Failures of {plural_of(found.component)} in the next {days:,.4g} days",
        f"{plural(round(forecast.units), 'unit')} in service · expected {forecast.failures:,.4g} ({forecast.low:,}–"
        f"{forecast.high:,}, {percent(found.confidence)} prediction interval) · {stock:,} suffice with "
        f"{percent(SUFFICIENT)}",
    )
    reached = np.cumsum(forecast.probability)
    first = int(np.searchsorted(reached, _OUTSIDE))
    last = int(np.searchsorted(reached, 1.0 - _OUTSIDE))
    width = max(1, -(-(last - first + 1) // _MOST_BARS))
    starts = np.arange(first, last + 1, width)
    chance = np.add.reduceat(np.append(forecast.probability, np.zeros(width)), starts)
    chance[-1] = forecast.probability[starts[-1] :].sum()
    ends = starts + width - 1
    inside = (ends >= forecast.low) & (starts <= forecast.high)
    names = [f"{start:,}" if width == 1 else f"{start:,}–{end:,}" for start, end in zip(starts, ends, strict=True)]
    figure.add_trace(
        go.Bar(
            x=starts + (width - 1) / 2,
            y=chance,
            width=0.9 * width,
            marker={"color": [BLUE if part else GREY for part in inside]},
            customdata=names,
            hovertemplate="%{customdata}: %{y:.2%}<extra></extra>",
        )
    )
    figure.add_vline(x=stock, line={"color": ORANGE, "width": 2, "dash": "dash"})
    figure.update_xaxes(title={"text": f"failures within {days:,.4g} days"})
    figure.update_yaxes(title={"text": "probability"}, tickformat=".1~%", rangemode="tozero")
    return finished(figure.update_layout(showlegend=False))
