"""What can be wrong with a question about availability: one class per mistake."""

from collections.abc import Iterable

from models.errors import ModelError


class NotAProbabilityError(ModelError):
    """A probability outside [0, 1]."""

    def __init__(self, name: str, value: float) -> None:
        super().__init__(f"{name} is {value:g}; a probability lies between 0 and 1")


class NeededAboveMembersError(ModelError):
    """More members needed than there are."""

    def __init__(self, needed: int, members: int) -> None:
        super().__init__(f"{needed} of {members} cannot be: at most {members} can work")


class NoMembersError(ModelError):
    """A system of nothing."""

    def __init__(self) -> None:
        super().__init__("a system needs at least one member")


class TooManyCutSetsError(ModelError):
    """More cut sets than the exact sum can take."""

    def __init__(self, cut_sets: int, most: int) -> None:
        super().__init__(f"{cut_sets} minimal cut sets are too many for the exact sum (at most {most}): use the bounds")


class UnknownComponentClassError(ModelError):
    """A component class that the fabric or the table does not have."""

    def __init__(self, name: str, known: Iterable[str]) -> None:
        super().__init__(f"no component class {name!r}; known are {', '.join(known)}")


class UnknownMemberError(ModelError):
    """A vertex that the graph does not have."""

    def __init__(self, name: object) -> None:
        super().__init__(f"no vertex {name!r} in the graph")


class UnevenDomainsError(ModelError):
    """Domains that are not nested: one holds a part of another."""

    def __init__(self, outer: str, inner: str) -> None:
        super().__init__(
            f"{inner} and {outer} are not nested: members of one {inner} lie in several domains of {outer}; "
            "name the levels from the widest to the narrowest"
        )


class TooFewSharedEventsError(ModelError):
    """No event took two members of a domain, so nothing is known of how much a shared event takes."""

    def __init__(self, level: str) -> None:
        super().__init__(f"no event took two or more members of one {level}: only a bound on its rate can be given")


class JobDoesNotFitError(ModelError):
    """A job that needs more hosts than there are."""

    def __init__(self, hosts: int, available: int) -> None:
        super().__init__(f"the job and its spares need {hosts} hosts; the fabric has {available}")
