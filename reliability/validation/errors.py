"""What can stop a validation, one class per mistake."""

from __future__ import annotations

from reliability.errors import ReliabilityError


class ClusterFailedError(ReliabilityError):
    """One of the clusters could not be simulated, taken in or analysed."""

    def __init__(self, seed: int, reason: str) -> None:
        super().__init__(f"validate: the cluster of seed {seed} failed: {reason}")


class WorkerLostError(ReliabilityError):
    """A worker process ended before its work did."""

    def __init__(self) -> None:
        super().__init__(
            "validate: a worker process was killed, most often because memory ran out; run with fewer --processes"
        )
