"""A training step before and after a part of the network is lost, part by part."""

from __future__ import annotations

from typing import Final

import plotly.graph_objects as go

from models.collectives.degraded import StepChange
from models.collectives.step_time import StepTime
from models.collectives.volumes import DIMENSIONS
from reliability.analyses.collectives import StepChanges
from reliability.figures.theme import BLUE, GREEN, GREY, ORANGE, PINK, SKY, finished, label, new_figure, percent

_PARTS: Final = (
    ("computation", BLUE),
    ("bubble", GREY),
    ("tensor", GREEN),
    ("expert", PINK),
    ("pipeline", SKY),
    ("data", ORANGE),
)
_ROW_PIXELS: Final = 26
#: smallest loss of throughput that is told as a number
_SHOWN: Final = 1e-4


def step_figure(found: StepChanges) -> go.Figure:
    """Draw the step on a whole network and below it after each fault, as stacked bars with the throughput lost.

    Parameters
    ----------
    found
        Answer of :func:`reliability.analyses.collectives.step_changes`.
    """
    layout = found.step.layout
    figure = new_figure(
        "A training step when a part of the network is lost",
        f"{label(found.model)} on {layout.ranks:,} GPUs of {label(found.fabric.kind)} · tp {layout.tensor}, "
        f"pp {layout.pipeline}, dp {layout.data}, ep {layout.expert} · efficiency {percent(found.machine.efficiency)} "
        "while computing · a model, no measurement",
    )
    bars: list[tuple[str, StepTime | None, str]] = [("whole network", found.before, "")]
    bars += [(_name(change), change.after, _lost(change)) for change in found.changes]
    names = [name for name, _, _ in bars]
    for part, colour in _PARTS:
        seconds = [0.0 if after is None else _seconds(after, part) for _, after, _ in bars]
        if any(seconds):
            figure.add_trace(
                go.Bar(
                    x=seconds,
                    y=names,
                    orientation="h",
                    name=part,
                    marker={"color": colour},
                    hovertemplate=f"{part}: %{{x:.3f}} s<extra>%{{y}}</extra>",
                )
            )
    for name, after, text in bars:
        at = 0.0 if after is None else after.step_seconds
        figure.add_annotation(x=at, y=name, text=text, xanchor="left", xshift=6)
    longest = max(0.0 if after is None else after.step_seconds for _, after, _ in bars)
    figure.update_xaxes(title={"text": "seconds"}, range=[0, 1.18 * longest])
    figure.update_yaxes(autorange="reversed")
    figure.update_layout(legend={"traceorder": "normal"})
    return finished(figure.update_layout(barmode="stack", height=180 + _ROW_PIXELS * len(bars), showlegend=True))


def _name(change: StepChange) -> str:
    routed = "spread" if change.rebalanced else "not spread"
    return label(f"{change.loss.component} ({routed})", width=48)


def _lost(change: StepChange) -> str:
    if change.after is None:
        return "nothing gets through: no step"
    if change.slowdown_share <= 0:
        return "nothing lost"
    again = ", once back" if change.loss.interrupts else ""
    lost = change.slowdown_share
    return f"-{lost:.2%}{again}" if lost >= _SHOWN else f"less than {_SHOWN:.2%} lost{again}"


def _seconds(time: StepTime, part: str) -> float:
    if part == "computation":
        return time.computation_seconds
    if part == "bubble":
        return time.bubble_seconds
    return next(time.exposed_seconds[name] for name in DIMENSIONS if name == part)
