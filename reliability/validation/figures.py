"""The findings as figures: the bias of each rate, and what noise does to the verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import plotly.graph_objects as go

from reliability.figures.theme import BLUE, ORANGE, finished, label, new_figure, percent
from reliability.validation.harness import Validation

_ROW_PIXELS: Final = 30
_MOST_RATIO: Final = 4.0


def coverage_figure(found: Validation) -> go.Figure | None:
    """Draw failures counted over failures expected for each rate, all clusters pooled.

    Parameters
    ----------
    found
        What was found.

    Returns
    -------
    plotly.graph_objects.Figure or None
        None where no rate could be compared.
    """
    rows = [row for row in found.tables.get("coverage", []) if row["ratio"] is not None]
    if not rows:
        return None
    failures = sum(row["failures"] for row in rows if row["of"] == "node")
    figure = new_figure(
        "Failures counted over failures expected",
        f"{found.clusters:,} clusters pooled, {failures:,} failures of nodes · 1: no bias · "
        f"{percent(found.confidence)} exact Poisson intervals",
    )
    hover = [[label(row["of"]), f"{row['failures']:,}", f"{row['expected_failures']:,.1f}"] for row in rows]
    figure.add_trace(
        go.Scatter(
            x=[row["ratio"] for row in rows],
            y=list(range(len(rows))),
            error_x=_error(rows, "ratio", "ratio_low", "ratio_high", BLUE),
            mode="markers",
            marker={"color": BLUE, "size": 9},
            customdata=hover,
            hovertemplate="<b>%{customdata[0]}</b><br>%{x:.3g}: %{customdata[1]} counted, %{customdata[2]} expected"
            "<extra></extra>",
        )
    )
    figure.add_vline(x=1.0)
    longest = max(min(_MOST_RATIO, row["ratio_high"]) for row in rows)
    highest = max(longest, *(row["ratio"] for row in rows))
    figure.update_xaxes(title={"text": "counted / expected"}, range=[0, 1.06 * highest])
    return _listed(figure, [row["of"] for row in rows]).update_layout(showlegend=False)


def sensitivity_figure(found: Validation) -> go.Figure | None:
    """Draw precision and recall of the verdicts for each change of the noise.

    Parameters
    ----------
    found
        What was found.

    Returns
    -------
    plotly.graph_objects.Figure or None
        None where nothing was changed, or nothing was to be judged.
    """
    rows = [row for row in found.sensitivity if row["precision"] is not None and row["recall"] is not None]
    if not rows:
        return None
    figure = new_figure(
        "Verdicts as the logs grow worse",
        f"{rows[0]['clusters']:,} clusters each · * as in the preset · {percent(found.confidence)} Clopper–Pearson "
        "intervals",
    )
    for name, colour, shift in (("precision", BLUE, -0.14), ("recall", ORANGE, 0.14)):
        figure.add_trace(
            go.Scatter(
                x=[row[name] for row in rows],
                y=[place + shift for place in range(len(rows))],
                error_x=_error(rows, name, f"{name}_low", f"{name}_high", colour),
                mode="markers",
                name=name,
                marker={"color": colour, "size": 8},
                customdata=[_setting(row) for row in rows],
                hovertemplate=f"<b>%{{customdata}}</b><br>{name} %{{x:.1%}}<extra></extra>",
            )
        )
    lowest = min(row[f"{name}_low"] for row in rows for name in ("precision", "recall"))
    figure.update_xaxes(tickformat=".0%", range=[max(0.0, lowest - 0.02), 1.01])
    return _listed(figure, [_setting(row) for row in rows])


def _setting(row: dict[str, Any]) -> str:
    return label(f"{row['parameter']} = {row['value']:g}{' *' if row['default'] else ''}", 48)


def _error(rows: Sequence[dict[str, Any]], value: str, low: str, high: str, colour: str) -> dict[str, Any]:
    return {
        "type": "data",
        "symmetric": False,
        "array": [row[high] - row[value] for row in rows],
        "arrayminus": [row[value] - row[low] for row in rows],
        "thickness": 2,
        "width": 0,
        "color": colour,
    }


def _listed(figure: go.Figure, names: Sequence[str]) -> go.Figure:
    """Name the rows, the first on top."""
    figure.update_yaxes(
        tickvals=list(range(len(names))),
        ticktext=[label(name, 48) for name in names],
        range=[len(names) - 0.4, -0.6],
        showgrid=False,
    )
    return finished(figure.update_layout(height=150 + _ROW_PIXELS * max(4, len(names))))
