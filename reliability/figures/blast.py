"""Blast radii as bars: GPUs that a fault takes down and GPUs that it only slows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import plotly.graph_objects as go

from reliability.figures.theme import (
    BLUE,
    ORANGE,
    VERMILION,
    finished,
    label,
    new_figure,
    percent,
    plural,
    translucent,
)

if TYPE_CHECKING:
    from reliability.analyses.blast import Blast, BlastRow
    from reliability.analyses.double_blast import DoubleBlast

#: bars that a reader can tell apart
_MOST_DRAWN: Final = 40


def blast_figure(blast: Blast) -> go.Figure:
    """Draw for each class, or each component of a class, the GPUs down, cut off and degraded.

    Parameters
    ----------
    blast
        Answer of :func:`reliability.analyses.blast.blast`.

    Returns
    -------
    plotly.graph_objects.Figure
        GPUs on a logarithmic axis; what is left of a degraded GPU's bandwidth stands beside its bar.
    """
    fabric = blast.under.fabric
    drawn = blast.found[:_MOST_DRAWN]
    gpus = fabric.hosts * fabric.gpus_per_host
    said = [f"of {plural(gpus, 'GPU')}", *([blast.jobs_note] if blast.under.running is not None else [])]
    if len(drawn) < len(blast.found):
        said.append(f"the worst {len(drawn)} of {len(blast.found):,}")
    title = f"What one fault reaches in {label(blast.under.name)}"
    figure = new_figure(title, " · ".join(label(text, 120) for text in said))
    rows = list(range(len(drawn)))
    for name, colour, numbers, texts in (
        ("degraded", BLUE, [row.radius.gpus_degraded for row in drawn], [_left(row) for row in drawn]),
        ("cut off from others", ORANGE, [row.radius.gpus_cut_off for row in drawn], [""] * len(drawn)),
        ("down: jobs fail", VERMILION, [row.radius.gpus_down for row in drawn], [""] * len(drawn)),
    ):
        figure.add_trace(
            go.Bar(
                orientation="h",
                name=name,
                x=[number or None for number in numbers],
                y=rows,
                text=texts,
                textposition="outside",
                textfont={"size": 11},
                cliponaxis=False,
                width=0.6,
                marker={"color": translucent(colour, 0.75)},
                customdata=[_hover(row) for row in drawn],
                hovertemplate="<b>%{customdata[0]}</b><br>%{x:,} GPUs<br>%{customdata[1]}<extra>" + name + "</extra>",
            )
        )
    _name_rows(figure, [_name(blast, row) for row in drawn])
    figure.update_xaxes(title={"text": "GPUs"}, type="log", dtick=1, range=[-0.1, _decades(gpus)])
    return finished(figure.update_layout(height=170 + 30 * max(4, len(drawn)), showlegend=True, barmode="overlay"))


def double_blast_figure(doubles: DoubleBlast) -> go.Figure:
    """Draw for each two classes the share of pairs that take something down, and of those that only together do.

    Parameters
    ----------
    doubles
        Answer of :func:`reliability.analyses.double_blast.double_blast`.

    Returns
    -------
    plotly.graph_objects.Figure
        Shares of all pairs.
    """
    pairs = sum(one.pairs for one in doubles.faults)
    figure = new_figure(
        f"What two faults at once do in {label(doubles.under.name)}", f"{plural(pairs, 'pair')}, counted exactly"
    )
    for name, colour, shares in (
        ("take something down", VERMILION, [one.share_takes_down for one in doubles.faults]),
        ("only together", ORANGE, [one.share_only_together for one in doubles.faults]),
    ):
        figure.add_trace(
            go.Bar(
                orientation="h",
                name=name,
                x=shares,
                y=list(range(len(shares))),
                text=[percent(share) if share else "none" for share in shares],
                textposition="outside",
                cliponaxis=False,
                marker={"color": translucent(colour, 0.6)},
                hovertemplate="%{x:.3%} of the pairs<extra>" + name + "</extra>",
            )
        )
    _name_rows(figure, [label(f"{one.kinds[0]} and {one.kinds[1]}") for one in doubles.faults])
    figure.update_xaxes(title={"text": "share of the pairs"}, tickformat="~p", rangemode="tozero")
    return finished(figure.update_layout(height=170 + 40 * max(3, len(doubles.faults)), showlegend=True))


def _name_rows(figure: go.Figure, names: Sequence[str]) -> None:
    figure.update_yaxes(
        tickvals=list(range(len(names))), ticktext=list(names), range=[len(names) - 0.4, -0.6], showgrid=False
    )


def _name(blast: Blast, row: BlastRow) -> str:
    radius = row.radius
    if blast.component is not None:
        return label(" + ".join(component.name for component in radius.components))
    return label(radius.kind if radius.alike == radius.of else f"{radius.kind} ({radius.alike:,} of {radius.of:,})")


def _left(row: BlastRow) -> str:
    return f"{row.radius.bandwidth_left_share:.1%} left" if row.radius.gpus_degraded else ""


def _hover(row: BlastRow) -> list[str]:
    name = " + ".join(component.name for component in row.radius.components)
    return [label(name, 60), label(row.radius.because, 120)]


def _decades(gpus: int) -> float:
    return len(str(gpus)) + 0.4
