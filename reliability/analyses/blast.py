"""What the loss of a component takes down and degrades: GPUs, bandwidth, and the jobs that run on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from models.topology.blast.components import Component, Grouping, component_classes, components
from models.topology.blast.radius import BlastRadius, blast_radius, hosts_reached
from models.topology.blast.table import blast_table, severity
from models.topology.builders.railx import Reclosing, reclose
from models.topology.fabric import TIERS, Fabric
from reliability.analyses.answer import Answer
from reliability.analyses.fabric import FROM_LAKE, RealFabric, Setting, fabric_of, real_fabric
from reliability.analyses.running_jobs import JobsReached, RunningJobs, running_jobs
from reliability.documents import iso
from reliability.engines.duckdb_engine import DuckDBEngine

if TYPE_CHECKING:
    from datetime import datetime

    import plotly.graph_objects as go

    from reliability.lake import Lake

#: of a real fabric every switch is told, not only the typical one; beyond so many the typical and the worst
_MOST_NAMED: Final = 2_000
_DEFINITION: Final = (
    "Down: GPUs that are lost or have no way into the network; the jobs on them fail. Degraded: GPUs that are up with "
    "less of their network bandwidth; the share left is the mean over them. Cut off: GPUs that are up but split from "
    "others. Bisection: capacity left between two halves of the hosts, the worst hit in the smaller half. Of each "
    "class the typical component is shown, and the worst where it differs; `alike` of the class's `of` do the same."
)
_NO_JOBS_PLANNED: Final = "A planned fabric runs no jobs: --fabric from-lake tells those of this cluster."
_NO_JOBS_IN_LAKE: Final = "The lake has no job log of this cluster, so that nothing can be said of running jobs."


@dataclass(frozen=True, slots=True)
class FabricUnderFault:
    """A fabric whose components may break.

    ``real``: how it was read from the lake; None for a planned one. ``groupings``: what hosts share beside the network.
    ``running``: the jobs on it; None where nothing is known of them.
    """

    fabric: Fabric
    real: RealFabric | None
    groupings: tuple[Grouping, ...]
    running: RunningJobs | None

    @property
    def name(self) -> str:
        """What the fabric is called in a title."""
        return self.fabric.kind if self.real is None else f"cluster {self.real.cluster}"

    def jobs_on(self, lost: Sequence[Component]) -> JobsReached | None:
        """Return the running jobs that a fault reaches; None where nothing is known of jobs."""
        if self.running is None:
            return None
        names = self.fabric.host_names
        down, degraded = hosts_reached(self.fabric, lost, groupings=self.groupings)
        return self.running.reached([names[host] for host in down], [names[host] for host in degraded])


@dataclass(frozen=True, slots=True)
class BlastRow:
    """The loss of one component, or of several at once.

    ``jobs``: running jobs that it reaches; None where nothing is known. ``unnamed_adapters``: adapters without a host's
    name on a real switch, which no other figure counts.
    """

    radius: BlastRadius
    jobs: JobsReached | None
    unnamed_adapters: int | None

    def row(self) -> dict[str, Any]:
        """Return it as a row of a table."""
        radius = self.radius
        row = {
            "component": radius.kind,
            "name": " + ".join(component.name for component in radius.components),
            "alike": radius.alike,
            "of": radius.of,
            "takes_down": radius.takes_down,
            "gpus_down": radius.gpus_down,
            "hosts_down": radius.hosts_down,
            "gpus_on_hosts_down": radius.gpus_on_hosts_down,
            "gpus_cut_off": radius.gpus_cut_off,
            "gpus_degraded": radius.gpus_degraded,
            "hosts_degraded": radius.hosts_degraded,
            "bandwidth_left_share": radius.bandwidth_left_share,
            "host_bandwidth_left_share": radius.host_bandwidth_left_share,
            "bisection_left_share": radius.bisection_left_share,
            "narrows": radius.narrows,
            "jobs": None if self.jobs is None else len(self.jobs.down) + len(self.jobs.degraded),
            "jobs_down": None if self.jobs is None else len(self.jobs.down),
            "jobs_degraded": None if self.jobs is None else len(self.jobs.degraded),
        }
        if self.unnamed_adapters is not None:
            row["unnamed_adapters"] = self.unnamed_adapters
        return row | {"because": radius.because}


@dataclass(frozen=True, slots=True)
class Blast(Answer):
    """What the loss of components does.

    ``component``: the class asked for; None for all classes. ``found``: by class, or of the class; of a real fabric
    each switch of the class, the worst first. ``leaves``: of a real fabric, where all classes are asked for, each
    switch that hosts are on.
    """

    under: FabricUnderFault
    component: str | None
    found: tuple[BlastRow, ...]
    leaves: tuple[BlastRow, ...]

    @property
    def definition(self) -> str:
        """What the numbers are."""
        return _DEFINITION

    @property
    def jobs_note(self) -> str:
        """Which jobs are meant, or why nothing is known of them."""
        running = self.under.running
        if running is None:
            return _NO_JOBS_PLANNED if self.under.real is None else _NO_JOBS_IN_LAKE
        return f"Jobs: the {len(running.jobs):,} attempts that ran at {iso(running.at_utc)}."

    @property
    def reclosing(self) -> Reclosing | None:
        """How the rings of RailX are closed around the hosts of the first row; None for other parts and fabrics."""
        if self.under.fabric.kind != "railx" or self.component != "host":
            return None
        down, _ = hosts_reached(self.under.fabric, self.found[0].radius.components, groupings=self.under.groupings)
        return reclose(self.under.fabric, down.tolist())

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader of a real fabric should know."""
        return () if self.under.real is None else self.under.real.contradictions

    def rows(self) -> list[dict[str, Any]]:
        """Return one row per class, or per component of the class."""
        return [row.row() for row in self.found]

    def document(self) -> dict[str, Any]:
        """Return the answer for ``--json``; for one class the figures of its first row stand on top."""
        real, running = self.under.real, self.under.running
        document: dict[str, Any] = {"fabric": self.under.fabric.kind}
        if self.component is not None:
            first = self.found[0]
            document |= first.row() | {
                "by_rail": first.radius.by_rail,
                "by_plane": first.radius.by_plane,
                "jobs_down": None if first.jobs is None else list(first.jobs.down),
                "jobs_degraded": None if first.jobs is None else list(first.jobs.degraded),
            }
        if real is not None:
            document |= {"cluster": real.cluster, "inference": list(real.inference)}
        if self.reclosing is not None:
            around = self.reclosing
            document["rings_reclosed"] = {
                "circuits_opened": around.opened,
                "circuits_closed": around.closed,
                "switches": around.switches,
            }
        return document | {
            "at_utc": None if running is None else iso(running.at_utc),
            "jobs_note": self.jobs_note,
            "definition": self.definition,
            "warnings": list(self.warnings),
            "rows": self.rows(),
            "leaves": [row.row() for row in self.leaves],
        }

    def figure(self) -> go.Figure:
        """Draw the GPUs down and degraded as bars."""
        from reliability.figures.blast import blast_figure  # noqa: PLC0415 - figures read the results they draw

        return blast_figure(self)


