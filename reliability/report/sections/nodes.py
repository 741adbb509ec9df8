"""Nodes: how often they failed, and what part of their time was lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reliability.analyses.overview import Overview
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
    return Section(
        title,
        with_warnings(by_month),
        (availability_figure(overview), by_month.figure()),
        (rates_table(by_month, "month"),),
    )
