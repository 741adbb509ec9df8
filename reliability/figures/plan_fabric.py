"""A planned run in a fabric: bars of what takes it down a month, by failure domain, one fabric beside the other."""

from __future__ import annotations

import plotly.graph_objects as go

from reliability.analyses.domain_findings import MONTH_DAYS
from reliability.analyses.plan_fabric import InFabric, PlanFabric
from reliability.figures.theme import BLUE, ORANGE, finished, label, new_figure

_ROW_PIXELS = 44


def plan_fabric_figure(found: PlanFabric) -> go.Figure:
    """Draw the failures of a run by domain, on a logarithmic axis: nodes and switches are orders of magnitude apart.

    Parameters
    ----------
    found
        Answer of :func:`reliability.analyses.plan_fabric.plan_fabric`.
    """
    fabrics = [each for each in (found.one, found.other) if each is not None]
    figure = new_figure("What takes the run down, by failure domain", _subtitle(found))
    domains = list(dict.fromkeys(row.component for each in fabrics for row in each.rows if row.per_day > 0))
    # Plotly draws the first row lowest.
    domains.reverse()
    for each, colour in zip(fabrics, (BLUE, ORANGE), strict=False):
        rows = {row.component: row for row in each.rows if row.per_day > 0}
        figure.add_trace(
            go.Bar(
                name=label(each.kind),
                y=[label(domain) for domain in domains],
                x=[rows[domain].per_day * MONTH_DAYS if domain in rows else None for domain in domains],
                orientation="h",
                marker={"color": colour},
                error_x=_errors(each, domains),
                customdata=[
                    (f"{rows[domain].fatal_parts:,} of {rows[domain].parts:,}", label(rows[domain].source, 120))
                    if domain in rows
                    else ("", "")
                    for domain in domains
                ],
                hovertemplate="%{y}: %{x:.3~g} a month; fatal: %{customdata[0]}<br>%{customdata[1]}<extra></extra>",
            )
        )
    figure.update_xaxes(title={"text": "failures of the run a month"}, type="log", dtick=1, exponentformat="power")
    figure.update_layout(height=200 + _ROW_PIXELS * max(2, len(domains)), showlegend=len(fabrics) > 1)
    return finished(figure)


def _subtitle(found: PlanFabric) -> str:
    told = f"{found.planned.gpus:,} GPUs; ETTR {found.one.ettr:.4f} in {label(found.one.kind)}"
    if found.other is not None and found.difference is not None:
        told += f", {found.other.ettr:.4f} in {label(found.other.kind)}: {found.difference.exact:+.4f}"
    return f"{told}. Limits where counts are known; what only slows is not drawn"


def _errors(found: InFabric, domains: list[str]) -> dict[str, object] | None:
    limits = {
        row.component: (row.high - row.per_day, row.per_day - row.low)
        for row in found.rows
        if row.low is not None and row.high is not None and row.per_day > 0
    }
    if not limits:
        return None
    above, below = (
        [limits[domain][side] * MONTH_DAYS if domain in limits else None for domain in domains] for side in (0, 1)
    )
    return {"array": above, "arrayminus": below, "thickness": 1}
