"""A replay of the past: how many GPU-hours each bucket would have gained or lost, and what each lever alone buys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import plotly.graph_objects as go

from reliability.figures.theme import GREEN, GREY, VERMILION, finished, new_figure, percent, plural

if TYPE_CHECKING:
    from reliability.analyses.replay import Replay

#: more of these is better, more of the others is worse; idle and drained are neither
_GOOD: Final = ("productive", "serving")
_NEITHER: Final = ("idle", "drained", "unknown")


def replay_figure(replay: Replay) -> go.Figure:
    """Draw the change of every bucket that changes, with its interval.

    Parameters
    ----------
    replay
        Answer of :func:`reliability.analyses.replay.replay`.

    Returns
    -------
    plotly.graph_objects.Figure
        Bars to the right: more hours now than then. Green is gained, red is lost.
    """
    settings = ", ".join(f"{effect.lever.replace('_', ' ')}: {effect.setting}" for effect in replay.effects)
    figure = new_figure("Every bucket of the ledger, now less then", f"{settings} · {_foundation(replay)}")
    changed = [change for change in replay.buckets if change.difference_hours or change.low_hours or change.high_hours]
    bars = [
        (
            change.bucket.replace("_", " "),
            change.difference_hours,
            change.low_hours,
            change.high_hours,
            _colour(change.bucket, change.difference_hours),
        )
        for change in changed
    ]
    return _drawn(figure, bars, f"{replay.unit_name}-hours, now less then")


def levers_figure(replay: Replay) -> go.Figure:
    """Draw what each lever alone would have made productive, the best one on top.

    Parameters
    ----------
    replay
        Answer of :func:`reliability.analyses.replay.replay`.
    """
    figure = new_figure("Productive time that each lever alone buys", _foundation(replay))
    bars = [
        (
            f"{effect.lever.replace('_', ' ')}: {effect.setting}",
            effect.productive_hours,
            effect.low_hours,
            effect.high_hours,
            _colour("productive", effect.productive_hours),
        )
        for effect in sorted(replay.effects, key=lambda effect: -effect.productive_hours)
    ]
    return _drawn(figure, bars, f"productive {replay.unit_name}-hours, now less then")


def _drawn(figure: go.Figure, bars: Sequence[tuple[str, float, float, float, str]], axis: str) -> go.Figure:
    figure.add_trace(
        go.Bar(
            y=[name for name, *_ in bars],
            x=[value for _, value, *_ in bars],
            orientation="h",
            marker={"color": [colour for *_, colour in bars]},
            error_x={
                "type": "data",
                "symmetric": False,
                "array": [high - value for _, value, _, high, _ in bars],
                "arrayminus": [value - low for _, value, low, _, _ in bars],
                "color": GREY,
                "thickness": 1.4,
            },
            customdata=[[low, high] for _, _, low, high, _ in bars],
            hovertemplate="%{y}: %{x:+,.0f} h (%{customdata[0]:+,.0f} to %{customdata[1]:+,.0f})<extra></extra>",
            showlegend=False,
        )
    )
    figure.update_xaxes(title={"text": axis}, zeroline=True, tickformat=",")
    figure.update_yaxes(autorange="reversed")
    return finished(figure.update_layout(height=170 + 38 * max(1, len(bars))))


def _colour(bucket: str, change: float) -> str:
    if bucket in _NEITHER:
        return GREY
    return GREEN if (change >= 0) == (bucket in _GOOD) else VERMILION


def _foundation(replay: Replay) -> str:
    spared = f" · {plural(replay.attempts_spared, 'attempt')} spared its end" if replay.attempts_spared == 1 else ""
    if replay.attempts_spared > 1:
        spared = f" · {plural(replay.attempts_spared, 'attempt')} spared their end"
    capacity = plural(round(replay.capacity_hours), f"{replay.unit_name}-hour")
    return f"{capacity} of capacity · bars: {percent(replay.confidence)} intervals{spared}"
