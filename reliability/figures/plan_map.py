"""Expected ETTR over the size of the run and the failure rate, with the sizes that reach a target."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import plotly.graph_objects as go

from reliability.analyses.plan_map import EttrMap
from reliability.figures.theme import FONT, finished, new_figure

#: low to high: what a reader takes for bad, so-so and good on light and dark alike
_SCALE: Final = [[0.0, "#7b3014"], [0.5, "#d55e00"], [0.75, "#e6b54d"], [0.9, "#6bb7a0"], [1.0, "#12715b"]]
_LEVELS: Final = (0.5, 0.7, 0.8, 0.9, 0.95, 0.98)


def map_figure(found: EttrMap) -> go.Figure:
    """Draw lines of equal ETTR over GPUs and failure rate, with the plan and the target.

    Parameters
    ----------
    found
        Answer of :func:`reliability.analyses.plan_map.ettr_map`.
    """
    planned = found.planned
    figure = new_figure("How large a run may be", _subtitle(found))
    gpus, rates, ettr = np.array(found.gpus), np.array(found.rates), np.array(found.ettr)
    figure.add_trace(
        go.Heatmap(
            x=gpus,
            y=rates,
            z=ettr,
            zmin=0,
            zmax=1,
            zsmooth="best",
            colorscale=_SCALE,
            colorbar={"title": {"text": "ETTR"}, "thickness": 12, "tickformat": ".1f", "outlinewidth": 0},
            hovertemplate="%{x:,} GPUs at %{y:.3g}: ETTR %{z:.3f}<extra></extra>",
        )
    )
    for level in sorted({*_LEVELS, found.target}):
        if not ettr.min() < level < ettr.max():
            continue
        at_target = level == found.target
        figure.add_trace(
            go.Contour(
                x=gpus,
                y=rates,
                z=ettr,
                showscale=False,
                contours={
                    "coloring": "none",
                    "showlabels": True,
                    "start": level,
                    "end": level,
                    "size": 1,
                    "labelfont": {"size": 12, "color": "#ffffff", "family": FONT},
                    "labelformat": ".2~f" if level * 100 % 1 < 1e-9 else ".3~f",
                },
                line={"color": "#ffffff", "width": 3 if at_target else 1, "dash": "solid" if at_target else "dot"},
                hoverinfo="skip",
                showlegend=False,
            )
        )
    figure.add_trace(
        go.Scatter(
            x=[planned.gpus],
            y=[planned.rate.per_1000_node_days],
            mode="markers+text",
            text=["planned"],
            textposition="top center",
            textfont={"color": "#ffffff"},
            marker={"size": 11, "color": "#ffffff", "line": {"color": "#1f2933", "width": 2}},
            hovertemplate="planned: %{x:,} GPUs at %{y:.3g}<extra></extra>",
            showlegend=False,
        )
    )
    figure.update_xaxes(title={"text": "GPUs"}, type="log", range=[math.log10(gpus[0]), math.log10(gpus[-1])])
    figure.update_xaxes(tickvals=[2**power for power in range(6, 24, 2)], tickformat=",", showgrid=False)
    figure.update_yaxes(title={"text": "failures per 1000 node-days"}, type="log", showgrid=False)
    figure.update_yaxes(range=[math.log10(rates[0]), math.log10(rates[-1])], dtick=None, tickvals=_round(rates))
    return finished(figure.update_layout(height=430))


def _subtitle(found: EttrMap) -> str:
    largest = found.largest_gpus
    at = "exact ETTR at the " + ("best checkpoint interval of each" if found.at_best_interval else "planned interval")
    goal = f"an ETTR of {found.target:.3g}"
    if largest.middle is None:
        return f"{at} · no largest run is known for {goal} at the planned rate"
    if not largest.middle:
        return f"{at} · no size reaches {goal} at the planned rate"
    limits = ""
    if largest.at_low_rate is not None and largest.at_high_rate is not None:
        limits = f" ({largest.at_high_rate:,}–{largest.at_low_rate:,} at the limits of the rate)"
    return f"{at} · {goal} is reached up to {largest.middle:,} GPUs{limits}"


def _round(rates: np.ndarray) -> list[float]:
    candidates = [digit * 10.0**power for power in range(-6, 6) for digit in (1, 2, 5)]
    return [number for number in candidates if rates[0] <= number <= rates[-1]]
