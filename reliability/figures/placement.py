"""Placement: availability of a segment over its spares, and failure rates of packed and spread jobs by size."""

from __future__ import annotations

import plotly.graph_objects as go

from reliability.analyses.placement import PlacementAdvice, SegmentAnswer
from reliability.analyses.placement_spread import KindSpread, PlacementSpread
from reliability.figures.theme import BLUE, GREEN, ORANGE, finished, label, new_figure, percent


def placement_figure(found: PlacementAdvice) -> go.Figure:
    """Draw the spares of the fabric's segments where there are any, else the rates of past jobs.

    Parameters
    ----------
    found
        Answer of :func:`reliability.analyses.placement.placement_advice`.
    """
    if found.segment is not None:
        return spares_figure(found.segment)
    if found.spread is not None:
        return spread_figure(found.spread)
    return finished(new_figure("Placement", "nothing was asked"))


def spares_figure(found: SegmentAnswer) -> go.Figure:
    """Draw the share of time that a segment is short of hosts, over its spares, on a logarithmic axis.

    Parameters
    ----------
    found
        The segment of :func:`reliability.analyses.placement.placement_advice`.
    """
    levels = [level for level in found.spares.levels if level.availability < 1]
    ceiling = "" if found.spares.ceiling == 1 else f"; no spares give more than {found.spares.ceiling:.6f}"
    figure = new_figure(
        "Spares of a segment",
        f"{found.hosts:,} hosts wanted, target {found.spares.target:g}: "
        f"{'no number' if found.spares.enough is None else found.spares.enough} is enough{ceiling}",
    )
    known = all(level.low is not None and level.high is not None for level in levels)
    figure.add_trace(
        go.Scatter(
            x=[level.spares for level in levels],
            y=[1 - level.availability for level in levels],
            error_y={
                "array": [level.availability - (level.low or 0.0) for level in levels],
                "arrayminus": [(level.high or 0.0) - level.availability for level in levels],
                "thickness": 1,
            }
            if known
            else None,
            mode="lines+markers",
            name="spares switched on",
            line={"color": BLUE},
            hovertemplate="%{x} spares: short %{y:.3~g} of the time<extra></extra>",
        )
    )
    shelf = [level for level in levels if level.on_the_shelf < 1]
    figure.add_trace(
        go.Scatter(
            x=[level.spares for level in shelf],
            y=[1 - level.on_the_shelf for level in shelf],
            mode="lines",
            name="spares on the shelf",
            line={"color": GREEN, "dash": "dot"},
            hovertemplate="%{x} spares on the shelf: short %{y:.3~g} of the time<extra></extra>",
        )
    )
    figure.add_hline(
        y=1 - found.spares.target, line={"dash": "dash"}, annotation_text="target", annotation_position="bottom right"
    )
    figure.update_xaxes(title={"text": "spare hosts of the segment"}, dtick=1)
    figure.update_yaxes(title={"text": "share of time short of hosts"}, type="log", dtick=1, exponentformat="power")
    return finished(figure)


def spread_figure(found: PlacementSpread) -> go.Figure:
    """Draw the failure rates of packed and of spread attempts by size, for the kind with the most failures.

    Parameters
    ----------
    found
        Answer of :func:`reliability.analyses.placement_spread.placement_spread`.
    """
    if not found.kinds:
        return finished(new_figure("Failures by placement", "no attempt was spread wider than it needed"))
    kind = max(found.kinds, key=lambda each: sum(group.estimate.failures for group in each.groups if group.is_spread))
    figure = new_figure("Failures by placement", _spread_subtitle(kind, found.confidence))
    for is_spread, name, colour in ((False, "packed", BLUE), (True, "spread", ORANGE)):
        groups = [group for group in kind.groups if group.is_spread == is_spread]
        rates = [group.estimate for group in groups]
        figure.add_trace(
            go.Scatter(
                x=[f"{group.size} nodes" for group in groups],
                y=[rate.rate_per_1000_days for rate in rates],
                error_y={
                    "array": [rate.high_per_1000_days - rate.rate_per_1000_days for rate in rates],
                    "arrayminus": [rate.rate_per_1000_days - rate.low_per_1000_days for rate in rates],
                    "thickness": 1,
                },
                mode="markers",
                name=name,
                marker={"color": colour, "size": 9},
                customdata=[(rate.failures, f"{rate.exposure_days:,.0f}") for rate in rates],
                hovertemplate="%{x}: %{y:.3~g} (%{customdata[0]} in %{customdata[1]} node-days)<extra></extra>",
            )
        )
    sizes = dict.fromkeys(f"{group.size} nodes" for group in kind.groups)
    figure.update_xaxes(categoryorder="array", categoryarray=list(sizes))
    figure.update_yaxes(title={"text": "failures per 1000 node-days"}, rangemode="tozero")
    figure.update_layout(scattermode="group", scattergap=0.8)
    return finished(figure)


def _spread_subtitle(kind: KindSpread, confidence: float) -> str:
    told = f"over domains of kind {label(kind.kind)}; limits {percent(confidence)}"
    ratio = kind.ratio
    if ratio is None or ratio.ratio is None:
        return f"{told}; spread and packed cannot be compared"
    low = "0" if ratio.low is None else f"{ratio.low:.2f}"
    high = "unknown" if ratio.high is None else f"{ratio.high:.2f}"
    return f"{told}; spread over packed, sizes alike: {ratio.ratio:.2f} ({low} to {high})"
