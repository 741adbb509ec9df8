"""What failed, and when."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reliability.analyses.failures import failures
from reliability.analyses.overview import Overview
from reliability.figures.causes import cause_name
from reliability.report.numbers import count, interval, number
from reliability.report.sections.section import Section, Table, Window

if TYPE_CHECKING:
    from reliability.lake import Lake


def failure_section(lake: Lake, overview: Overview, window: Window) -> Section:
    """Say what failed: causes, and when."""
    title = "Causes"
    if overview.causes is None:
        return Section(title, "No logs of jobs or of node states are in the lake, so nothing can be said about causes.")
    if not overview.causes.causes:
        return Section(title, f"Nothing failed in {number(overview.causes.exposure_node_days)} node-days.")
    found = failures(lake, from_utc=window.from_utc, to_utc=window.to_utc)
    rows = tuple(
        (
            cause_name(cause.cause),
            cause.domain.replace("_", " "),
            count(cause.failures),
            f"{cause.share.share:.1%}",
            interval(cause.rate.rate_per_1000_days, cause.rate.low_per_1000_days, cause.rate.high_per_1000_days),
            number(cause.lost_gpu_hours),
        )
        for cause in overview.causes.causes
    )
    columns = ("cause", "domain", "failures", "share", "per 1000 node-days", "lost GPU-hours")
    return Section(
        title,
        overview.causes.definition,
        (overview.causes.figure(), found.figure()) if overview.causes.infrastructure_failures else (),
        (Table(columns, rows, frozenset({2, 3, 4, 5})),),
    )
