"""The machines as drawn for one seed: where nodes stand, what they share, how old they are, which are lemons."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.topology import Fabric, build_fabric, network_domains
from synthetic_traces.spec.cluster import DAY, ClusterSpec
from synthetic_traces.spec.faults import Firmware


@dataclass(frozen=True, slots=True)
class Lemon:
    """A node that fails again and again.

    Parameters
    ----------
    node
        Node number.
    symptom
        Its root cause.
    from_seconds
        Since when; 0 for from the beginning of the log.
    per_1000_node_days
        Hazard of the root cause, on top of the fleet's.
    """

    node: int
    symptom: str
    from_seconds: float
    per_1000_node_days: float


@dataclass(frozen=True, slots=True)
class Domain:
    """Nodes that share something.

    Parameters
    ----------
    name, kind
        What it is: a rack, a pod, a switch.
    nodes
        Node numbers.
    takes_down
        Whether its loss takes the nodes down, or only slows them.
    """

    name: str
    kind: str
    nodes: tuple[int, ...]
    takes_down: bool = True


@dataclass(frozen=True, slots=True)
class Plant:
    """One cluster's machines.

    Parameters
    ----------
    fabric
        The network.
    domains
        Racks, pods, power and cooling, the cluster as a whole, and those of the network.
    age_days
        Shape (nodes,): age of each node when the log begins.
    batch_factor
        By symptom, shape (nodes,): by how much the node's batch multiplies its hazard; symptoms without are absent.
    batch
        Name of each node's batch, or an empty string.
    rollouts
        Each firmware with the seconds at which each node takes it, shape (nodes,).
    lemons
        By node.
    check_phase, clock_error_seconds
        Shape (nodes,): when the node's health check runs within its period, and how far its clock is off.
    """

    fabric: Fabric
    domains: tuple[Domain, ...]
    age_days: npt.NDArray[np.float64]
    batch_factor: dict[str, npt.NDArray[np.float64]]
    batch: tuple[str, ...]
    rollouts: tuple[tuple[Firmware, npt.NDArray[np.float64]], ...]
    lemons: dict[int, Lemon]
    check_phase: npt.NDArray[np.int64]
    clock_error_seconds: npt.NDArray[np.float64]

    def driver_versions(self, node: int, default: str) -> tuple[tuple[float, str], ...]:
        """Return when a node ran which driver.

        Parameters
        ----------
        node
            Node number.
        default
            What it ran when the log began.

        Returns
        -------
        tuple of (seconds, version)
            In order of time; the first is minus infinity.
        """
        changes = sorted((float(at[node]), firmware.version) for firmware, at in self.rollouts)
        return ((-np.inf, default), *changes)


def draw_plant(spec: ClusterSpec, rng: np.random.Generator) -> Plant:
    """Draw the machines of a cluster.

    Parameters
    ----------
    spec
        What they are like.
    rng
        Source of randomness.

    Returns
    -------
    Plant
        The machines.
    """
    fleet, count = spec.fleet, spec.fleet.nodes
    racks = np.arange(count) // fleet.nodes_per_rack
    rack_count = int(racks[-1]) + 1
    fabric = build_fabric(fleet.fabric, count, fleet.gpus_per_node, fleet.nodes_per_rack, fleet.racks_per_pod)
    batch, batch_factor = _batches(spec, racks)
    return Plant(
        fabric=fabric,
        domains=(*_places(spec, racks), *_network(fabric)),
        age_days=fleet.oldest_days * (1 - racks / rack_count),
        batch_factor=batch_factor,
        batch=batch,
        rollouts=tuple((firmware, _rollout(firmware, count, rng)) for firmware in fleet.firmware),
        lemons=_lemons(spec, rng),
        check_phase=rng.integers(0, spec.observability.check_interval_seconds, count),
        clock_error_seconds=rng.normal(0.0, spec.observability.clock_skew_seconds, count),
    )


def _places(spec: ClusterSpec, racks: npt.NDArray[np.int64]) -> list[Domain]:
    nodes = range(spec.fleet.nodes)
    pods = racks // spec.fleet.racks_per_pod
    by_rack = _grouped(racks)
    by_pod = _grouped(pods)
    return [
        Domain("cluster", "cluster", tuple(nodes)),
        *(Domain(f"rack-{rack + 1:03d}", "rack", members) for rack, members in enumerate(by_rack)),
        *(Domain(f"pdu-{rack + 1:03d}", "power", members) for rack, members in enumerate(by_rack)),
        *(Domain(f"pod-{pod + 1:02d}", "pod", members) for pod, members in enumerate(by_pod)),
        *(Domain(f"cdu-{pod + 1:02d}", "cooling", members) for pod, members in enumerate(by_pod)),
    ]


def _network(fabric: Fabric) -> list[Domain]:
    return [Domain(found.name, found.kind, found.hosts, found.takes_down) for found in network_domains(fabric)]


def _grouped(labels: npt.NDArray[np.int64]) -> list[tuple[int, ...]]:
    return [tuple(np.flatnonzero(labels == label).tolist()) for label in range(int(labels[-1]) + 1)]


def _batches(
    spec: ClusterSpec, racks: npt.NDArray[np.int64]
) -> tuple[tuple[str, ...], dict[str, npt.NDArray[np.float64]]]:
    names = [""] * spec.fleet.nodes
    factors: dict[str, npt.NDArray[np.float64]] = {}
    first = 0
    for batch in spec.fleet.batches:
        last = first + round(batch.share * (int(racks[-1]) + 1))
        members = (racks >= first) & (racks < last)
        for node in np.flatnonzero(members).tolist():
            names[node] = batch.name
        factor = factors.setdefault(batch.symptom, np.ones(spec.fleet.nodes))
        factor[members] *= batch.factor
        first = last
    return tuple(names), factors


def _rollout(firmware: Firmware, nodes: int, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    order = rng.permutation(nodes)
    return (firmware.from_day + firmware.rollout_days * (order + 0.5) / nodes) * DAY


def _lemons(spec: ClusterSpec, rng: np.random.Generator) -> dict[int, Lemon]:
    lemons = spec.lemons
    if lemons is None:
        return {}
    chosen = np.sort(rng.choice(spec.fleet.nodes, round(lemons.share * spec.fleet.nodes), replace=False))
    weights = np.array(lemons.weights) / sum(lemons.weights)
    return {
        int(node): Lemon(
            node=int(node),
            symptom=str(rng.choice(lemons.symptoms, p=weights)),
            from_seconds=0.0 if rng.random() < lemons.from_share else float(rng.uniform(0, spec.seconds)),
            per_1000_node_days=lemons.per_1000_node_days * _spread_factor(lemons.spread, rng),
        )
        for node in chosen
    }


def _spread_factor(spread: float, rng: np.random.Generator) -> float:
    # Equal lemons draw nothing, so that clusters of which this is told nothing are what they were.
    return float(spread ** rng.uniform(-1, 1)) if spread > 1 else 1.0
