"""What can be wrong with lives beyond what `models.errors` names: causes, inspections, horizons, groups."""

from collections.abc import Sequence

from models.errors import ModelError


class CausesDisagreeError(ModelError):
    """Events by cause that do not add up to the events of the risk table."""

    def __init__(self, time_hours: float, by_cause: float, events: float) -> None:
        super().__init__(f"at {time_hours:g} h the causes add up to {by_cause:g} events, the risk table has {events:g}")


class UnknownCauseError(ModelError):
    """A cause by which nothing ends in these lives."""

    def __init__(self, cause: str, causes: Sequence[str]) -> None:
        known = ", ".join(causes) or "none at all"
        super().__init__(f"no life ends by {cause!r}; the causes are {known}")


class IntervalOrderError(ModelError):
    """A failure bracketed by inspections in the wrong order, or before the unit was watched."""

    def __init__(self, position: int, entry: float, lower: float, upper: float) -> None:
        super().__init__(
            f"unit {position} is watched from {entry:g} h and said to fail between {lower:g} and {upper:g} h; "
            "these must not fall"
        )


class HorizonBeyondDataError(ModelError):
    """A restricted mean up to an age that nobody reached."""

    def __init__(self, horizon_hours: float, last_hours: float) -> None:
        super().__init__(
            f"nobody was watched up to {horizon_hours:g} h: the curve ends at {last_hours:g} h; "
            "ask for a horizon within"
        )


class TooFewGroupsError(ModelError):
    """A comparison of fewer than two groups."""

    def __init__(self, groups: int) -> None:
        super().__init__(f"{groups} group given; a comparison needs at least two")


class NothingToCompareError(ModelError):
    """Groups that are never at risk together when something fails."""

    def __init__(self) -> None:
        super().__init__("no failure happens while units of several groups are at risk: the groups cannot be compared")
