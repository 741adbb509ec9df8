"""Slurm's record of node states: ``sacctmgr show event -P``."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from synthetic_traces.logs.fault_lines import health_check_reason
from synthetic_traces.logs.host_lists import fold_node_list
from synthetic_traces.logs.slurm_text import Resources, duration_text
from synthetic_traces.logs.stamps import Stamps
from synthetic_traces.simulation.fault_records import Fault, Outage
from synthetic_traces.simulation.records import History
from synthetic_traces.spec.cluster import ClusterSpec

COLUMNS = "Cluster|Cluster Nodes|Duration|TimeStart|TimeEnd|Event|NodeName|Reason|State|StateRaw|TRES|User"

_ROOT = "root(0)"
_SLURM = "slurm(64030)"
# Slurm's node state numbers: 1 DOWN, 2 IDLE, with the flags 0x200 DRAIN and 0x800 NO_RESPOND.
_STATE_RAW = {"UNK": 0, "DOWN": 1, "DOWN*": 2049, "DRAIN": 514}
# A silent node was often found to have rebooted when it comes back, which Slurm notes as a second interval.
_REBOOT_NOTED_PROBABILITY = 0.4


def node_event_lines(spec: ClusterSpec, history: History, rng: np.random.Generator) -> Iterator[str]:
    """Render the node events.

    Parameters
    ----------
    spec, history
        The cluster and what happened.
    rng
        For what only the printed form leaves open.

    Yields
    ------
    str
        The header, the cluster's row, then the rows of each node by time. An unplanned failure is a DOWN interval, or
        two that touch; a drain and planned work are DRAIN intervals.
    """
    table = _Table(spec, rng)
    faults = history.faults_by_id
    yield COLUMNS
    yield table.cluster_row()
    rows = [table.row(node, 0, 0, "cold-start", "UNK", _ROOT) for node in range(spec.fleet.nodes)]
    for outage in history.outages:
        rows += table.outage_rows(outage, faults)
    yield from (row for _, _, row in sorted(rows))


class _Table:
    def __init__(self, spec: ClusterSpec, rng: np.random.Generator) -> None:
        self._spec = spec
        self._rng = rng
        self._resources = Resources(spec)
        self._stamps = Stamps(spec.start_utc)

    def cluster_row(self) -> str:
        spec = self._spec
        everything = self._resources.tres(spec.fleet.nodes, spec.fleet.gpus_per_node, typed=True, billing=True)
        return (
            f"{spec.cluster}|{fold_node_list(self._resources.names)}|{duration_text(spec.seconds)}|"
            f"{self._stamps.second(0)}|Unknown|Cluster||Cluster Registered TRES||0|{everything}|"
        )

    def outage_rows(self, outage: Outage, faults: dict[int, Fault]) -> list[tuple[int, int, str]]:
        node, begin, end = outage.node, outage.from_seconds, outage.to_seconds
        if outage.state == "maintenance":
            return [self.row(node, begin, end, f"maintenance CHG-{outage.number}", "DRAIN", _ROOT)]
        fault = faults[outage.number]
        if outage.state == "drain":
            return [self.row(node, begin, end, health_check_reason(fault), "DRAIN", _ROOT)]
        if not fault.silent:
            return [self.row(node, begin, end, health_check_reason(fault), "DOWN", _ROOT)]
        noted = self._rng.random() < _REBOOT_NOTED_PROBABILITY
        back = begin + max(1, int((end - begin) * self._rng.uniform(0.05, 0.5)))
        if not noted or back > self._spec.seconds:
            return [self.row(node, begin, end, "Not responding", "DOWN*", _SLURM)]
        return [
            self.row(node, begin, back, "Not responding", "DOWN*", _SLURM),
            self.row(node, back, end, "Node unexpectedly rebooted", "DOWN", _SLURM),
        ]

    def row(self, node: int, begin: int, end: int, reason: str, state: str, user: str) -> tuple[int, int, str]:
        spec = self._spec
        tres = self._resources.tres(1, spec.fleet.gpus_per_node, typed=True, billing=True).removesuffix(",node=1")
        shown_end = self._stamps.second(end) if end <= spec.seconds else "Unknown"
        text = (
            f"{spec.cluster}||{duration_text(min(end, spec.seconds) - begin)}|{self._stamps.second(begin)}|{shown_end}|"
            f"Node|{self._resources.names[node]}|{reason}|{state}|{_STATE_RAW[state]}|{tres}|{user}"
        )
        return node, begin, text
