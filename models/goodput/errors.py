"""What can be wrong with a planned run: one class per mistake, each with its own message."""

from models.errors import ModelError


class StallAboveWriteError(ModelError):
    """Training stands still for a checkpoint longer than the checkpoint takes."""

    def __init__(self, stall_seconds: float, write_seconds: float | None) -> None:
        written = "no checkpoint_write_seconds is given" if write_seconds is None else f"it takes {write_seconds:g} s"
        super().__init__(
            f"checkpoint_stall_seconds is {stall_seconds:g}, but {written}; a stall is a part of the write"
        )


class PartsAboveElapsedError(ModelError):
    """The parts of a run add up to more than it took."""

    def __init__(self, parts_seconds: float, elapsed_seconds: float) -> None:
        super().__init__(
            f"the parts of the run add up to {parts_seconds:g} s, but it took {elapsed_seconds:g} s from its first "
            "start to its last end; a second belongs to one part only"
        )


class RestartPartsError(ModelError):
    """More is known of a run's restarts than they took."""

    def __init__(self, known_seconds: float, restart_seconds: float) -> None:
        super().__init__(
            f"initialisation, preparation, restore, data loading and startup add up to {known_seconds:g} s, but "
            f"restart_seconds is {restart_seconds:g}; they are parts of it"
        )


class UnfinishedStepError(ModelError):
    """Steps cut short by failures hold more time than was lost."""

    def __init__(self, unfinished_seconds: float, lost_seconds: float) -> None:
        super().__init__(
            f"unfinished_step_seconds is {unfinished_seconds:g}, but lost_seconds is {lost_seconds:g}; an unfinished "
            "step is a part of the lost work"
        )


class NoGapEndedError(ModelError):
    """A law of gaps asked of attempts that no failure ended."""

    def __init__(self, gaps: int, failures: int) -> None:
        what = "none of them was ended by a failure" if failures == 0 else "those that failed did so at once"
        super().__init__(
            f"{gaps} gaps, but {what}: how long gaps are cannot be told; use an exponential law at the upper bound of "
            "the failure rate"
        )


class CheckpointsOverlapError(ModelError):
    """A checkpoint would begin before the one before it is written."""

    def __init__(self, write_seconds: float, period_seconds: float) -> None:
        super().__init__(
            f"a checkpoint takes {write_seconds:g} s to write, but the next begins after {period_seconds:g} s; "
            "checkpoint less often or write faster"
        )


class TooManySparesError(ModelError):
    """No stock of spares that anyone could hold is enough."""

    def __init__(self, in_repair: float, most: int) -> None:
        super().__init__(
            f"{in_repair:g} nodes are under repair on average; more than {most:,} spares would be needed: "
            "repair faster or use fewer nodes"
        )


class ReplicasDoNotFitError(ModelError):
    """Replicas that the nodes of a run cannot make up."""

    def __init__(self, nodes: int, replica_nodes: int, least_replicas: int) -> None:
        super().__init__(
            f"{nodes} nodes do not make whole replicas of {replica_nodes} nodes, at least {least_replicas} of them"
        )


class NotALeverError(ModelError):
    """A lever that there is not."""

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        super().__init__(f"there is no lever {name!r}; known are {', '.join(known)}")


class NotLeverValuesError(ModelError):
    """A lever pulled with other values than it takes."""

    def __init__(self, name: str, given: tuple[str, ...], needed: tuple[str, ...]) -> None:
        super().__init__(f"lever {name} takes {', '.join(needed)}, not {', '.join(given) or 'nothing'}")


class FactorNotAboveOneError(ModelError):
    """A sensitivity to no change."""

    def __init__(self, factor: float) -> None:
        super().__init__(f"factor is {factor:g}; it must be above 1, such as 2 for half and double")


class EmptyRunError(ModelError):
    """A run without any wall-clock time."""

    def __init__(self) -> None:
        super().__init__("a run has no wall-clock time: its ETTR is 0/0; leave it out")


class EndlessRunError(ModelError):
    """The distribution of the end of a run that has none."""

    def __init__(self) -> None:
        super().__init__("the plan has no end: give productive_seconds, the work after which the run is done")


class NeverDoneError(ModelError):
    """A run that is not done in any time that can be told."""

    def __init__(self, productive_seconds: float, first_safe_seconds: float) -> None:
        super().__init__(
            f"{productive_seconds:g} s of work are never done: failures practically never leave the "
            f"{first_safe_seconds:g} s from a start to its first safe checkpoint; checkpoint more often, restart "
            "faster or use fewer nodes"
        )


class RatesWithGapsError(ModelError):
    """Draws of a failure rate given together with a law of gaps."""

    def __init__(self) -> None:
        super().__init__("give a law of gaps or failure rates, not both: a rate means exponential gaps")


class NeverThatLongError(ModelError):
    """Runs picked for a length that no run of the plan reaches."""

    def __init__(self, at_least_seconds: float) -> None:
        super().__init__(
            f"no run of this plan takes {at_least_seconds:g} s or longer; there is nothing to compare with"
        )


class NotOnePerDrawError(ModelError):
    """A function of the failure rate that does not answer for each rate."""

    def __init__(self, shape: tuple[int, ...], rates: int) -> None:
        super().__init__(
            f"the function returned values of shape {shape} for {rates} rates; it must return one value per rate"
        )


class NoPhaseError(ModelError):
    """A run in phases without any, or with laws of gaps that do not belong to them."""

    def __init__(self, phases: int, laws: int | None) -> None:
        given = "no phase is given" if phases == 0 else f"{phases} phases, but {laws} laws of gaps"
        super().__init__(f"{given}; give at least one phase, and a law of gaps for each or for none")


class PickedTooShortError(ModelError):
    """A run compared with longer ones only."""

    def __init__(self, wall_seconds: float, at_least_seconds: float) -> None:
        super().__init__(
            f"the run took {wall_seconds:g} s, but is compared with runs of {at_least_seconds:g} s or more: "
            "pick and compare by the same length"
        )
