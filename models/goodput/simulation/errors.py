"""What can be wrong with a simulation of runs: one class per mistake, each with its own message."""

from models.errors import ModelError


class HorizonMissingError(ModelError):
    """A run without an end, and no time at which to stop watching it."""

    def __init__(self) -> None:
        super().__init__("productive_seconds is infinite: give horizon_seconds, or the work the run has to do")


class TooFewReplicasError(ModelError):
    """A mean with an interval asked of fewer than two runs."""

    def __init__(self, replicas: int) -> None:
        super().__init__(f"{replicas} replicas; the spread of a mean needs at least two")


class NoEndInSightError(ModelError):
    """Failures come so often that the simulated runs would practically never finish."""

    def __init__(self, rounds: int, share_done: float) -> None:
        super().__init__(
            f"after {rounds:,} failures a run has done {share_done:.2%} of its work; it would not finish in reasonable "
            "time: checkpoint more often, restart faster, use fewer nodes, or give horizon_seconds"
        )
