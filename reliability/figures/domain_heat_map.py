"""Domain by time: where and when nodes failed, and where they failed together."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

import plotly.graph_objects as go

from reliability.figures.theme import finished, label, new_figure, plural

if TYPE_CHECKING:
    from reliability.analyses.domain_heat_map import DomainHeatMap, HeatCell

#: rows that fit on a page; the others have fewer failures
_MOST_DOMAINS: Final = 40
#: few to many, on light and dark alike
_SCALE: Final = [[0.0, "#f3d9a4"], [0.25, "#e69f00"], [0.6, "#d55e00"], [1.0, "#7b3014"]]
_ROW_PIXELS: Final = 17


def domain_heat_map_figure(found: DomainHeatMap) -> go.Figure:
    """Draw the failures of each domain in each stretch of time; a cell with shared failures says how many.

    Parameters
    ----------
    found
        Answer of :func:`reliability.analyses.domain_heat_map.domain_heat_map`.

    Returns
    -------
    plotly.graph_objects.Figure
        Domains in the order of their names, at most 40: those with most failures. Stretches without failures are blank.
    """
    totals: defaultdict[tuple[str, str], int] = defaultdict(int)
    for cell in found.cells:
        totals[cell.cluster, cell.domain] += cell.failures
    named = [(cluster, domain) for cluster, domain, _ in found.domains]
    shown = sorted(sorted(named, key=lambda name: -totals[name])[:_MOST_DOMAINS], reverse=True)
    several = len({cluster for cluster, _ in named}) > 1
    by_place: dict[tuple[str, str, object], HeatCell] = {
        (cell.cluster, cell.domain, cell.from_utc): cell for cell in found.cells
    }
    stretches = found.stretches
    grid = [[by_place.get((*name, begin)) for begin in stretches] for name in shown]
    shared = sum(cell.shared for cell in found.cells)
    left_out = len(named) - len(shown)
    figure = new_figure(
        f"Failures of each {label(found.kind)} by time",
        f"{plural(sum(totals.values()), 'node failure')}, {shared:,} of them together with another node of the domain "
        f"(the number in the cell) · stretches of {plural(found.bucket_days, 'day')}"
        + (f" · {left_out:,} with fewer failures are not shown" if left_out else ""),
    )
    figure.add_trace(
        go.Heatmap(
            x=list(stretches),
            # Numbers, not names: two long names may be cut to one text.
            y=list(range(len(shown))),
            z=[[cell.failures if cell and cell.failures else None for cell in row] for row in grid],
            text=[[f"{cell.shared}" if cell and cell.shared else "" for cell in row] for row in grid],
            texttemplate="%{text}",
            customdata=[
                [[label(name[1]), cell.shared if cell else 0, cell.flags if cell else 0] for cell in row]
                for name, row in zip(shown, grid, strict=True)
            ],
            hovertemplate="%{customdata[0]}: %{z:,} failures, %{customdata[1]:,} shared, %{customdata[2]:,} flags"
            "<extra>from %{x|%Y-%m-%d}</extra>",
            colorscale=_SCALE,
            zmin=0,
            xgap=1,
            ygap=1,
            hoverongaps=False,
            colorbar={"title": {"text": "failures"}, "thickness": 12, "outlinewidth": 0},
        )
    )
    figure.update_yaxes(
        tickmode="array",
        tickvals=list(range(len(shown))),
        ticktext=[label(f"{cluster} {domain}" if several else domain) for cluster, domain in shown],
        showgrid=False,
    )
    figure.update_xaxes(showgrid=False)
    return finished(figure.update_layout(height=180 + _ROW_PIXELS * max(8, len(shown))))
