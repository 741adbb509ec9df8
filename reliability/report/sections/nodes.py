"""Nodes: how often they failed, how that changed, and what part of their time was lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reliability.analyses.overview import Overview
from reliability.analyses.rate_history import rate_history
from reliability.analyses.rates import rates
from reliability.figures.overview import availability_figure
from reliability.report.sections.section import Section, Window, ask, rates_table, with_warnings

if TYPE_CHECKING:
    from reliability.lake import Lake


def node_section(lake: Lake, overview: Overview, window: Window) -> Section:
    """Say how often nodes failed, and what part of their time was lost."""
    title = "Nodes"
    by_month, reason = ask(lambda: rates(lake, "node", by="month", **window.options()))
    if by_month is None or overview.node_rates is None:
        return Section(title, reason)
    history, _ = ask(lambda: rate_history(lake, "node", **window.options()))
    told = [with_warnings(by_month), *(history.sentences() if history else ())]
    figures = [availability_figure(overview), by_month.figure(), *([history.figure()] if history else [])]
    return Section(title, " ".join(told), tuple(figures), (rates_table(by_month, "month"),))
