"""How jobs ended, and how often the infrastructure ended them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reliability.analyses.overview import Overview
from reliability.analyses.rates import rates
from reliability.figures.overview import states_figure
from reliability.report.numbers import count, number
from reliability.report.sections.section import Section, Table, Window, ask, rates_table, with_warnings

if TYPE_CHECKING:
    from reliability.lake import Lake


def job_section(lake: Lake, overview: Overview, window: Window) -> Section:
    """Say how jobs ended, and how often the infrastructure ended them."""
    title = "Jobs"
    by_size, reason = ask(lambda: rates(lake, "attempt", by="job_size", **window.options()))
    if by_size is None:
        return Section(title, reason)
    states = tuple(
        (row["state"], count(row["attempts"]), f"{row['share']:.1%}", number(row["gpu_hours"]))
        for row in overview.states
    )
    return Section(
        title,
        with_warnings(by_size),
        (states_figure(overview), by_size.figure()),
        (
            Table(("state", "attempts", "share", "GPU-hours"), states, frozenset({1, 2, 3})),
            rates_table(by_size, "GPUs of the job"),
        ),
    )
