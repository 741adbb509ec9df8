"""A planned run in a fabric: what takes it down by failure domain, its ETTR there, and the same run in another one."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from models.availability.component_rates import ComponentRates
from models.availability.published import published_rates
from models.goodput.run_plan import SECONDS_PER_DAY, RunPlan
from models.placement.advice import compact_hosts
from models.placement.fabric_failures import (
    ClassFailures,
    Slowdown,
    class_failures,
    fabric_ettr,
    fabric_ettr_at,
    fatal_per_day,
    mean_speed,
    standing,
)
from models.placement.leaning import LINK, leaning
from models.topology.fabric import Fabric
from reliability.analyses.answer import Answer
from reliability.analyses.plan import SEED, FailureRate, Plan
from reliability.analyses.plan_fabric_difference import Difference, difference
from reliability.analyses.plan_fabric_domains import DomainRow, domain_rows
from reliability.analyses.plan_fabric_rates import RunRates, own_link_rate, run_rates, tiers_without_rate
from reliability.analyses.plan_fabric_simulation import SimulatedFabric, simulated_in_fabric

if TYPE_CHECKING:
    import plotly.graph_objects as go

_DEFINITION: Final = (
    "The run stands on the hosts where it loses least to shared parts. failures_by_domain: parts of each class that "
    "it leans on × their failures per hour, where one takes the run down; node: its nodes × r_f, whatever took a node"
    " down by itself (GPU, NIC, host, its NVSwitch), failures of links left out. ETTR: exact renewal solution at the "
    "sum of all of them, times the mean speed: while a part is out that only slows, the run loses the share of "
    "network bandwidth that its worst-hit host loses (HPN measured 6.25% for one port of 16), of several parts the "
    "worst. Limits: posterior draws of the failure counts (Jeffreys), the same draw in both fabrics; rates published "
    "without counts have no limits."
)
_FLAPS: Final = (
    "Link flaps are left out: they are published as 5,000 to 60,000 a day without the number of links (Qian et al., "
    "SIGCOMM 2024), which gives no rate."
)
_WORST_CASE: Final = (
    "Slow hours are counted as if the run waited for its network alone, the worst case: give --model and --slowdown "
    "step for what its training step loses, or --slowdown SHARE."
)


@dataclass(frozen=True, slots=True)
class InFabric:
    """The run in one fabric. Limits are None where the failure rate came without counts."""

    kind: str
    fabric_gpus: int
    host_gpus: int
    hosts: int
    classes: tuple[ClassFailures, ...]
    rows: tuple[DomainRow, ...]
    ettr: float
    ettr_low: float | None
    ettr_high: float | None
    speed: float
    simulated: SimulatedFabric

    @property
    def failures_per_day(self) -> float:
        """All that takes the run down."""
        return sum(row.per_day for row in self.rows)

    def document(self) -> dict[str, Any]:
        """Return it for ``--json``."""
        return {
            "fabric": self.kind,
            "fabric_gpus": self.fabric_gpus,
            "hosts": self.hosts,
            "ettr": self.ettr,
            "ettr_low": self.ettr_low,
            "ettr_high": self.ettr_high,
            "ettr_simulated": self.simulated.ettr,
            "ettr_simulated_low": self.simulated.low,
            "ettr_simulated_high": self.simulated.high,
            "simulated_runs": self.simulated.replicas,
            "mean_speed": self.speed,
            "failures_per_day": self.failures_per_day,
            "mttf_hours": 24.0 / self.failures_per_day if self.failures_per_day else None,
            "failures_by_domain": {row.component: row.document() for row in self.rows},
        }


@dataclass(frozen=True, slots=True)
class PlanFabric(Answer):
    """A planned run in a fabric, and perhaps in another one on the same failures."""

    planned: Plan
    one: InFabric
    other: InFabric | None
    difference: Difference | None
    link_failures: int | None
    notes: tuple[str, ...]
    warnings: tuple[str, ...]

    def rows(self) -> list[dict[str, Any]]:
        """Return one row per fabric and class of parts."""
        return [
            {"fabric": found.kind, "domain": row.component, **row.document()}
            for found in (self.one, self.other)
            if found is not None
            for row in found.rows
        ]

    def document(self) -> dict[str, Any]:
        """Return the answer for ``--json``."""
        return {
            **self.one.document(),
            "against": None if self.other is None else self.other.document(),
            **({} if self.difference is None else self.difference.document()),
            "link_failures_left_out_of_the_rate": self.link_failures,
            "definition": _DEFINITION,
            "notes": list(self.notes),
            "warnings": list(self.warnings),
        }

    def figure(self) -> go.Figure:
        """Draw the failures by domain."""
        from reliability.figures.plan_fabric import plan_fabric_figure  # noqa: PLC0415 - figures read what they draw

        return plan_fabric_figure(self)


def plan_fabric(
    planned: Plan,
    fabric: Fabric,
    *,
    against: Fabric | None = None,
    rates: ComponentRates | None = None,
    repair_hours: Mapping[str, float] | None = None,
    slowdown: float | Callable[[Fabric], Mapping[str, float]] | None = None,
    link_failures: int | None = None,
    published_links: bool = False,
    gpu_hour_dollars: float | None = None,
    spares: int | None = None,
    repair_seconds: float = SECONDS_PER_DAY,
    seed: int = SEED,
) -> PlanFabric:
    """Put a planned run into a fabric.

    Parameters
    ----------
    planned
        The run and the failure rate of its nodes.
    fabric, against
        Where it stands; another one in which it meets the same failures, or None.
    rates
        Of the fabric's parts; the published ones by default.
    repair_hours
        Repair times by class, in place of those of the rates.
    slowdown
        Share of its speed the run loses while a part that only slows is out, for all classes, or by class for a fabric,
        such as `reliability.analyses.plan_fabric_step.step_slowdowns` tells; by default the bandwidth lost.
    link_failures
        Failures among those counted whose cause is a link: they are the fabric's and are left out of the nodes' rate,
        and give the rate of its links; None where nobody knows.
    published_links
        Whether links fail at the published rate even so.
    gpu_hour_dollars
        What a GPU-hour costs.
    spares, repair_seconds
        Spare nodes and how long a failed one is gone, for the simulation; None to queue anew after each failure.
    seed
        Of the simulations and of the draws.

    Raises
    ------
    models.placement.errors.HostsDoNotFitError
        The fabric is too small.
    models.errors.ModelError
        A number or a class cannot be.

    Examples
    --------
    >>> from models.topology.builders.hpn import hpn
    >>> from reliability.analyses.plan import FailureRate, plan
    >>> single = plan_fabric(plan(3000, FailureRate(6.5)), hpn(hosts=384, gpus_per_host=8, single_tor=True))
    >>> {row.component: round(row.per_day * 365.25 / 12, 2) for row in single.one.rows}
    {'node': 74.19, 'nic-link': 1.71, 'tor': 0.01, 'agg': 0.0, 'tor-agg-link': 0.0}
    """
    fabrics = [fabric, *([] if against is None else [against])]
    own_links = None if published_links else link_failures
    used = [_rates(each.kind, rates, planned, own_links, repair_hours) for each in fabrics]
    known = run_rates(planned.rate, link_failures, used[-1].with_rates(used[0]), seed)
    run = replace(planned.run, failures_per_node_day=known.rate.per_1000_node_days / 1000)
    classes = [
        _classes(planned, each, parts, slowdown(each) if callable(slowdown) else slowdown)
        for each, parts in zip(fabrics, used, strict=True)
    ]
    found = [
        _in_fabric(
            each,
            planned.gpus,
            run,
            known,
            of_fabric,
            simulated_in_fabric(
                run,
                of_fabric,
                confidence=known.confidence,
                seed=seed,
                spares=spares,
                repair_seconds=repair_seconds,
                nodes_per_host=each.gpus_per_host / planned.gpus_per_node,
            ),
        )
        for each, of_fabric in zip(fabrics, classes, strict=True)
    ]
    return PlanFabric(
        planned=planned,
        one=found[0],
        other=found[1] if against is not None else None,
        difference=None
        if against is None
        else difference(run, planned.gpus, known, *classes, gpu_hour_dollars=gpu_hour_dollars, seed=seed),
        link_failures=link_failures,
        notes=(
            *_notes(planned, known.rate, link_failures, found, at_own_rate=bool(own_links)),
            *([_WORST_CASE] if slowdown is None and min(each.speed for each in found) < 1 else []),
        ),
        warnings=tuple(_warnings(known.rate, fabrics, classes, used)),
    )


def _classes(planned: Plan, fabric: Fabric, rates: ComponentRates, slowdown: Slowdown) -> tuple[ClassFailures, ...]:
    """Return the failures of the parts that the run leans on, on the hosts that lose least."""
    lean, hosts, run = leaning(fabric), math.ceil(planned.gpus / fabric.gpus_per_host), planned.run
    lost_seconds = run.detection_seconds + run.restart_overhead_seconds + run.checkpoint_interval_seconds / 2
    return class_failures(standing(lean, compact_hosts(lean, hosts, rates, lost_seconds / 3600)), rates, slowdown)


def _rates(
    kind: str,
    rates: ComponentRates | None,
    planned: Plan,
    own_links: int | None,
    repair_hours: Mapping[str, float] | None,
) -> ComponentRates:
    found = published_rates(kind) if rates is None else rates
    if own_links and LINK in found:
        own = own_link_rate(planned.rate, own_links, planned.gpus_per_node, found[LINK])
        found = found.with_rates({LINK: own})
    return found.with_repair_hours(repair_hours) if repair_hours else found


def _in_fabric(
    fabric: Fabric,
    gpus: int,
    run: RunPlan,
    known: RunRates,
    classes: tuple[ClassFailures, ...],
    simulated: SimulatedFabric,
) -> InFabric:
    low, high = known.limits(lambda rates, parts: fabric_ettr_at(run, classes, rates, parts))
    return InFabric(
        kind=fabric.kind,
        fabric_gpus=fabric.hosts * fabric.gpus_per_host,
        host_gpus=fabric.gpus_per_host,
        hosts=math.ceil(gpus / fabric.gpus_per_host),
        classes=classes,
        rows=domain_rows(run, known.rate, classes, known.confidence),
        ettr=fabric_ettr(run, classes),
        ettr_low=low,
        ettr_high=high,
        speed=mean_speed(classes),
        simulated=simulated,
    )


def _notes(
    planned: Plan, rate: FailureRate, link_failures: int | None, found: list[InFabric], *, at_own_rate: bool
) -> list[str]:
    notes = [_FLAPS, f"{found[0].kind}: {found[0].simulated.definition}"]
    most = max(fatal_per_day(each.classes) for each in found)
    nodes = planned.run.nodes * rate.per_1000_node_days / 1000
    notes += [
        f"{each.kind}: a host has {each.host_gpus} GPUs, a node of the failure rate {planned.gpus_per_node}: node "
        "counts nodes, all other parts are told by hosts."
        for each in found
        if each.host_gpus != planned.gpus_per_node
    ]
    if link_failures is not None:
        notes.append(
            f"{link_failures:,} of the {planned.rate.failures:,} failures behind the rate have a link as their cause: "
            "they are left out of the nodes' rate, and the fabric's take their place, its links failing "
            f"{'as often as these did' if at_own_rate else 'at the published rate'}."
        )
    elif nodes > 0 and most > 0:
        notes.append(
            "The rate is taken to be that of nodes without their network. If it counts failures of the network, these "
            f"count twice: at most {most / (nodes + most):.2%} of all. Give --network-failures to leave them out."
        )
    unsure = sorted({row.component for each in found for row in each.classes if row.rate.failures is None})
    if unsure:
        notes.append(
            f"No counts are known behind the rates of {', '.join(unsure)}: limits leave their uncertainty out."
        )
    return notes


def _warnings(
    rate: FailureRate, fabrics: list[Fabric], known: list[tuple[ClassFailures, ...]], used: list[ComponentRates]
) -> list[str]:
    warnings = []
    if rate.failures == 0:
        warnings.append("no failure of a node was seen: the ETTR in the fabric is that of the fabric's failures alone")
    for fabric, classes, rates in zip(fabrics, known, used, strict=True):
        unknown = tiers_without_rate(fabric, rates)
        if unknown:
            warnings.append(f"{fabric.kind}: no failure rate is known of {', '.join(unknown)}; they are left out")
        if fabric.peer_links:
            warnings.append(f"{fabric.kind}: cables between equals are left out; they only slow")
        assumed = [row.component for row in classes if row.rate.trust == "assumption"]
        if assumed:
            warnings.append(f"{fabric.kind}: the rate of {', '.join(assumed)} is an assumption, see its source")
    return list(dict.fromkeys(warnings))
