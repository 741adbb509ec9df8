"""The hazard processes of the nodes, and how long detection and repair take."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from synthetic_traces.spec import DAY, HOUR, ClusterSpec, FailureMode, Kind


@dataclass(frozen=True, slots=True)
class HardwareEvent:
    """The next thing that goes wrong on a node if it stays in service that long.

    Parameters
    ----------
    after_seconds
        Time in service until then.
    mode, kind
        What it is.
    slot, xid
        The part that is hit, and the Xid it prints, if any.
    """

    after_seconds: float
    mode: FailureMode
    kind: Kind
    slot: int
    xid: int | None


class Hardware:
    """Competing exponential clocks of all failure modes of one node.

    All hazards are constant, so a node that returns to service starts afresh: the draw after a repair or after planned
    work has the law of the one it replaces.

    Parameters
    ----------
    spec
        The cluster.
    rng
        Source of randomness.
    """

    def __init__(self, spec: ClusterSpec, rng: np.random.Generator) -> None:
        self._rng = rng
        self._modes: list[tuple[FailureMode, Kind]] = [(mode, "critical") for mode in spec.failure_modes]
        self._modes += [(mode, "benign") for mode in spec.benign_modes]
        hazards = np.array([mode.per_1000_node_days for mode, _ in self._modes])
        self._share = hazards / hazards.sum()
        self._mean_seconds = 1000 * DAY / float(hazards.sum())

    def next_event(self) -> HardwareEvent:
        """Draw the first event of all modes of one node.

        Returns
        -------
        HardwareEvent
            Its delay is exponential with the summed hazard, its mode falls in proportion to the hazards.
        """
        mode, kind = self._modes[self._rng.choice(len(self._modes), p=self._share)]
        return HardwareEvent(
            after_seconds=float(self._rng.exponential(self._mean_seconds)),
            mode=mode,
            kind=kind,
            slot=int(self._rng.integers(mode.slots)),
            xid=int(self._rng.choice(mode.xids)) if mode.xids else None,
        )

    def detection_seconds(self, mode: FailureMode) -> int:
        """Draw how long a critical fault goes unnoticed.

        Parameters
        ----------
        mode
            The failure mode.

        Returns
        -------
        int
            Seconds; a silent node is noticed exactly when it has not answered for so long.
        """
        if mode.silent:
            return mode.detection_seconds
        return int(self._rng.integers(1, mode.detection_seconds, endpoint=True))

    def repair_seconds(self, mode: FailureMode) -> int:
        """Draw how long a repair takes.

        Parameters
        ----------
        mode
            The failure mode.

        Returns
        -------
        int
            Log-normal seconds, at least ten minutes.
        """
        return max(600, int(self._rng.lognormal(math.log(mode.repair_median_hours * HOUR), mode.repair_sigma)))
