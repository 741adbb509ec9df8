"""The syslog of all nodes: faults in bursts, boots, and ordinary noise, as RFC 5424 lines."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterator

import numpy as np

from synthetic_traces.logs.fault_lines import Line, boot_lines, fault_lines, noise_lines
from synthetic_traces.logs.stamps import Stamps
from synthetic_traces.simulation.fault_records import Fault
from synthetic_traces.simulation.plant import Plant
from synthetic_traces.simulation.records import History
from synthetic_traces.spec.cluster import DAY, ClusterSpec

_BURST_LEAST = 5
_BURST_SECONDS = 20.0
_BOOT_SECONDS = 120.0  # A node prints its boot so long before it is back in service.
_BURSTING = {"critical", "application", "crash_loop"}

_Record = tuple[float, int, Line]


class Syslog:
    """Renders faults as the collected syslog of the cluster.

    The lines are in the order in which they happened; the stamps are those of each node's own clock.

    Parameters
    ----------
    spec, plant
        The cluster and its machines.
    history
        What happened; only its faults are read.
    seed
        Of bursts, noise, addresses and process ids. Each fault and each period has a stream of its own, so that the
        text does not depend on how the log is cut.
    """

    def __init__(self, spec: ClusterSpec, plant: Plant, history: History, seed: int) -> None:
        self._spec, self._plant, self._seed = spec, plant, seed
        self._faults = history.faults
        self._names = spec.fleet.node_names
        self._stamps = Stamps(spec.start_utc)
        self._dead: dict[int, list[tuple[float, float]]] = {}
        for fault in history.faults:
            if fault.repaired_seconds is not None:
                self._dead.setdefault(fault.node, []).append((fault.time_seconds, float(fault.repaired_seconds)))
        self._versions = [plant.driver_versions(node, spec.fleet.driver_version) for node in range(spec.fleet.nodes)]

    def lines(self, first_day: int, last_day: int) -> Iterator[str]:
        """Render some days.

        Parameters
        ----------
        first_day, last_day
            Days of the log, the last one excluded.

        Yields
        ------
        str
            ``<PRI>1 TIMESTAMP HOST PROGRAM PROCID - - MESSAGE``.
        """
        begin, end = first_day * DAY, min(last_day * DAY, self._spec.seconds)
        records = [
            record
            for fault in self._faults
            if fault.time_seconds < end and (fault.repaired_seconds or fault.time_seconds) + DAY >= begin
            for record in self._fault_records(fault)
        ]
        for day in range(first_day, min(last_day, self._spec.days)):
            records += self._noise_records(day)
        records = [record for record in records if begin <= record[0] < end]
        records.sort(key=lambda record: record[0])  # stable: lines of one instant keep their order
        seen = self._spec.observability
        rng = np.random.default_rng([self._seed, 3, first_day])
        fates = rng.random(len(records)).tolist()
        lost, doubled = seen.lost_share, 1 - seen.duplicated_share
        names, micros, errors = self._names, self._stamps.micros, self._plant.clock_error_seconds.tolist()
        for (time, node, line), fate in zip(records, fates, strict=True):
            if fate < lost:
                continue
            process = "-" if line.program == "kernel" else "1"
            text = (
                f"<{line.priority}>1 {micros(time + errors[node])} {names[node]} "
                f"{line.program} {process} - - {line.text}"
            )
            yield text
            if fate >= doubled:
                yield text

    def _fault_records(self, fault: Fault) -> Iterator[_Record]:
        if not fault.silent:
            rng = np.random.default_rng([self._seed, 2, fault.fault_id])
            lines = fault_lines(fault, rng)
            repeats = self._burst_size(rng) if fault.kind in _BURSTING else 1
            for offset in (0.0, *np.sort(rng.uniform(0, _BURST_SECONDS, repeats - 1)).tolist()):
                for order, line in enumerate(lines):
                    yield fault.time_seconds + offset + order * 0.0015, fault.node, line
        if fault.repaired_seconds is not None:
            boot = fault.repaired_seconds - _BOOT_SECONDS
            versions = self._versions[fault.node]
            version = versions[bisect_right(versions, (boot, "~")) - 1][1]
            for order, line in enumerate(boot_lines(version)):
                yield boot + order * 4.0, fault.node, line

    def _burst_size(self, rng: np.random.Generator) -> int:
        seen = self._spec.observability
        if rng.random() >= seen.burst_probability:
            return 1
        return int(math.exp(rng.uniform(math.log(_BURST_LEAST), math.log(max(_BURST_LEAST, seen.burst_most)))))

    def _noise_records(self, day: int) -> Iterator[_Record]:
        spec = self._spec
        rng = np.random.default_rng([self._seed, 4, day])
        count = int(rng.poisson(spec.observability.noise_lines_per_node_day * spec.fleet.nodes))
        times = rng.uniform(day * DAY, (day + 1) * DAY, count).tolist()
        nodes = rng.integers(0, spec.fleet.nodes, count).tolist()
        for time, node, line in zip(times, nodes, noise_lines(count, rng), strict=True):
            if not any(begin <= time < end for begin, end in self._dead.get(node, ())):
                yield time, node, line
