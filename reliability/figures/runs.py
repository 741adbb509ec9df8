"""ETTR as measured: by the size of runs with its intervals, and of one run over its time with its attempts."""

from __future__ import annotations

from typing import Final

import numpy as np
import plotly.graph_objects as go

from reliability.analyses.run_story import RunStory
from reliability.analyses.runs import Runs
from reliability.figures.theme import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PINK,
    SKY,
    VERMILION,
    finished,
    label,
    new_figure,
    percent,
    plural,
)

#: parts of an attempt in order of time
_PARTS: Final = (
    (("queue_seconds",), "queued", GREY),
    (("restart_seconds",), "restart", ORANGE),
    (("productive_seconds", "checkpoint_seconds"), "productive, with its checkpoints", GREEN),
    (("lost_seconds",), "lost work", VERMILION),
)


def sizes_figure(found: Runs) -> go.Figure:
    """Draw the ETTR of each size, as mean of runs and as ratio of sums, with intervals.

    Parameters
    ----------
    found
        Answer of :func:`reliability.analyses.runs.runs`.

    Returns
    -------
    plotly.graph_objects.Figure
        A size with one run has a mark without an interval.
    """
    figure = new_figure(
        f"Measured ETTR by {found.size_unit}s of a run",
        f"{plural(found.overall.runs, 'run')} · {plural(round(found.overall.wall_hours), 'wall-clock hour')} · "
        f"{percent(found.confidence)} intervals, runs resampled",
    )
    names = [size.group for size in found.sizes]
    for title, colour, symbol, chosen in (
        ("mean of runs", BLUE, "circle", [size.estimate.mean_of_runs for size in found.sizes]),
        ("ratio of sums", PINK, "diamond", [size.estimate.ratio_of_sums for size in found.sizes]),
    ):
        value = np.array([interval.ettr for interval in chosen])
        low = np.array([interval.ettr if interval.low is None else interval.low for interval in chosen])
        high = np.array([interval.ettr if interval.high is None else interval.high for interval in chosen])
        figure.add_trace(
            go.Scatter(
                x=names,
                y=value,
                mode="markers",
                name=title,
                marker={"color": colour, "size": 9, "symbol": symbol},
                error_y={"type": "data", "array": high - value, "arrayminus": value - low, "thickness": 1.5},
                customdata=np.column_stack([low, high, [size.estimate.runs for size in found.sizes]]),
                hovertemplate="%{y:.3f} (%{customdata[0]:.3f}–%{customdata[1]:.3f}), %{customdata[2]:,} runs"
                f"<extra>{title}</extra>",
            )
        )
    figure.update_xaxes(type="category", title={"text": f"{found.size_unit}s of a run"}, showgrid=False)
    figure.update_yaxes(range=[0, 1.02], title={"text": "ETTR"})
    return finished(figure.update_layout(showlegend=True, scattermode="group"))


def story_figure(story: RunStory) -> go.Figure:
    """Draw one run over its time: cumulative and sliding ETTR over the parts of its attempts.

    Parameters
    ----------
    story
        Answer of :func:`reliability.analyses.run_story.run_story`.

    Returns
    -------
    plotly.graph_objects.Figure
        Below the curves a strip shows what each attempt did.
    """
    over = story.over_time
    hours = story.over_time.window_seconds / 3600
    figure = new_figure(
        f"Run {label(story.run_id)}: ETTR {story.ettr:.3f}",
        f"{plural(len(story.attempts), 'attempt')} · {label(story.job_name or 'no name')} · sliding over {hours:g} h",
    )
    moments = story.moments()
    for title, colour, values, width in (
        (f"over the last {hours:g} h", SKY, over.sliding, 1.0),
        ("since its begin", BLUE, over.cumulative, 2.5),
    ):
        figure.add_trace(
            go.Scatter(
                x=moments,
                y=[None if np.isnan(value) else float(value) for value in values],
                mode="lines",
                name=title,
                line={"color": colour, "width": width},
                hovertemplate="%{y:.3f}<extra>" + title + "</extra>",
            )
        )
    for part, (_, title, colour) in enumerate(_PARTS):
        _add_strip(figure, story, part, title, colour)
    figure.update_yaxes(title={"text": "ETTR"}, range=[-0.14, 1.02], tickvals=[0, 0.25, 0.5, 0.75, 1])
    figure.update_xaxes(title={"text": "UTC"})
    return finished(figure.update_layout(showlegend=True, barmode="overlay", hovermode="x unified"))


def _add_strip(figure: go.Figure, story: RunStory, part: int, title: str, colour: str) -> None:
    """Draw one part of every attempt as a bar below the axis."""
    x: list[object] = []
    for row in story.attempts:
        lengths = [sum(row[column] for column in columns) for columns, _, _ in _PARTS]
        begin = row["from_micros"] / 1e6 - lengths[0] + sum(lengths[:part])
        if lengths[part] > 0:
            ends = (round(moment * 1e6) for moment in (begin, begin + lengths[part]))
            x += [*(np.datetime64(moment, "us") for moment in ends), None]
    if not x:
        return
    figure.add_trace(
        go.Scatter(
            x=x,
            y=[-0.08, -0.08, None] * (len(x) // 3),
            mode="lines",
            name=title,
            line={"color": colour, "width": 12},
            hoverinfo="skip",
        )
    )
