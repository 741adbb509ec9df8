"""Rate ratios of a regression, each with its interval, on a logarithmic axis."""

from __future__ import annotations

import plotly.graph_objects as go

from models.regression.counts import RateRatio
from reliability.analyses.rate_regression import RateRegression
from reliability.figures.theme import BLUE, finished, label, new_figure, percent, plural


def regression_figure(found: RateRegression) -> go.Figure:
    """Draw the effects as a forest: 1 means no effect, an arrow to the left only an upper bound.

    Parameters
    ----------
    found
        Answer of :func:`reliability.analyses.rate_regression.rate_regression`.

    Returns
    -------
    plotly.graph_objects.Figure
        Rate ratios.
    """
    fit = found.fit
    subtitle = (
        f"{plural(fit.failures, 'failure')} of {plural(found.units, 'unit')} in "
        f"{plural(fit.exposure_days, f'{found.unit}-day')} · {fit.family}, {percent(fit.confidence)} intervals "
        "robust by unit"
    )
    figure = new_figure(f"What the rate of {found.of} failures depends on", subtitle)
    lowest = min((ratio.low for ratio in fit.ratios if ratio.low > 0), default=0.1) / 2
    names = [label(ratio.column) for ratio in fit.ratios]
    centres = [ratio.ratio if ratio.ratio > 0 else ratio.high for ratio in fit.ratios]
    figure.add_trace(
        go.Scatter(
            x=centres,
            y=list(range(len(names))),
            mode="markers",
            marker={
                "color": BLUE,
                "size": 9,
                "symbol": ["circle" if ratio.ratio > 0 else "triangle-left-open" for ratio in fit.ratios],
            },
            error_x={
                "type": "data",
                "symmetric": False,
                "array": [max(0.0, ratio.high - centre) for ratio, centre in zip(fit.ratios, centres, strict=True)],
                "arrayminus": [
                    centre - max(ratio.low, lowest) for ratio, centre in zip(fit.ratios, centres, strict=True)
                ],
                "thickness": 2,
                "width": 0,
                "color": BLUE,
            },
            customdata=[_hover(ratio) for ratio in fit.ratios],
            hovertemplate="<b>%{customdata[0]}</b><br>%{customdata[1]}<extra></extra>",
            showlegend=False,
        )
    )
    figure.add_vline(x=1.0, line={"dash": "dot"})
    figure.update_xaxes(type="log", title={"text": "rate ratio"})
    positions = list(range(len(names)))
    figure.update_yaxes(tickvals=positions, ticktext=names, range=[len(names) - 0.4, -0.6], showgrid=False)
    return finished(figure.update_layout(height=180 + 28 * max(3, len(names))))


def _hover(ratio: RateRatio) -> list[str]:
    return [label(ratio.column, 60), f"{ratio.ratio:.3g} ({ratio.low:.3g}–{ratio.high:.3g}), p = {ratio.p_value:.2g}"]
