"""What a large run could expect."""

from __future__ import annotations

from typing import Any, Final

from reliability.analyses.plan import FailureRate, plan
from reliability.figures.plan import plan_figure, size_figure
from reliability.report.numbers import count, interval, number
from reliability.report.sections.section import Section, Table

#: sizes of run in the planning table
_RUN_GPUS: Final = (1_024, 4_096, 16_384, 100_000)
_CHECKPOINT_WRITE_SECONDS: Final = 120.0


def plan_section(rate: FailureRate | None, gpus: int) -> Section:
    """Say what a large run could expect at the measured rate."""
    title = "A large run"
    if rate is None or not rate.failures:
        return Section(title, "No failure was measured over node-days, so there is no rate to plan with.")
    planned = plan(gpus or _RUN_GPUS[0], rate, checkpoint_write_seconds=_CHECKPOINT_WRITE_SECONDS)
    sizes = sorted({planned.gpus, *_RUN_GPUS})
    rows = []
    for size in sizes:
        expected = plan(size, rate, checkpoint_write_seconds=_CHECKPOINT_WRITE_SECONDS).document()
        rows.append(
            (
                count(size),
                interval(expected["mttf_hours"], expected["mttf_low_hours"], expected["mttf_high_hours"]),
                *(_ettr(expected, form) for form in ("ettr_v1", "ettr_v2")),
                number(expected["interval_v2_optimal_minutes"]),
                number(expected["ettr_v2_at_optimum"]),
            )
        )
    columns = ("GPUs", "MTTF (h)", "ETTR v1", "ETTR v2", "best interval (min)", "ETTR v2 there")
    assumed = (
        "Assumed: a checkpoint every hour that takes 2 min to write, 5 min to restart, no queue. A dash stands where "
        "failures would cost so much of the time that the closed forms do not hold."
    )
    return Section(
        title,
        f"{planned.document()['definition']} {assumed}",
        (plan_figure(planned), size_figure(planned)),
        (Table(columns, tuple(rows), frozenset(range(6))),),
    )


def _ettr(expected: dict[str, Any], form: str) -> str:
    if expected["warnings"]:
        return number(None)
    return interval(expected[form], expected[f"{form}_low"], expected[f"{form}_high"])
