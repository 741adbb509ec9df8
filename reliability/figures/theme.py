"""One visual language for every figure: palette, the light and the dark template, and text that is safe to draw.

Plotly reads ``<b>`` or ``<a href=…>`` in any text as markup, and ``%{…}`` in a hover template as a field. Whatever came
from a log therefore goes through :func:`label` and stands in names, tick texts or ``customdata``, never in a template.
"""

from __future__ import annotations

import html
from dataclasses import dataclass
from math import ceil
from textwrap import wrap
from typing import Any, Final

import plotly.graph_objects as go

# The hues of Okabe and Ito (2008), told apart under every common colour blindness, moved to a lightness that shows on
# white and on near-black alike.
BLUE: Final = "#3987c9"
ORANGE: Final = "#e69f00"
GREEN: Final = "#12a279"
PINK: Final = "#d98bb9"
VERMILION: Final = "#d55e00"
SKY: Final = "#6cc3f0"
GREY: Final = "#6f7885"
PALETTE: Final = (BLUE, ORANGE, GREEN, PINK, VERMILION, SKY, GREY)

FONT: Final = "Inter, system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
# how a legend is laid out, near enough to make room for it
_ENTRY_PIXELS: Final = 45
_LETTER_PIXELS: Final = 7
_LEGEND_PIXELS: Final = 620
#: longest text beside an axis or in a legend
LABEL_WIDTH: Final = 32


@dataclass(frozen=True, slots=True)
class _Tones:
    text: str
    quiet: str
    grid: str
    paper: str
    tooltip: str


_LIGHT: Final = _Tones(text="#1f2933", quiet="#66717f", grid="#e8ebef", paper="#ffffff", tooltip="#ffffff")
_DARK: Final = _Tones(text="#e4e7eb", quiet="#9aa5b1", grid="#343a42", paper="#1e2227", tooltip="#2b3138")


def _template(tones: _Tones) -> go.layout.Template:
    axis: dict[str, Any] = {
        "gridcolor": tones.grid,
        "linecolor": tones.grid,
        "zeroline": False,
        "ticks": "",
        "automargin": True,
        "ticklabelstandoff": 6,
        "title": {"font": {"size": 12, "color": tones.quiet}, "standoff": 10},
        "tickfont": {"size": 12, "color": tones.quiet},
    }
    return go.layout.Template(
        layout={
            "font": {"family": FONT, "size": 13, "color": tones.text},
            "title": {
                "font": {"size": 17, "color": tones.text},
                "subtitle": {"font": {"size": 12, "color": tones.quiet}},
                "x": 0.0,
                "xanchor": "left",
                "xref": "container",
                "y": 1.0,
                "yref": "container",
                "yanchor": "top",
                "pad": {"t": 16, "l": 16},
            },
            "colorway": list(PALETTE),
            "paper_bgcolor": tones.paper,
            "plot_bgcolor": tones.paper,
            "hoverlabel": {
                "bgcolor": tones.tooltip,
                "bordercolor": tones.grid,
                "font": {"family": FONT, "size": 12, "color": tones.text},
                "align": "left",
            },
            "xaxis": axis,
            "yaxis": axis,
            "legend": {"orientation": "h", "x": 0, "y": 1.0, "yanchor": "bottom", "font": {"size": 12}},
            "annotationdefaults": {"font": {"size": 12, "color": tones.quiet}, "showarrow": False},
            "shapedefaults": {"line": {"color": tones.quiet, "width": 1}},
            "margin": {"l": 56, "r": 24, "b": 48},
            "bargap": 0.35,
        }
    )


TEMPLATES: Final = {"light": _template(_LIGHT), "dark": _template(_DARK)}


def new_figure(title: str, subtitle: str) -> go.Figure:
    """Start a figure in the light template.

    Parameters
    ----------
    title, subtitle
        Text of our own, or passed through :func:`label`. The subtitle says n, exposure and confidence.
    """
    lines = wrap(subtitle, 110, break_long_words=False) or [""]
    return go.Figure(
        layout={
            "template": TEMPLATES["light"],
            "title": {"text": title, "subtitle": {"text": "<br>".join(lines)}},
            "height": 420,
        }
    )


def finished(figure: go.Figure) -> go.Figure:
    """Make room above the plot for title, subtitle and legend, which Plotly would let overlap."""
    lines = figure.layout.title.subtitle.text.count("<br>") + 1
    names = [trace.name or "" for trace in _legend_entries(figure)]
    widths = [_ENTRY_PIXELS + _LETTER_PIXELS * len(html.unescape(name)) for name in names]
    rows = ceil(sum(widths) / _LEGEND_PIXELS) if len(names) > 1 or figure.layout.showlegend else 0
    return figure.update_layout(margin={"t": 58 + 16 * lines + 22 * rows})


def themed(figure: go.Figure, *, dark: bool) -> go.Figure:
    """Return a copy of the figure in the light or the dark template.

    >>> themed(new_figure("a", "b"), dark=True).layout.template.layout.paper_bgcolor
    '#1e2227'
    """
    return go.Figure(figure).update_layout(template=TEMPLATES["dark" if dark else "light"])


def headline(figure: go.Figure) -> tuple[str, str]:
    """Return title and subtitle as plain text, for a page that sets them itself.

    >>> headline(new_figure("Rates by " + label("<b>"), "46 failures"))
    ('Rates by <b>', '46 failures')
    """
    title = figure.layout.title
    return html.unescape(title.text), html.unescape(title.subtitle.text.replace("<br>", " "))


def without_headline(figure: go.Figure) -> go.Figure:
    """Return a copy without title and subtitle: the page around it sets them."""
    margin = {"t": 16, "l": 8, "r": 16}
    return go.Figure(figure).update_layout(title=None, margin=margin)


def label(text: object, width: int = LABEL_WIDTH) -> str:
    """Return text from a log so that Plotly draws it as it is: markup escaped, cut to a width.

    >>> label("<a href='x'>rack 7</a>")
    "&lt;a href='x'&gt;rack 7&lt;/a&gt;"
    >>> label("x" * 50, width=5)
    'xxxx…'
    """
    plain = "".join(character if character.isprintable() else " " for character in str(text))
    return html.escape(plain if len(plain) <= width else f"{plain[: width - 1]}…", quote=False)


def translucent(colour: str, opacity: float = 0.18) -> str:
    """Return a ``#rrggbb`` colour as a see-through one, for bands.

    >>> translucent("#3987c9", 0.5)
    'rgba(57, 135, 201, 0.5)'
    """
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, {opacity})"


def percent(share: float) -> str:
    """Return a confidence level or share as text.

    >>> percent(0.9), percent(0.995)
    ('90%', '99.5%')
    """
    return f"{100 * share:.4g}%"


def plural(count: float, noun: str) -> str:
    """Return a count with its noun.

    >>> plural(1, "failure"), plural(1234, "node-day"), plural(0.25, "node-day")
    ('1 failure', '1,234 node-days', '0.25 node-days')
    """
    number = f"{count:,.0f}" if count == round(count) or count >= 100 else f"{count:.3g}"
    return f"{number} {noun}{'' if count == 1 else 's'}"


def _legend_entries(figure: go.Figure) -> list[Any]:
    if figure.layout.showlegend is False:
        return []
    return [trace for trace in figure.data if trace.showlegend is not False]
