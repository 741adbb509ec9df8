"""The whole fabric of the lake as one run: its failures by domain, and what dual ToRs would buy it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from models.errors import ModelError
from reliability.analyses.domain_findings import MONTH_DAYS
from reliability.analyses.fabric import load_fabric
from reliability.analyses.plan import FailureRate, plan
from reliability.analyses.plan_fabric import InFabric, PlanFabric, plan_fabric
from reliability.analyses.plan_fabric_difference import GAIN_DAYS, Difference
from reliability.analyses.plan_fabric_lake import own_link_failures, plan_in_fabrics
from reliability.errors import NoDataError, SeveralClustersError
from reliability.report.numbers import count, interval, number
from reliability.report.sections.section import Table

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from reliability.lake import Lake


@dataclass(frozen=True, slots=True)
class FabricPart:
    """What the section of a large run says of the fabric; all empty where the lake has none."""

    text: str = ""
    figures: tuple[go.Figure, ...] = ()
    tables: tuple[Table, ...] = ()


def fabric_part(
    lake: Lake, rate: FailureRate, gpus: int, at: datetime | None, *, checkpoint_write_seconds: float
) -> FabricPart:
    """Say what would take a run down that fills the fabric of the lake, and what HPN's dual ToRs would buy it.

    Parameters
    ----------
    lake
        With or without cables.
    rate
        Of failures of its nodes.
    gpus
        Of the fleet: the run is as large, or fills the fabric where that has fewer.
    at
        Cables in place then.
    checkpoint_write_seconds
        As for the other plans of the section.
    """
    try:
        fabric = load_fabric(lake, at).fabric
        there = fabric.hosts * fabric.gpus_per_host
        planned = plan(
            min(gpus, there) if gpus else there,
            rate,
            gpus_per_node=fabric.gpus_per_host,
            checkpoint_write_seconds=checkpoint_write_seconds,
        )
        found = plan_fabric(planned, fabric, link_failures=own_link_failures(lake, planned))
        dual = plan_in_fabrics(lake, planned, "hpn", "hpn-single-tor")
    except NoDataError:
        return FabricPart()  # the section of the fabric says what it needs
    except (SeveralClustersError, ModelError) as error:
        return FabricPart(f"The run cannot be put into the fabric of this lake: {error}.")
    words = [_sentence(found), *([_dual_sentence(dual.difference)] if dual.difference else [])]
    cautions = [f"Caution: {warning}." for warning in dict.fromkeys((*found.warnings, *dual.warnings))]
    text = " ".join((*words, found.document()["definition"], *found.notes, *cautions))
    return FabricPart(text, (found.figure(),), (_table(found.one),))


def _sentence(found: PlanFabric) -> str:
    one, run = found.one, found.one.simulated
    return (
        f"In the fabric of this lake a run on {count(found.planned.gpus)} GPUs would be taken down "
        f"{number(one.failures_per_day * MONTH_DAYS)} times a month and get an ETTR of "
        f"{interval(one.ettr, one.ettr_low, one.ettr_high)}; {run.replicas:,} simulated runs got {number(run.ettr)} "
        "on average."
    )


def _dual_sentence(found: Difference) -> str:
    limits = "" if found.low is None or found.high is None else f" ({found.low:+.4f} to {found.high:+.4f})"
    return (
        f"The same run in HPN, two ToRs for each adapter, against HPN with single ToRs, on the same failures: "
        f"{found.exact:+.4f}{limits} of ETTR by the exact form, {found.simulated:+.4f} ({found.simulated_low:+.4f} to "
        f"{found.simulated_high:+.4f}) over {found.pairs:,} pairs of simulated runs, or {found.gpu_hours:+,.0f} "
        f"GPU-hours in {GAIN_DAYS:.0f} days."
    )


def _table(found: InFabric) -> Table:
    rows = []
    for row in found.rows:
        month, low, high = (None if value is None else value * MONTH_DAYS for value in (row.per_day, row.low, row.high))
        rows.append(
            (
                row.component,
                f"{count(row.fatal_parts)} of {count(row.parts)}",
                interval(month, low, high) if month else "0",
                f"{100 * row.slowed_share:.3g}%" if row.slowed_share else "–",
                number(row.repair_hours),
                row.source,
            )
        )
    columns = ("failure domain", "fatal parts", "failures a month", "time slowed", "repair (h)", "source of the rate")
    return Table(columns, tuple(rows), frozenset({1, 2, 3, 4}))
