"""What levers would buy: bars of what each adds to the expected ETTR of a planned run."""

from __future__ import annotations

import plotly.graph_objects as go

from reliability.analyses.plan_levers import TOGETHER, PlanLevers
from reliability.figures.theme import BLUE, GREEN, finished, label, new_figure, percent

_ROW_PIXELS = 46


def levers_figure(found: PlanLevers) -> go.Figure:
    """Draw what each lever adds to the exact ETTR, what adds most on top, all together below.

    Parameters
    ----------
    found
        Answer of :func:`reliability.analyses.plan_levers.plan_levers`.
    """
    confidence = found.planned.rate.confidence
    limits = "" if confidence is None else f"; limits {percent(confidence)}, from the failures counted"
    before = found.effects[0].ettr_before
    figure = new_figure(
        "What levers would buy",
        f"added to the exact ETTR, {before:.3f} as planned, the checkpoint interval as planned{limits}",
    )
    # Plotly draws the first row lowest.
    effects = sorted(found.effects, key=lambda effect: (effect.lever != TOGETHER, effect.gain))
    gains = [effect.gain for effect in effects]
    errors = None
    if all(effect.gain_low is not None for effect in effects):
        errors = {
            "array": [(effect.gain_high or 0.0) - effect.gain for effect in effects],
            "arrayminus": [effect.gain - (effect.gain_low or 0.0) for effect in effects],
            "thickness": 1,
        }
    figure.add_trace(
        go.Bar(
            # By place, since one lever may be asked for twice; the axis shows the names.
            y=list(range(len(effects))),
            x=gains,
            error_x=errors,
            orientation="h",
            marker={"color": [BLUE if effect.lever == TOGETHER else GREEN for effect in effects]},
            customdata=[
                (label(_name(effect.lever)), label(effect.setting, 80), f"{effect.gain:+.3f}", f"{effect.ettr:.3f}")
                for effect in effects
            ],
            hovertemplate="%{customdata[0]}, %{customdata[1]}: ETTR %{customdata[3]} (%{customdata[2]})<extra></extra>",
        )
    )
    figure.update_yaxes(
        tickmode="array",
        tickvals=list(range(len(effects))),
        ticktext=[label(_name(effect.lever)) for effect in effects],
    )
    figure.update_xaxes(title={"text": "added to the expected ETTR"}, tickformat="+.3~f", zeroline=True)
    figure.update_layout(height=170 + _ROW_PIXELS * max(2, len(effects)))
    return finished(figure.update_layout(showlegend=False))


def _name(lever: str) -> str:
    return "all together" if lever == TOGETHER else lever.replace("_", " ")
