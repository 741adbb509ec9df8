"""What can be wrong with a question to a model: one class per mistake, each with its own message.

All of them are `ModelError`, hence `ValueError`: a caller that wants to show "not available" catches `ModelError`, one
that wants to treat a single case apart (`ZeroExposureError` becomes null in a table) catches that class.
"""


class ModelError(ValueError):
    """The numbers given cannot be answered for."""


class NotFiniteError(ModelError):
    """NaN or infinity where a finite number is needed."""

    def __init__(self, name: str, position: int | None = None) -> None:
        where = "" if position is None else f" at position {position}"
        super().__init__(f"{name} is NaN or infinite{where}; drop or repair such rows before asking")


class NegativeValueError(ModelError):
    """A quantity below zero that cannot be."""

    def __init__(self, name: str, value: float, position: int | None = None) -> None:
        where = "" if position is None else f" at position {position}"
        super().__init__(f"{name} is {value:g}{where}; it cannot be negative")


class NegativeExposureError(ModelError):
    """Time at risk below zero."""

    def __init__(self, exposure: float) -> None:
        super().__init__(f"exposure is {exposure:g}; time at risk cannot be negative: check start and end times")


class ZeroExposureError(ModelError):
    """No failures in no exposure: nothing was observed, so no rate is known."""

    def __init__(self) -> None:
        super().__init__("exposure is zero: nothing was observed, so the rate is unknown, not zero")


class FailuresWithoutExposureError(ModelError):
    """Failures counted where no time at risk was."""

    def __init__(self, failures: int) -> None:
        super().__init__(
            f"{failures} failures but zero exposure; numerator and denominator do not describe the same population"
        )


class NotPositiveError(ModelError):
    """A quantity that must lie above zero."""

    def __init__(self, name: str, value: float) -> None:
        super().__init__(f"{name} is {value:g}; it must be above zero")


class NotACountError(ModelError):
    """A count that is no whole number from zero up."""

    def __init__(self, name: str, value: object) -> None:
        super().__init__(f"{name} is {value!r}; it must be a whole number, zero or more")


class ConfidenceOutOfRangeError(ModelError):
    """A confidence level outside (0, 1)."""

    def __init__(self, confidence: float) -> None:
        super().__init__(f"confidence is {confidence:g}; it must lie between 0 and 1, such as 0.9 for 90%")


class UnknownMethodError(ModelError):
    """A way of computing that is not offered."""

    def __init__(self, method: str, known: tuple[str, ...]) -> None:
        super().__init__(f"there is no method {method!r}; known are {', '.join(known)}")


class EmptyShareError(ModelError):
    """A share of nothing."""

    def __init__(self) -> None:
        super().__init__("the share of 0 out of 0 is unknown")


class NotAShareError(ModelError):
    """A probability or share outside 0 to 1."""

    def __init__(self, name: str, value: float) -> None:
        super().__init__(f"{name} is {value:g}; a share lies between 0 and 1")


class ShareAboveOneError(ModelError):
    """More hits than trials."""

    def __init__(self, hits: float, trials: float) -> None:
        super().__init__(f"{hits} out of {trials} is no share: the part is larger than the whole")


class EmptySampleError(ModelError):
    """No units at all."""

    def __init__(self) -> None:
        super().__init__("no units given; a survival model needs at least one lifetime")


class LengthMismatchError(ModelError):
    """Columns of different length."""

    def __init__(self, lengths: dict[str, int]) -> None:
        listed = ", ".join(f"{name} {length}" for name, length in lengths.items())
        super().__init__(f"columns differ in length: {listed}")


class ExitBeforeEntryError(ModelError):
    """A unit that leaves observation before, or when, it enters."""

    def __init__(self, position: int, entry_hours: float, exit_hours: float) -> None:
        super().__init__(
            f"unit {position} enters at {entry_hours:g} h and leaves at {exit_hours:g} h; "
            "it was never at risk: leave out such units or repair their times"
        )


class UnorderedTimesError(ModelError):
    """A risk table whose rows are not in strictly rising positive time."""

    def __init__(self, position: int) -> None:
        super().__init__(f"risk table row {position}: times must be above zero and strictly rising, one row per time")


class RiskSetTooSmallError(ModelError):
    """More units leave at a time than were at risk."""

    def __init__(self, time_hours: float, leaving: float, at_risk: float) -> None:
        super().__init__(f"risk table at {time_hours:g} h: {leaving:g} units leave but only {at_risk:g} were at risk")


class RiskSetLeakError(ModelError):
    """Units vanish between two rows without an event or a censoring."""

    def __init__(self, time_hours: float, at_risk: float, expected: float) -> None:
        super().__init__(
            f"risk table at {time_hours:g} h: {at_risk:g} units at risk, at least {expected:g} must remain "
            "from the row before; some left without being counted as event or censored"
        )


class OutsideObservationError(ModelError):
    """A question about a time that the data never reached."""

    def __init__(self, time_hours: float, last_hours: float) -> None:
        super().__init__(
            f"{time_hours:g} h lies outside the observed 0 to {last_hours:g} h; "
            "a Kaplan–Meier curve says nothing there: ask within, or fit a parametric model"
        )


class AfterObservationError(ModelError):
    """A failure later than the end of the observation it is said to belong to."""

    def __init__(self, time_hours: float, observed_hours: float) -> None:
        super().__init__(f"a failure at {time_hours:g} h lies after the end of observation at {observed_hours:g} h")


class NoEventsError(ModelError):
    """A parametric fit without a single failure."""

    def __init__(self, units: int) -> None:
        super().__init__(
            f"none of the {units} units failed; shape and scale cannot be estimated from censored lives alone: "
            "use the zero-failure bound of poisson_rate"
        )


class CheckpointWriteMissingError(ModelError):
    """The v2 formula asked of a plan that does not say how long a checkpoint takes."""

    def __init__(self) -> None:
        super().__init__("expected_ettr_v2 needs checkpoint_write_seconds in the plan; v1 treats writes as free")


class RestartOutpacedError(ModelError):
    """Failures arrive faster than restarts finish, so no interval makes progress."""

    def __init__(self, failures_per_restart: float) -> None:
        super().__init__(
            f"{failures_per_restart:g} failures are expected during one restart; "
            "at one or more no checkpoint interval makes progress: shorten the restart or use fewer nodes"
        )
