"""The syslog of all nodes: faults in bursts, boots, and ordinary noise, as RFC 5424 lines."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import timedelta

import numpy as np

from synthetic_traces.observations import Line, boot_lines, fault_lines, noise_line
from synthetic_traces.records import Fault, History
from synthetic_traces.spec import ClusterSpec

# Half of all faults print their line once; the others repeat it, up to hundreds of times within seconds.
_BURST_PROBABILITY = 0.5
_BURST_REPEATS = (5, 500)
_BURST_SECONDS = 20.0


class Syslog:
    """Renders a history as the collected syslog of the cluster.

    Parameters
    ----------
    spec
        The cluster.
    history
        What happened.
    rng
        Source of randomness for bursts, noise, addresses and process ids.
    """

    def __init__(self, spec: ClusterSpec, history: History, rng: np.random.Generator) -> None:
        self._spec = spec
        self._history = history
        self._rng = rng
        self._names = spec.node_names

    def lines(self) -> Iterator[str]:
        """Render all lines in the order of time.

        Yields
        ------
        str
            ``<PRI>1 TIMESTAMP HOST PROGRAM PROCID - - MESSAGE``.
        """
        records = [record for fault in self._history.faults for record in self._fault_records(fault)]
        records += self._noise_records()
        records = [record for record in records if record[0] < self._spec.seconds]
        records.sort(key=lambda record: record[0])  # stable: lines of one instant keep their order
        for time, node, line in records:
            stamp = (self._spec.start_utc + timedelta(seconds=time)).isoformat(timespec="microseconds")
            process = "-" if line.program == "kernel" else "1"
            yield (
                f"<{line.priority}>1 {stamp.replace('+00:00', 'Z')} {self._names[node]} "
                f"{line.program} {process} - - {line.text}"
            )

    def _fault_records(self, fault: Fault) -> Iterator[tuple[float, int, Line]]:
        lines = fault_lines(fault, self._rng)
        repeats = self._burst_size() if lines and fault.kind != "benign" else 1
        offsets = np.sort(self._rng.uniform(0, _BURST_SECONDS, repeats - 1))
        for offset in (0.0, *offsets):
            for order, line in enumerate(lines):
                yield fault.time_seconds + float(offset) + order * 0.0015, fault.node, line
        if fault.repaired_seconds is not None:
            for order, line in enumerate(boot_lines()):
                yield fault.repaired_seconds - 120.0 + order * 4.0, fault.node, line

    def _burst_size(self) -> int:
        if self._rng.random() >= _BURST_PROBABILITY:
            return 1
        low, high = _BURST_REPEATS
        return int(math.exp(self._rng.uniform(math.log(low), math.log(high))))

    def _noise_records(self) -> list[tuple[float, int, Line]]:
        spec = self._spec
        count = int(self._rng.poisson(spec.noise_lines_per_node_day * spec.nodes * spec.days))
        times = self._rng.uniform(0, spec.seconds, count)
        nodes = self._rng.integers(0, spec.nodes, count)
        dead = self._dead_intervals()
        return [
            (time, node, noise_line(self._rng))
            for time, node in zip(times.tolist(), nodes.tolist(), strict=True)
            if not any(begin <= time < end for begin, end in dead.get(node, ()))
        ]

    def _dead_intervals(self) -> dict[int, list[tuple[float, int]]]:
        dead: dict[int, list[tuple[float, int]]] = {}
        for fault in self._history.faults:
            if fault.repaired_seconds is not None:
                dead.setdefault(fault.node, []).append((fault.time_seconds, fault.repaired_seconds))
        return dead
