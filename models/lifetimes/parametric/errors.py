"""What can be wrong with a parametric fit: one class per mistake, each with its own message."""

from models.errors import ModelError


class UnknownFamilyError(ModelError):
    """A distribution that is not offered."""

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        super().__init__(f"no lifetime distribution is called {name!r}; known are {', '.join(known)}")


class NotDeterminedError(ModelError):
    """A likelihood without a maximum at usable parameters."""

    def __init__(self, family: str, events: float, reason: str) -> None:
        super().__init__(
            f"the data do not determine a {family} distribution (failures: {events:g}): {reason}, "
            "as when all failures happen at the last time or most units entered late"
        )


class UpperBeforeLowerError(ModelError):
    """A life whose end lies between two ages in the wrong order, or at age zero."""

    def __init__(self, position: int, entry_hours: float, lower_hours: float, upper_hours: float) -> None:
        super().__init__(
            f"life {position} enters at {entry_hours:g} h and ends between {lower_hours:g} h and {upper_hours:g} h; "
            "the ages must satisfy entry <= lower <= upper, and some of the life must lie after its entry"
        )


class NoUpperBoundGivenError(ModelError):
    """A location parameter whose bound leaves no room, or reaches the first failure."""

    def __init__(self, bound_hours: float, first_failure_hours: float) -> None:
        super().__init__(
            f"the location must stay below a bound above 0 h and below the first failure at {first_failure_hours:g} h, "
            f"not {bound_hours:g} h: the likelihood grows without limit as the location nears the first failure"
        )


class CutPointsError(ModelError):
    """Cut points that do not rise, or a piece in which nobody was watched."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"cut points must rise from above 0 h and leave time at risk in each piece: {reason}")


class IntervalCensoredError(ModelError):
    """Lives whose end is known only to lie between two ages, where an exact age is needed."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"{what} needs failures at exact ages; some lives end between two ages: "
            "fit another distribution, or take the midpoints if the intervals are short"
        )


class FractionalWeightError(ModelError):
    """Weights that are not counts, where units must be drawn one by one."""

    def __init__(self, weight: float) -> None:
        super().__init__(f"a weight of {weight:g} is not a whole number of units; a resampled fleet needs counts")


class ShareOutOfRangeError(ModelError):
    """A share of failed units that is not strictly between 0 and 1."""

    def __init__(self, share: float) -> None:
        super().__init__(f"a quantile needs a share strictly between 0 and 1, not {share:g}")
