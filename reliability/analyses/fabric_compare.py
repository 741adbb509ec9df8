"""Fabrics side by side: what they consist of and cost, and what the loss of each component does in each of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from models.availability.contributions import availability_limits
from models.availability.fabric_exact import Conditions, fabric_availability, job_availability
from models.availability.system import fabric_system
from models.topology.blast.radius import BlastRadius
from models.topology.blast.table import blast_table, severity
from models.topology.fabric import Fabric
from reliability.analyses.answer import Answer
from reliability.analyses.availability import JOB_GPUS, SEED
from reliability.analyses.availability_rates import fabric_rates
from reliability.analyses.fabric import FROM_LAKE, LAKE_SETTINGS, Setting, design_of
from reliability.analyses.fabric_show import FabricShow, fabric_show
from reliability.errors import BadOptionError

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from reliability.lake import Lake

_DEFINITION: Final = (
    "Each class by its worst component: GPUs it takes down, GPUs it degrades, and the share of its network bandwidth "
    "that a degraded GPU keeps. A class that a fabric does not have is empty. Fabric availability: share of the time "
    "in which every host has the network on all its adapters; job availability: in which a job's hosts work and have "
    "it, without spares; both exact, with published failure rates, limits at 90% from the failures counted behind them."
)
_CONFIDENCE: Final = 0.9
#: draws of the rates behind the limits
_DRAWS: Final = 200


@dataclass(frozen=True, slots=True)
class ComparedAvailability:
    """How available a fabric and a job in it are, with published rates and without spares.

    ``low`` and ``high``: what the counted failures behind the rates leave open of the job's availability.
    """

    fabric: float
    job: float
    low: float
    high: float
    job_gpus: int


@dataclass(frozen=True, slots=True)
class ComparedFabric:
    """One of the fabrics: its numbers, and the worst component of each class; its name is unique in the comparison."""

    name: str
    show: FabricShow
    worst: Mapping[str, BlastRadius]
    availability: ComparedAvailability

    @property
    def cost_per_gpu(self) -> float:
        """Dollars of the network for each GPU."""
        return self.show.counts.cost_dollars / self.show.counts.gpus


@dataclass(frozen=True, slots=True)
class FabricCompare(Answer):
    """Fabrics side by side, in the order asked for."""

    fabrics: tuple[ComparedFabric, ...]

    @property
    def definition(self) -> str:
        """What the numbers are."""
        return f"{_DEFINITION} {self.fabrics[0].show.definition}"

    @property
    def classes(self) -> tuple[str, ...]:
        """Classes of components that any of the fabrics has."""
        return tuple(dict.fromkeys(kind for fabric in self.fabrics for kind in fabric.worst))

    @property
    def warnings(self) -> tuple[str, ...]:
        """What makes the comparison lame."""
        sizes = {fabric.show.counts.gpus for fabric in self.fabrics}
        lame = [] if len(sizes) == 1 else ["The fabrics are of different sizes: compare costs and counts per GPU."]
        jobs = [fabric.availability.job_gpus for fabric in self.fabrics]
        if max(jobs) > 1.05 * min(jobs):
            lame.append("The jobs whose availability is told are of different sizes: the small fabrics hold no more.")
        return (*lame, *(f"{one.name}: {warning}" for one in self.fabrics for warning in one.show.warnings))

    def rows(self) -> list[dict[str, Any]]:
        """Return one row per fabric."""
        return [
            {
                "fabric": fabric.name,
                "gpus": fabric.show.counts.gpus,
                "hosts": fabric.show.counts.hosts,
                "switches": sum(fabric.show.counts.switches.values()),
                "links": sum(fabric.show.counts.links.values()),
                "transceivers": fabric.show.counts.transceivers,
                "most_oversubscription": max(fabric.show.counts.oversubscription.values(), default=None),
                "diameter_hops": fabric.show.counts.diameter_hops,
                "cost": fabric.show.counts.cost_dollars,
                "cost_per_gpu": fabric.cost_per_gpu,
                "fabric_availability": fabric.availability.fabric,
                "job_gpus": fabric.availability.job_gpus,
                "job_availability": fabric.availability.job,
                "job_low": fabric.availability.low,
                "job_high": fabric.availability.high,
            }
            for fabric in self.fabrics
        ]

    def document(self) -> dict[str, Any]:
        """Return the answer for ``--json``."""
        return {
            "definition": self.definition,
            "warnings": list(self.warnings),
            "rows": self.rows(),
            "fabrics": [
                {"name": fabric.name, **fabric.show.document(), "cost_per_gpu": fabric.cost_per_gpu}
                for fabric in self.fabrics
            ],
            "faults": [
                {
                    "component": kind,
                    "fabric": fabric.name,
                    "of": radius.of,
                    "takes_down": radius.takes_down,
                    "gpus_down": radius.gpus_down,
                    "gpus_cut_off": radius.gpus_cut_off,
                    "gpus_degraded": radius.gpus_degraded,
                    "bandwidth_left_share": radius.bandwidth_left_share,
                    "host_bandwidth_left_share": radius.host_bandwidth_left_share,
                    "bisection_left_share": radius.bisection_left_share,
                    "because": radius.because,
                }
                for kind in self.classes
                for fabric in self.fabrics
                if (radius := fabric.worst.get(kind)) is not None
            ],
        }

    def figure(self) -> go.Figure:
        """Draw the blast radius of each class, a bar for each fabric."""
        from reliability.figures.fabric_compare import fabric_compare_figure  # noqa: PLC0415 - it reads this

        return fabric_compare_figure(self)


def fabric_compare(
    kinds: Sequence[str], settings: Mapping[str, Setting] | None = None, lake: Lake | None = None
) -> FabricCompare:
    """Put fabrics side by side.

    Parameters
    ----------
    kinds : sequence of str
        Kinds of fabrics; ``from-lake`` for that of the lake.
    settings : mapping of str to str or number, optional
        ``KEY`` holds for all the fabrics that have it, ``KIND.KEY`` for that kind alone.
    lake : Lake, optional
        For ``from-lake``.

    Returns
    -------
    FabricCompare
        Counts, costs and blast radii.

    Raises
    ------
    BadOptionError
        If a kind is named twice, or no fabric has a setting.
    ModelError
        If there is no such kind or setting, or such a fabric cannot be.
    """
    for position, kind in enumerate(kinds):
        if kind in kinds[:position]:
            raise BadOptionError("fabric", kind, "each fabric once")
    split = {kind: _settings_for(kind, settings or {}) for kind in kinds}
    for key in settings or {}:
        if not any(key.removeprefix(f"{kind}.") in split[kind] for kind in kinds):
            known = sorted({name for kind in kinds for name in _known(kind)})
            raise BadOptionError("--set", key, f"a setting of one of these fabrics: {', '.join(known)}")
    return FabricCompare(tuple(_compared(kind, split[kind], lake) for kind in kinds))


def _compared(kind: str, settings: Mapping[str, Setting], lake: Lake | None) -> ComparedFabric:
    show = fabric_show(kind, settings, lake)
    worst: dict[str, BlastRadius] = {}
    for radius in blast_table(show.fabric):
        known = worst.get(radius.kind)
        worst[radius.kind] = radius if known is None else max(known, radius, key=severity)
    return ComparedFabric(kind, show, worst, _availability(show.fabric))


def _availability(fabric: Fabric) -> ComparedAvailability:
    system = fabric_system(fabric)
    found = fabric_rates(fabric.kind, None, {}, _CONFIDENCE)
    given = Conditions(found.rates, 0.0, found.shocks)
    hosts = min(-(-JOB_GPUS // fabric.gpus_per_host), system.hosts)

    def job(conditions: Conditions) -> float:
        return job_availability(system, conditions, hosts, 0)

    rng = np.random.default_rng(SEED)
    low, high = availability_limits(job, given, found.rates, _DRAWS, rng, _CONFIDENCE)
    exact = job(given)
    whole = fabric_availability(system, given)
    return ComparedAvailability(whole, exact, min(low, exact), max(high, exact), hosts * fabric.gpus_per_host)


def _settings_for(kind: str, settings: Mapping[str, Setting]) -> dict[str, Setting]:
    """Return the settings meant for one of the fabrics; those under its own name come last and win."""
    known = _known(kind)
    shared = {key: value for key, value in settings.items() if key in known}
    own = {key.removeprefix(f"{kind}."): value for key, value in settings.items() if key.startswith(f"{kind}.")}
    return shared | own


def _known(kind: str) -> tuple[str, ...]:
    return LAKE_SETTINGS if kind == FROM_LAKE else tuple(setting.name for setting in design_of(kind).settings)
