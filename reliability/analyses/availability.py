"""What share of the time a fabric, a pod and a placed job are whole: exactly, and by simulation."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from models.availability.common_cause import BetaFactor
from models.availability.contributions import Contribution, availability_limits, contributions
from models.availability.fabric_exact import (
    Conditions,
    fabric_availability,
    hosts_down_on_average,
    job_availability,
    same_plane_availability,
    shock_class,
)
from models.availability.host_needs import host_needs
from models.availability.monte_carlo import SimulatedAvailability, simulated_availability
from models.availability.published import HOURS_PER_MONTH, LLAMA_3_GPUS, LLAMA_3_HOSTS
from models.availability.redundancy import checked_placement, classes_without_rate
from models.availability.shocks import ShockEstimate
from models.availability.system import FabricSystem, fabric_system
from models.availability.trajectories import OutageHistory, Trajectories, trajectories
from models.guards import checked_confidence, checked_count, checked_positive
from reliability.analyses.answer import Answer
from reliability.analyses.availability_parts import (
    HOURS_PER_YEAR,
    ClassShare,
    MeasuredAvailability,
    history_row,
    minutes_down,
)
from reliability.analyses.availability_rates import FabricRates, fabric_rates
from reliability.analyses.fabric import Setting, fabric_of

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from reliability.lake import Lake

_DEFINITION: Final = (
    "Availability: share of the time, in the long run. Fabric, pod and group of hosts under the same switches: "
    "every host has the network on all its adapters (an adapter is lost with its NIC, or with all its cables and "
    "switches). One plane: besides, any two adapters of a rail have a network in common. Job: at least its hosts, "
    "of these and the spares, work and have the network; a spare steps in at once; hosts in the fabric's order, "
    "spares after them. Exact: conditioned on the switches right above the hosts, and on shocks; above them a "
    "switch is lost with all its cables upwards. Limits of the exact value: what counted failures leave open, "
    "classes without counts taken as stated. Simulated: parts drawn down at moments, the graph searched where a "
    "switch lost half its cables upwards; limits exact binomial. Outages: by Birnbaum importance, and in "
    "simulated time."
)
#: the same question gets the same answer
SEED: Final = 20_260_107
REPLICAS: Final = 10_000
#: GPUs of the job where nobody says
JOB_GPUS: Final = 1024
_DRAWS: Final = 100
#: spares shown
_SPARES: Final = 8
_HISTORIES: Final = 20
#: failures simulated, about: a second
_EVENTS: Final = 60_000
_LONGEST_HOURS: Final = 20 * HOURS_PER_YEAR


@dataclass(frozen=True, slots=True)
class Availability(Answer):
    """Availability of a fabric, of its parts and of a job placed in it.

    ``spares`` is the job's availability with 0, 1, … spare hosts.
    """

    fabric: str
    hosts: int
    gpus_per_host: int
    job_hosts: int
    spare_hosts: int
    beta: float
    confidence: float
    measures: tuple[MeasuredAvailability, ...]
    components: tuple[ClassShare, ...]
    shocks: tuple[ShockEstimate, ...]
    betas: Mapping[str, BetaFactor]
    shock_costs: tuple[Contribution, ...]
    spares: tuple[float, ...]
    hosts_down: float
    simulated: SimulatedAvailability
    history: Trajectories
    notes: tuple[str, ...]
    warnings: tuple[str, ...]

    def rows(self) -> list[dict[str, Any]]:
        """Return one row per measure."""
        return [measure.row() for measure in self.measures]

    def component_rows(self) -> list[dict[str, Any]]:
        """Return one row per class of components."""
        return [component.row() for component in self.components]

    def shock_rows(self) -> list[dict[str, Any]]:
        """Return one row per kind of place whose nodes went down together."""
        return [
            {
                "place": shock.level,
                "events": shock.events,
                "per_place_year": HOURS_PER_YEAR * shock.shocks_per_hour,
                "low": HOURS_PER_YEAR * shock.low_per_hour,
                "high": HOURS_PER_YEAR * shock.high_per_hour,
                "share_taken": shock.share_taken,
                "share_low": shock.share_low,
                "share_high": shock.share_high,
                "beta": self.betas[shock.level].beta,
                "beta_low": self.betas[shock.level].low,
                "beta_high": self.betas[shock.level].high,
            }
            for shock in self.shocks
        ]

    def spare_rows(self) -> list[dict[str, Any]]:
        """Return one row per number of spare hosts."""
        return [
            {
                "spare_hosts": number,
                "job_availability": share,
                "minutes_down_per_month": (1.0 - share) * HOURS_PER_MONTH * 60.0,
            }
            for number, share in enumerate(self.spares)
        ]

    def document(self) -> dict[str, Any]:
        """Return the answer for ``--json``."""
        return {
            "fabric": self.fabric,
            "hosts": self.hosts,
            "gpus_per_host": self.gpus_per_host,
            "job_hosts": self.job_hosts,
            "job_gpus": self.job_hosts * self.gpus_per_host,
            "spare_hosts": self.spare_hosts,
            "beta": self.beta,
            "confidence": self.confidence,
            "rows": self.rows(),
            "components": self.component_rows(),
            "shocks": self.shock_rows(),
            "shock_costs": [
                {"shock": cost.component, "job_minutes_per_month": minutes_down(cost)} for cost in self.shock_costs
            ],
            "spares": self.spare_rows(),
            "hosts_down": self.hosts_down,
            "hosts_down_simulated": self.simulated.hosts_down,
            "hosts_down_standard_error": self.simulated.hosts_down_error,
            "replicas_searched": self.simulated.searched,
            "simulated_time": {name: history_row(found) for name, found in self._histories().items()},
            "definition": _DEFINITION,
            "notes": list(self.notes),
            "warnings": list(self.warnings),
        }

    def figure(self) -> go.Figure:
        """Draw what each class costs, and what spares buy."""
        from reliability.figures.availability import availability_figure  # noqa: PLC0415 - figures read what they draw

        return availability_figure(self)

    @property
    def definition(self) -> str:
        """What the numbers mean."""
        return _DEFINITION

    def _histories(self) -> dict[str, OutageHistory]:
        return {"fabric": self.history.fabric, "job": self.history.job}


def availability(
    kind: str,
    settings: Mapping[str, Setting],
    lake: Lake | None = None,
    *,
    gpus: int | None = None,
    spare_hosts: int = 0,
    measured: bool = False,
    beta: float = 0.0,
    repair_hours: Mapping[str, float] | None = None,
    replicas: int = REPLICAS,
    seed: int = SEED,
    confidence: float = 0.9,
) -> Availability:
    """Reckon the availability of a fabric, of its parts and of a job placed in it.

    Parameters
    ----------
    kind, settings
        The fabric, as for :func:`reliability.analyses.fabric.fabric_of`.
    lake
        For ``from-lake``, and for measured rates.
    gpus, spare_hosts
        Size of the job, 1,024 GPUs or what fits by default, and the hosts in reserve beside it.
    measured
        Take failure rates, repair times and shared outages from the lake.
    beta
        Share of the failures of redundant switches that take all switches of the same adapters at once.
    repair_hours
        Repair times of some classes.
    replicas, seed
        Of the simulation.
    confidence
        Of all intervals.

    Returns
    -------
    Availability
        Exact beside simulated.

    Raises
    ------
    ModelError
        If there is no such fabric, or the job does not fit.
    NoDataError
        If the lake has no such fabric.
    """
    checked_confidence(confidence)
    fabric = fabric_of(kind, settings, lake)
    system = fabric_system(fabric)
    found = fabric_rates(fabric.kind, lake if measured else None, repair_hours or {}, confidence)
    given = Conditions(found.rates, beta, found.shocks)
    per_host = max(1, round(system.wiring.gpus / max(1, system.counts.get("host", 1))))
    spares = checked_count("spare_hosts", spare_hosts)
    job_hosts = _job_hosts(gpus, per_host, system.hosts - spares)
    checked_placement(system, job_hosts, spares)
    rng = np.random.default_rng(seed)
    drawn = simulated_availability(
        system, found.rates, job_hosts, spares, replicas, rng, beta=beta, shocks=found.shocks, confidence=confidence
    )
    history = trajectories(
        system,
        found.rates,
        job_hosts,
        spares,
        _HISTORIES,
        _history_hours(system, found),
        rng,
        beta=beta,
        shocks=found.shocks,
        confidence=confidence,
    )
    ways: dict[str, Callable[[Conditions], float]] = {
        "fabric": lambda conditions: fabric_availability(system, conditions),
        "pod": lambda conditions: fabric_availability(system, conditions, "pod"),
        "group of hosts": lambda conditions: fabric_availability(system, conditions, "group"),
        "job": lambda conditions: job_availability(system, conditions, job_hosts, spares),
    }
    classes = tuple(name for name in system.counts if name in found.rates)
    costs = {name: contributions(way, given, classes) for name, way in ways.items()}
    by_class = {name: {cost.component: cost for cost in costs[name]} for name in ("fabric", "job")}
    simulated = {"fabric": drawn.fabric, "pod": drawn.pod, "group of hosts": drawn.group, "job": drawn.job}
    histories = {"fabric": history.fabric, "job": history.job}
    measures = []
    for name, way in ways.items():
        low, high = availability_limits(way, given, found.rates, _DRAWS, rng, confidence)
        exact = way(given)
        outages = sum(cost.outages_per_month for cost in costs[name])
        measures.append(
            MeasuredAvailability(
                name, exact, min(low, exact), max(high, exact), simulated[name], outages, histories.get(name)
            )
        )
    plane = same_plane_availability(system, given)
    if plane is not None or drawn.same_plane.k != drawn.fabric.k:
        measures.insert(1, MeasuredAvailability("one plane", plane, None, None, drawn.same_plane, None, None))
    return Availability(
        fabric=fabric.kind,
        hosts=system.hosts,
        gpus_per_host=per_host,
        job_hosts=job_hosts,
        spare_hosts=spares,
        beta=beta,
        confidence=confidence,
        measures=tuple(measures),
        components=tuple(
            ClassShare(
                name,
                system.counts[name],
                found.rates[name],
                by_class["fabric"].get(name),
                by_class["job"].get(name),
                confidence,
            )
            for name in classes
        ),
        shocks=found.shock_estimates,
        betas=found.betas,
        shock_costs=tuple(
            by_class["job"][shock_class(shock)] for shock in found.shocks if shock_class(shock) in by_class["job"]
        ),
        spares=tuple(
            job_availability(system, given, job_hosts, several)
            for several in range(min(max(spares, _SPARES), system.hosts - job_hosts) + 1)
        ),
        hosts_down=hosts_down_on_average(system, given),
        simulated=drawn,
        history=history,
        notes=(*_notes(system, found, beta), *found.notes),
        warnings=(*found.warnings, *_warnings(system, found, per_host)),
    )


def _job_hosts(gpus: int | None, per_host: int, most: int) -> int:
    if gpus is None:
        return max(1, min(math.ceil(JOB_GPUS / per_host), most))
    return math.ceil(checked_positive("gpus", checked_count("gpus", gpus)) / per_host)


def _history_hours(system: FabricSystem, found: FabricRates) -> float:
    """Return how long a history may be for a few seconds of work."""
    per_hour = sum(found.rates.expected_failures(system.counts, 1.0).values())
    return min(_LONGEST_HOURS, _EVENTS / _HISTORIES / per_hour) if per_hour else _LONGEST_HOURS


def _notes(system: FabricSystem, found: FabricRates, beta: float) -> list[str]:
    notes = []
    if found.within_host:
        notes.append(f"faults of {' and '.join(found.within_host)} are among a node's outages, and not counted again")
    if found.shocks:
        notes.append(
            "shared outages of racks and pods take hosts of any fabric; what a switch takes follows from the wiring"
        )
    if beta and not any(np.unique(system.way_unit, return_counts=True)[1] > 1):
        notes.append("no adapter has two switches: the beta factor changes nothing")
    return notes


def _warnings(system: FabricSystem, found: FabricRates, per_host: int) -> list[str]:
    warnings = []
    if "host" not in found.measured and per_host != LLAMA_3_GPUS // LLAMA_3_HOSTS:
        warnings.append(
            f"a host has {per_host} GPUs here; its rate, GPUs apart, is that of hosts of "
            f"{LLAMA_3_GPUS // LLAMA_3_HOSTS} GPUs"
        )
    missing = [name for name in classes_without_rate(system, found.rates) if name not in found.within_host]
    if missing:
        warnings.append(f"no rate is known of {', '.join(missing)}: their failures are not counted on their own")
    assumed = [name for name in system.counts if name in found.rates and found.rates[name].trust == "assumption"]
    if assumed:
        warnings.append(f"the rates of {', '.join(assumed)} are assumptions: none is published")
    if host_needs(system).uneven:
        warnings.append(
            "hosts of one group use its switches in different ways: the exact values take these as independent; "
            "the simulation does not"
        )
    return warnings
