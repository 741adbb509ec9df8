"""What runs got out of their time: ETTR by size, beside its prediction, and the largest runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.goodput.measured import EttrInterval
from reliability.analyses.ettr_calibration import ettr_calibration
from reliability.analyses.runs import Runs, runs
from reliability.report.numbers import count, number
from reliability.report.sections.section import Section, Table, Window, ask

if TYPE_CHECKING:
    from reliability.lake import Lake

_MOST_LISTED = 12
#: fewer runs are no picture of a distribution
_FEWEST_PLACES = 20
_PARTS = ("queue", "productive", "checkpoint", "restart", "lost")


def run_section(lake: Lake, window: Window) -> Section:
    """Say which ETTR runs had by size, whether the prediction holds, and where the time of the largest went."""
    title = "Runs"
    found, reason = ask(lambda: runs(lake, most=_MOST_LISTED, **window.options()))
    if found is None:
        return Section(title, reason)
    cautions = [f"Caution: {warning}." for warning in found.warnings]
    held, _ = ask(lambda: ettr_calibration(lake, **window.options()))
    figures = [found.figure()]
    if held is not None and len(held.runs) >= _FEWEST_PLACES:
        figures.append(held.figure())
        cautions += [held.definition, *(f"Caution: {warning}." for warning in held.warnings)]
    text = " ".join([found.definition, found.assumption, *cautions])
    return Section(title, text, tuple(figures), (_sizes(found), _largest(found)))


def _sizes(found: Runs) -> Table:
    rows = tuple(
        (
            size.group,
            count(size.estimate.runs),
            number(size.estimate.wall_hours),
            _ettr(size.estimate.mean_of_runs),
            _ettr(size.estimate.ratio_of_sums),
        )
        for size in found.sizes
    )
    columns = (f"{found.size_unit}s of a run", "runs", "wall-clock hours", "ETTR, mean of runs", "ETTR, ratio of sums")
    return Table(columns, rows, frozenset(range(1, 5)))


def _largest(found: Runs) -> Table:
    rows = tuple(
        (
            str(row["run_id"]),
            str(row["job_name"] or "–"),
            count(row["gpu_count"] or 0),
            count(row["attempt_count"]),
            f"{row['ettr']:.3f}",
            *(number(row[f"{part}_seconds"] / 3600) for part in _PARTS),
            str(row["checkpoint_source"]),
        )
        for row in found.listed
    )
    columns = ("run", "name", "GPUs", "attempts", "ETTR", *(f"{part} (h)" for part in _PARTS), "checkpoints")
    return Table(columns, rows, frozenset(range(2, 10)))


def _ettr(interval: EttrInterval) -> str:
    if interval.low is None or interval.high is None:
        return f"{interval.ettr:.3f}"
    return f"{interval.ettr:.3f} ({interval.low:.3f}–{interval.high:.3f})"
