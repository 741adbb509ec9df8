"""Which signs come together: a map of kinds by kinds."""

from __future__ import annotations

import plotly.graph_objects as go

from reliability.analyses.companions import Companion, Companions
from reliability.figures.causes import cause_name
from reliability.figures.theme import BLUE, finished, label, new_figure, percent, plural, translucent


def companions_figure(found: Companions) -> go.Figure:
    """Draw the share of incidents of each kind (rows) that another kind (columns) accompanies on the same node.

    Parameters
    ----------
    found
        Answer of :func:`reliability.analyses.companions.companions`.
    """
    pairs = {(pair.kind, pair.other): pair for pair in found.co_occurrence if pair.found.share.k}
    kinds = sorted({name for pair in pairs for name in pair})
    figure = new_figure(
        "Signs that come together",
        f"Share of incidents in a row with one of the column within {plural(found.window_seconds / 60, 'minute')} on "
        f"the same node · {plural(len(pairs), 'pair')} seen · {percent(found.confidence)} Clopper-Pearson intervals",
    )
    names = [label(kind_name(kind)) for kind in kinds]
    figure.add_trace(
        go.Heatmap(
            x=list(range(len(kinds))),
            y=list(range(len(kinds))),
            z=[[_share(pairs.get((row, column))) for column in kinds] for row in kinds],
            customdata=[[_hover(row, column, pairs.get((row, column))) for column in kinds] for row in kinds],
            hovertemplate="<b>%{customdata[0]}</b><br>%{customdata[1]}<extra></extra>",
            colorscale=[[0.0, translucent(BLUE, 0.05)], [1.0, translucent(BLUE, 0.7)]],
            zmin=0,
            zmax=1,
            xgap=2,
            ygap=2,
            showscale=False,
        )
    )
    # Beside the map and not in it: Plotly chooses the colour of a cell's own text as if the cell were opaque.
    figure.add_trace(
        go.Scatter(
            x=[kinds.index(pair.other) for pair in pairs.values()],
            y=[kinds.index(pair.kind) for pair in pairs.values()],
            text=[f"{pair.found.share.share:.0%}" for pair in pairs.values()],
            mode="text",
            hoverinfo="skip",
            showlegend=False,
        )
    )
    ticks = {"tickvals": list(range(len(kinds))), "ticktext": names, "showgrid": False}
    figure.update_xaxes(**ticks, title={"text": "with"})
    figure.update_yaxes(**ticks, autorange="reversed")
    return finished(figure.update_layout(height=200 + 34 * max(3, len(kinds))))


def kind_name(kind: str) -> str:
    """Return a kind of sign as a reader says it.

    >>> kind_name("xid:79"), kind_name("pcie"), kind_name("xid:79 + ipmi:critical_interrupt_asserted")
    ('Xid 79', 'PCIe', 'Xid 79 + BMC critical interrupt asserted')
    """
    return " + ".join(_part_name(part) for part in kind.split(" + "))


def _part_name(part: str) -> str:
    if part.startswith("xid:"):
        return part.replace("xid:", "Xid ")
    return f"BMC {cause_name(part[5:])}".strip() if part.startswith("ipmi") else cause_name(part)


def _share(pair: Companion | None) -> float | None:
    return pair.found.share.share if pair else None


def _hover(kind: str, other: str, pair: Companion | None) -> list[str]:
    name = label(f"{kind_name(kind)} with {kind_name(other)}")
    if pair is None:
        return [name, "never seen together"]
    share = pair.found.share
    text = f"{share.k} of {share.n}: {share.share:.0%} ({share.low:.0%}–{share.high:.0%})"
    text += f", {pair.found.expected_share:.2g} by chance"
    return [name, text]