def blast(
    kind: str,
    settings: Mapping[str, Setting] | None = None,
    lake: Lake | None = None,
    *,
    component: str | None = None,
    name: str | None = None,
    beside: Sequence[Component] = (),
    at: datetime | None = None,
) -> Blast:
    """Return what the loss of components of a fabric does.

    Parameters
    ----------
    kind : str
        A kind of fabric; ``from-lake`` for that of the lake.
    settings : mapping of str to str or number, optional
        Its settings.
    lake : Lake, optional
        For ``from-lake``.
    component : str, optional
        Only this class; by default all.
    name : str, optional
        Only the component of that name in the class.
    beside : sequence of Component
        What else is lost at the same time.
    at : datetime, optional
        For ``from-lake``: cables in place, and jobs that ran, at that moment.

    Returns
    -------
    Blast
        By class: the typical component and the worst; of a real fabric's switches every one.

    Raises
    ------
    ModelError
        If there is no such kind, setting or component.
    NoDataError, BadOptionError
        If the lake has no such fabric.
    """
    under = under_fault(kind, settings or {}, lake, at=at)
    if component is None:
        radii = blast_table(under.fabric, groupings=under.groupings)
        return Blast(under, None, _rows(under, radii), _leaves(under))
    if name is not None:
        lost = (Component(component, name), *beside)
        radius = blast_radius(under.fabric, lost, groupings=under.groupings)
        return Blast(under, component, _rows(under, [radius]), ())
    if under.real is not None and component in TIERS and not beside:
        rows = _each(under, component)
        if rows:
            return Blast(under, component, rows, ())
    radii = blast_table(under.fabric, kinds=(component,), groupings=under.groupings)
    if beside:
        radii = tuple(
            blast_radius(under.fabric, (*radius.components, *beside), groupings=under.groupings) for radius in radii
        )
    return Blast(under, component, _rows(under, radii), ())


def under_fault(
    kind: str, settings: Mapping[str, Setting], lake: Lake | None, *, at: datetime | None = None
) -> FabricUnderFault:
    """Return a fabric with what its hosts share beside the network, and with the jobs that ran on it.

    Raises
    ------
    ModelError
        If there is no such kind or setting.
    NoDataError, BadOptionError
        If the lake has no such fabric.
    """
    if kind != FROM_LAKE or lake is None:
        return FabricUnderFault(fabric_of(kind, settings, lake), None, (), None)
    with closing(DuckDBEngine(lake)) as engine:
        real = real_fabric(settings, engine, at)
        places = engine.ask("fabric_places", cluster=real.cluster, at=at)
        running = running_jobs(engine, real.cluster, at)
    number = {name: host for host, name in enumerate(real.fabric.host_names)}
    members: dict[tuple[str, str], list[int]] = {}
    for place in places:
        if place["node"] in number:
            members.setdefault((place["kind"], place["domain"]), []).append(number[place["node"]])
    groupings = tuple(Grouping(*what, tuple(sorted(hosts))) for what, hosts in members.items())
    return FabricUnderFault(real.fabric, real, groupings, running)


def _leaves(under: FabricUnderFault) -> tuple[BlastRow, ...]:
    """Return each switch that hosts of a real fabric are on."""
    if under.real is None:
        return ()
    present = component_classes(under.fabric)
    return next((rows for tier in ("leaf", "tor") if tier in present and (rows := _each(under, tier))), ())


def _each(under: FabricUnderFault, tier: str) -> tuple[BlastRow, ...]:
    """Return each switch of a tier, the worst first; none where they are too many."""
    switches = components(under.fabric, tier)
    if len(switches) > _MOST_NAMED:
        return ()
    radii = [blast_radius(under.fabric, [switch], groupings=under.groupings) for switch in switches]
    return _rows(under, sorted(radii, key=severity, reverse=True))


def _rows(under: FabricUnderFault, radii: Sequence[BlastRadius]) -> tuple[BlastRow, ...]:
    unnamed = None if under.real is None else under.real.wired.unnamed
    return tuple(
        BlastRow(
            radius,
            under.jobs_on(radius.components),
            None if unnamed is None else sum(unnamed.get(component.name, 0) for component in radius.components),
        )
        for radius in radii
    )
