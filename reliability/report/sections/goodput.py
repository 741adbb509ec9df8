"""Where the capacity went, and what failures cost."""

from __future__ import annotations

from reliability.analyses.goodput import BUCKETS, Goodput
from reliability.figures.goodput import NAMES, causes_figure, days_figure
from reliability.figures.theme import percent
from reliability.report.numbers import count, day, interval, number
from reliability.report.sections.section import Section, Table

_MOST_LOOPS = 10


def goodput_section(found: Goodput | None, why_not: str) -> Section:
    """Show the goodput ledger, what each cause cost, and the crash loops.

    Parameters
    ----------
    found
        The ledger; None where the lake cannot tell.
    why_not
        Then the reason.
    """
    title = "Goodput"
    if found is None:
        return Section(title, why_not)
    cautions = " ".join(f"Caution: {warning}" for warning in found.warnings)
    lost = any(cause.hours.get("lost_first_order") for cause in found.causes)
    figures = (found.figure(), days_figure(found), *((causes_figure(found),) if lost else ()))
    tables = (_buckets(found), *((_causes(found),) if found.causes else ()))
    if found.crash_loops:
        tables = (*tables, _loops(found))
    return Section(title, f"{loss_sentence(found)} {found.definition} {cautions}".strip(), figures, tables)


def loss_sentence(found: Goodput) -> str:
    """Say in one sentence what failures cost.

    Parameters
    ----------
    found
        The ledger.
    """
    loss, unit = found.loss, f"{found.unit_name}-hours"
    productive = found.buckets["productive"] / found.capacity_hours
    text = f"{productive:.1%} of {count(found.capacity_hours)} {unit} were productive"
    if loss.share is None or loss.share_low is None or loss.share_high is None:
        return f"{text}; no work was lost to failures of the infrastructure."
    first = interval(loss.first_order.hours, loss.first_order.low, loss.first_order.high)
    return (
        f"{text}; failures of the infrastructure cost {first} {unit} of lost work ({percent(found.confidence)} "
        f"interval), and the preemptions they set off {number(loss.second_order.hours)} more: {loss.share:.1%} "
        f"({loss.share_low:.1%}–{loss.share_high:.1%}) of the two together."
    )


def _buckets(found: Goodput) -> Table:
    rows = tuple(
        (NAMES[bucket], number(found.buckets[bucket]), f"{found.buckets[bucket] / found.capacity_hours:.3%}")
        for bucket in BUCKETS
        if found.buckets[bucket] > 0
    )
    total = ("capacity", number(found.capacity_hours), "100%")
    return Table(("bucket", f"{found.unit_name}-hours", "share"), (*rows, total), frozenset({1, 2}))


def _causes(found: Goodput) -> Table:
    rows = tuple(
        (
            cause.cause.replace("_", " "),
            number(cause.hours.get("lost_first_order", 0.0)),
            number(cause.hours.get("lost_second_order", 0.0)),
            number(cause.total_hours),
        )
        for cause in found.causes
    )
    columns = ("lost to", "first order", "second order", f"{found.unit_name}-hours in all")
    return Table(columns, rows, frozenset({1, 2, 3}))


def _loops(found: Goodput) -> Table:
    rows = tuple(
        (
            str(loop["job_name"] or loop["run_id"]),
            count(loop["gpu_count"] or 0),
            count(loop["failures"]),
            day(loop["from_utc"]),
            number(loop["lost_hours"] + loop["restart_hours"]),
            count(loop["preemptions"]),
            number(loop["preempted_hours"]),
        )
        for loop in found.crash_loops[:_MOST_LOOPS]
    )
    columns = (
        *("crash loop", "GPUs", "failures", "from (UTC)", f"{found.unit_name}-hours"),
        *("preemptions", "lost by them"),
    )
    return Table(columns, rows, frozenset({1, 2, 4, 5, 6}))
