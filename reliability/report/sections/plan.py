"""What a large run could expect."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from reliability.analyses.plan import FailureRate, plan
from reliability.analyses.plan_outlook import TARGET_ETTR, Outlook, outlook
from reliability.figures.plan import plan_figure, size_figure
from reliability.report.numbers import count, interval, number
from reliability.report.sections.plan_fabric import fabric_part
from reliability.report.sections.section import Section, Table, Window

if TYPE_CHECKING:
    from reliability.lake import Lake

#: sizes of run in the planning table
_RUN_GPUS: Final = (1_024, 4_096, 16_384, 100_000)
_CHECKPOINT_WRITE_SECONDS: Final = 120.0


def plan_section(lake: Lake, rate: FailureRate | None, gpus: int, window: Window) -> Section:
    """Say what a large run could expect at the measured rate, and where the lake has a fabric, in it."""
    title = "A large run"
    if rate is None or not rate.failures:
        return Section(title, "No failure was measured over node-days, so there is no rate to plan with.")
    planned = plan(gpus or _RUN_GPUS[0], rate, checkpoint_write_seconds=_CHECKPOINT_WRITE_SECONDS)
    found = outlook(planned, target_ettr=TARGET_ETTR)
    rows = []
    for size in sorted({planned.gpus, *_RUN_GPUS}):
        expected = plan(size, rate, checkpoint_write_seconds=_CHECKPOINT_WRITE_SECONDS).document()
        rows.append(
            (
                count(size),
                interval(expected["mttf_hours"], expected["mttf_low_hours"], expected["mttf_high_hours"]),
                *(_ettr(expected, form) for form in ("ettr_v1", "ettr_v2")),
                interval(expected["ettr_exact"], expected["ettr_low"], expected["ettr_high"]),
                number(expected["interval_exact_minutes"]),
                number(expected["ettr_at_exact_interval"]),
            )
        )
    columns = ("GPUs", "MTTF (h)", "ETTR v1", "ETTR v2", "ETTR exact", "best interval (min)", "ETTR exact there")
    assumed = (
        "Assumed: a checkpoint every hour that takes 2 min to write, 5 min to restart, no queue. A dash stands where "
        "failures would cost so much of the time that the closed forms do not hold."
    )
    fabric = fabric_part(lake, rate, gpus, window.to_utc, checkpoint_write_seconds=_CHECKPOINT_WRITE_SECONDS)
    words = (_run_sentence(found), assumed, planned.document()["definition"], fabric.text)
    return Section(
        title,
        " ".join(filter(None, words)),
        (plan_figure(planned), size_figure(planned), found.sensitivity.figure(), found.map.figure(), *fabric.figures),
        (Table(columns, tuple(rows), frozenset(range(len(columns)))), *fabric.tables),
    )


def _run_sentence(found: Outlook) -> str:
    """Say what the whole fleet could expect as one run, and what would change it most."""
    planned, largest, spares = found.planned, found.map.largest_gpus, found.spares
    text = (
        f"A run on {count(planned.gpus)} GPUs would get an ETTR of "
        f"{interval(planned.ettr_exact, planned.ettr_low, planned.ettr_high)}"
    )
    if found.simulated is not None:
        text += f"; {found.simulated.replicas} simulated runs got {number(found.simulated.ettr)} on average"
    if spares.count is not None:
        text += (
            f". With {_counts(spares.count, spares.low, spares.high)} spare nodes, 95% of its failures would find one "
            "ready, were repairs to take a day"
        )
    buys = found.sensitivity.factors[0]
    change = "half of it" if buys.ettr_halved >= buys.ettr_doubled else "twice as much"
    text += f". What would buy most is the {buys.label}: {change} adds {buys.gain:.3f}"
    if largest.middle:
        most = _counts(largest.middle, largest.at_high_rate, largest.at_low_rate)
        text += f". At the best interval of each size, up to {most} GPUs reach an ETTR of {found.map.target:g}"
    return f"{text}."


def _ettr(expected: dict[str, Any], form: str) -> str:
    if expected["warnings"]:
        return number(None)
    return interval(expected[form], expected[f"{form}_low"], expected[f"{form}_high"])


def _counts(value: int, low: int | None, high: int | None) -> str:
    if low is None or high is None:
        return count(value)
    return f"{count(value)} ({count(low)}–{count(high)})"
