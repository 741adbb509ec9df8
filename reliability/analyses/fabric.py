"""The fabric of this cluster, from the cables its lake records; and the one door to it and to planned fabrics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from contextlib import closing, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from models.topology.design import Design
from models.topology.designs import DESIGNS, design_fabric
from models.topology.errors import UnknownFabricKindError
from models.topology.fabric import Fabric
from models.topology.record.from_links import from_links
from models.topology.record.records import Device, Edge, Finding, Inventory, WiredFabric, counted, listed
from reliability.documents import iso
from reliability.engines.duckdb_engine import DuckDBEngine, Row
from reliability.errors import BadOptionError, NoDataError, SeveralClustersError
from reliability.lake import Lake

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from datetime import datetime

FROM_LAKE: Final = "from-lake"
#: settings of a fabric that is read from the lake: the cluster whose cables are read, needed where the lake has those
#: of several, and the format they were read from, by default the one with the most
LAKE_SETTINGS: Final = ("cluster", "source")
#: what a scheduler is told of the network: no cables, but who is near whom
_SCHEDULER: Final = frozenset({"topology-conf", "topology-yaml", "scontrol-topology"})

Setting = str | int | float


@dataclass(frozen=True, slots=True)
class RealFabric:
    """The fabric of a cluster as its lake records it.

    Parameters
    ----------
    cluster : str
        Which cluster.
    at_utc : datetime or None
        When; None for what nothing says has gone.
    source : str
        Format that the cables were read from.
    wired : WiredFabric
        The fabric and how it was made.
    switch_adapters : int
        Adapters that live inside switches (aggregation nodes), where the source tells them.
    findings : tuple of Finding
        All that was inferred and all that contradicts, from the cables and between sources.
    """

    cluster: str
    at_utc: datetime | None
    source: str
    wired: WiredFabric
    switch_adapters: int
    findings: tuple[Finding, ...]

    @property
    def fabric(self) -> Fabric:
        """The fabric of the compute hosts that have a name."""
        return self.wired.fabric

    @property
    def inference(self) -> tuple[str, ...]:
        """What the record does not say, in sentences."""
        return tuple(finding.sentence for finding in self.findings if not finding.is_contradiction)

    @property
    def contradictions(self) -> tuple[str, ...]:
        """What in the record does not fit, in sentences."""
        return tuple(finding.sentence for finding in self.findings if finding.is_contradiction)


def load_fabric(
    lake: Lake | DuckDBEngine,
    at: datetime | None = None,
    *,
    cluster: str | None = None,
    source: str | None = None,
) -> RealFabric:
    """Read the fabric of a cluster from the cables its lake records.

    Parameters
    ----------
    lake : Lake or DuckDBEngine
        Where dumps of the fabric were taken in: ibnetdiscover, LLDP, Slurm's topology, or tables of one's own.
    at : datetime, optional
        Cables in place then; None for all that nothing says have gone.
    cluster : str, optional
        Needed if the lake has the cables of several.
    source : str, optional
        Format to read; by default that with the most cables. What a scheduler was told counts only where there is
        nothing else, apart from its blocks, which are scale-up domains.

    Returns
    -------
    RealFabric
        The fabric, with every inference told.

    Raises
    ------
    NoDataError
        If the lake has no cables at that time.
    BadOptionError
        If the cluster or the source has none, or one must be chosen.
    NoHostsError
        If no cable leads to a compute host.
    """
    opened: AbstractContextManager[DuckDBEngine]
    opened = nullcontext(lake) if isinstance(lake, DuckDBEngine) else closing(DuckDBEngine(lake))
    with opened as engine:
        rows = engine.ask("fabric_links", cluster=None, at=at)
        cluster = _chosen_cluster(rows, cluster, at)
        rows = [row for row in rows if row["cluster"] == cluster]
        source = _chosen_source(rows, source)
        parts = engine.ask("fabric_parts", cluster=cluster)
        inventory = _inventory(engine.ask("fabric_nodes", cluster=cluster, at=at), parts)
    read = [row for row in rows if row["format"] == source or row["tier"] == "block"]
    wired = from_links(map(_edge, read), inventory)
    return RealFabric(
        cluster=cluster,
        at_utc=at,
        source=source,
        wired=wired,
        switch_adapters=sum(part["aggregation_nodes"] or 0 for part in parts),
        findings=(*wired.findings, *_between_sources(rows, read, source, wired)),
    )


def fabric_of(kind: str, settings: Mapping[str, Setting], lake: Lake | None) -> Fabric:
    """Return a planned fabric, or that of the lake.

    Parameters
    ----------
    kind : str
        A kind of fabric; ``from-lake`` reads the lake.
    settings : mapping of str to str, int or float
        Its settings: those of the kind, or `LAKE_SETTINGS`.
    lake : Lake or None
        The lake, for ``from-lake``.

    Returns
    -------
    Fabric
        The fabric.

    Raises
    ------
    ModelError
        If there is no such kind or setting.
    NoDataError, BadOptionError
        If the lake has no such fabric.
    """
    return real_fabric(settings, lake).fabric if kind == FROM_LAKE else planned_fabric(kind, settings)


def planned_fabric(kind: str, settings: Mapping[str, Setting]) -> Fabric:
    """Build a fabric of a kind.

    Raises
    ------
    ModelError
        If there is no such kind or setting, or such a fabric cannot be.
    """
    return design_fabric(design_of(kind).kind, settings)


def design_of(kind: str) -> Design:
    """Return the design of a kind of fabric that can be planned.

    Raises
    ------
    UnknownFabricKindError
        If there is none.
    """
    found = next((design for known, design in DESIGNS.items() if known == kind), None)
    if found is None:
        raise UnknownFabricKindError(kind, (*DESIGNS, FROM_LAKE))
    return found


def real_fabric(
    settings: Mapping[str, Setting], lake: Lake | DuckDBEngine | None, at: datetime | None = None
) -> RealFabric:
    """Return the lake's fabric by settings, as the command line and the pages give them.

    Raises
    ------
    BadOptionError
        If a setting is none of `LAKE_SETTINGS`.
    NoDataError
        If there is no lake.
    """
    for key in settings:
        if key not in LAKE_SETTINGS:
            raise BadOptionError("--set", key, f"a setting of from-lake: {', '.join(LAKE_SETTINGS)}")
    if lake is None:
        raise NoDataError("the fabric of this cluster", "a lake with a dump of the fabric")
    cluster, source = settings.get("cluster"), settings.get("source")
    return load_fabric(
        lake,
        at,
        cluster=None if cluster is None else str(cluster),
        source=None if source is None else str(source),
    )


def _chosen_cluster(rows: list[Row], cluster: str | None, at: datetime | None) -> str:
    clusters: list[str] = sorted({row["cluster"] for row in rows})
    if not clusters:
        when = "" if at is None else f" in place at {iso(at)}"
        raise NoDataError(
            "what is the fabric",
            f"cables{when} in `links`: take in an ibnetdiscover dump, LLDP neighbours or Slurm's topology",
        )
    if cluster is not None and cluster not in clusters:
        raise BadOptionError("--set", f"cluster={cluster}", f"a cluster with cables in the lake: {', '.join(clusters)}")
    if cluster is None and len(clusters) > 1:
        raise SeveralClustersError(clusters)
    return cluster or clusters[0]


def _chosen_source(rows: list[Row], source: str | None) -> str:
    formats = Counter[str](row["format"] for row in rows)
    if source is None:
        return max(formats, key=lambda name: (name not in _SCHEDULER, formats[name], name))
    if source not in formats:
        raise BadOptionError("--set", f"source={source}", f"a format of its cables: {', '.join(sorted(formats))}")
    return source


def _inventory(nodes: list[Row], parts: list[Row]) -> Inventory:
    adapters = [part for part in parts if part["component"] == "nic"]
    return Inventory(
        gpus={node["node"]: node["gpu_count"] for node in nodes},
        switches=frozenset(part["slot"] or part["component_id"] for part in parts if part["component"] == "switch"),
        unnamed=frozenset(adapter["component_id"] for adapter in adapters if adapter["node"] is None),
        devices=tuple(
            Device(adapter["node"], adapter["device"], adapter["switch"])
            for adapter in adapters
            if adapter["node"] is not None and adapter["device"] is not None
        ),
    )


def _edge(row: Row) -> Edge:
    return Edge(row["child"], row["parent"], row["tier"], row["plane"], row["rail"], row["port"], row["bandwidth_gbps"])


def _between_sources(rows: list[Row], read: list[Row], source: str, wired: WiredFabric) -> list[Finding]:
    """Return what other records of the network add or contradict."""
    findings = []
    left = Counter(row["format"] for row in rows) - Counter(row["format"] for row in read)
    for name, count in sorted(left.items()):
        what = "what the scheduler was told of the network" if name in _SCHEDULER else "another record of the network"
        told = f"{count:,} links of {name} are left out: {what}; the cables are those of {source}."
        findings.append(Finding("cable", count, told))
    if source in _SCHEDULER:
        told = (
            f"{source} is what the scheduler was told: a switch of it may stand for several, and nothing is known of "
            "ports, rails and bandwidth, so that costs and shares mean little."
        )
        findings.append(Finding("cable", len(read), told))
    hosts = frozenset(wired.fabric.host_names)
    scheduled = {row["child"] for row in rows if row["format"] in _SCHEDULER and row["format"] != source}
    parents = {row["parent"] for row in rows}
    strangers = sorted(scheduled - hosts - parents - set(wired.service_hosts))
    if strangers:
        nodes = counted(len(strangers), "node")
        told = (
            f"{nodes} of the scheduler's network {'is' if len(strangers) == 1 else 'are'} on no cable of {source}: "
            f"{listed(strangers)}."
        )
        findings.append(Finding("host", len(strangers), told, is_contradiction=True))
    return findings
