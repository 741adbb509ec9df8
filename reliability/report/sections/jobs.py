"""How jobs ended, and how often the infrastructure ended them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reliability.analyses.job_ends import JobEnds, job_ends
from reliability.analyses.job_groups import EndShare, JobGroup
from reliability.analyses.jobs import Jobs, jobs
from reliability.figures.jobs import end_name, mix_figure
from reliability.report.numbers import count, interval, number
from reliability.report.sections.section import Section, Table, Window, ask

if TYPE_CHECKING:
    from reliability.lake import Lake


def job_section(lake: Lake, window: Window) -> Section:
    """Say how jobs ended, how often the infrastructure ended them by size, and whether that projects to large ones."""
    title = "Jobs"
    found, reason = ask(lambda: jobs(lake, **window.options()))
    if found is None:
        return Section(title, reason)
    ends, _ = ask(lambda: job_ends(lake, **window.options()))
    cautions = [*found.warnings, *(ends.warnings if ends else ())]
    return Section(
        title,
        " ".join([found.definition, _projection(found), *(f"Caution: {warning}." for warning in cautions)]),
        (mix_figure(found), found.figure(), *([ends.figure()] if ends else [])),
        (_mix_table(found), _size_table(found), *([_ends_table(ends)] if ends else [])),
    )


def _projection(found: Jobs) -> str:
    if found.rate is None:
        return ""
    value = interval(found.rate.rate_per_1000_days, found.rate.low_per_1000_days, found.rate.high_per_1000_days)
    text = f"r_f of jobs with more than {found.min_gpus:,} GPUs: {value} failures per 1000 node-days."
    if found.law is not None:
        power = interval(found.law.exponent, found.law.low, found.law.high)
        text += f" Failures per run-hour grow as the nodes to the power {power}; in a series system it is 1."
    return text


def _mix_table(found: Jobs) -> Table:
    def shares(end: EndShare) -> tuple[str, ...]:
        time = end.gpu_time
        return (
            end_name(end.end),
            count(end.attempts),
            _percent(end.share.share, end.share.low, end.share.high),
            _percent(end.clustered.ratio, end.clustered.low, end.clustered.high),
            number(end.gpu_hours),
            _percent(time.ratio, time.low, time.high) if time else "–",
        )

    columns = ("end", "attempts", "share (exact)", "share (over users)", "GPU-hours", "share of GPU-time (over users)")
    return Table(columns, tuple(shares(end) for end in found.mix), frozenset(range(1, 6)))


def _size_table(found: Jobs) -> Table:
    def row(size: JobGroup) -> tuple[str, ...]:
        infrastructure, program = size.infrastructure, size.user_program
        mttf = size.mttf
        return (
            size.group,
            count(size.attempts),
            count(size.infrastructure_failures),
            _percent(infrastructure.share, infrastructure.low, infrastructure.high) if infrastructure else "–",
            _percent(program.share, program.low, program.high) if program else "–",
            number(size.run_hours),
            interval(mttf.mttf_hours, mttf.low_hours, mttf.high_hours) if mttf else "–",
        )

    columns = (
        f"{found.size_unit}s of the job",
        "attempts",
        "ended by infrastructure",
        "share",
        "by the user's program",
        "run-hours",
        "MTTF of a job (h)",
    )
    return Table(columns, tuple(row(size) for size in found.sizes), frozenset(range(1, 7)))


def _ends_table(ends: JobEnds) -> Table:
    rows = tuple(
        (
            number(row["run_hours"]),
            count(row["at_risk"]),
            *(_percent(row[name], row[f"{name}_low"], row[f"{name}_high"]) for name in ends.ends),
        )
        for row in ends.rows()
    )
    columns = ("after (h)", "at risk", *(end_name(name) for name in ends.ends))
    return Table(columns, rows, frozenset(range(len(columns))))


def _percent(value: float | None, low: float | None, high: float | None) -> str:
    if value is None:
        return "–"
    limits = "" if low is None or high is None else f" ({low:.2%}–{high:.2%})"
    return f"{value:.2%}{limits}"
