"""What can be wrong with a fabric that is asked for: one class per mistake."""

from collections.abc import Iterable

from models.errors import ModelError


class UnknownFabricKindError(ModelError):
    """A fabric of a kind that does not exist."""

    def __init__(self, kind: str, known: Iterable[str]) -> None:
        super().__init__(f"unknown fabric {kind!r}; known fabrics: {', '.join(known)}")


class RadixTooSmallError(ModelError):
    """Switches with fewer ports than the fabric needs."""

    def __init__(self, radix: int, enough: int) -> None:
        super().__init__(
            f"switches of {radix} ports cannot join this many hosts; {enough} ports can: "
            "use larger switches, smaller racks or pods, or fewer hosts"
        )


class UndersubscribedError(ModelError):
    """An oversubscription below one."""

    def __init__(self, oversubscription: float) -> None:
        super().__init__(f"oversubscription is {oversubscription:g}; it is 1 (none) or more")


class TooManyGroupsError(ModelError):
    """A dragonfly with more groups than its global links can join in pairs."""

    def __init__(self, groups: int, most: int) -> None:
        super().__init__(
            f"a dragonfly of {groups} groups is too large: the global links of a group reach {most - 1} others; "
            "use more routers in a group, or more global links or adapters per router"
        )


class ShapeMismatchError(ModelError):
    """Something that does not consist of whole parts."""

    def __init__(self, whole: str, size: object, part: str, part_size: object) -> None:
        super().__init__(f"{whole} is {size}; it must be made of whole {part} of {part_size}")


class TorusDimensionsError(ModelError):
    """A torus that is neither flat nor solid."""

    def __init__(self, dimensions: int) -> None:
        super().__init__(f"a torus here has 2 or 3 dimensions, not {dimensions}")


class UnknownSettingError(ModelError):
    """A setting that a kind of fabric has not."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        super().__init__(f"fabric {kind!r} has no setting {name!r}; its settings: {', '.join(known)}")


class UnreadableSettingError(ModelError):
    """A value that cannot be what its setting wants."""

    def __init__(self, name: str, value: object, wanted: str) -> None:
        super().__init__(f"{name}={value} cannot be read; it must be {wanted}")


class NotOnTheRingError(ModelError):
    """A failed node that the ring does not have."""

    def __init__(self, node: int) -> None:
        super().__init__(f"node {node} is not on the ring")


class NoHostsError(ModelError):
    """A record of cables none of which leads to a host."""

    def __init__(self, cables: int) -> None:
        super().__init__(
            f"none of the {cables:,} cable{'' if cables == 1 else 's'} of the record leads to a compute host "
            "that has a name"
        )


class UnknownComponentKindError(ModelError):
    """A class of components that a fabric does not have."""

    def __init__(self, kind: str, known: Iterable[str]) -> None:
        super().__init__(f"this fabric has no component of class {kind!r}; it has: {', '.join(known)}")


class UnknownComponentError(ModelError):
    """A component that a fabric does not have."""

    def __init__(self, kind: str, name: str, example: str) -> None:
        super().__init__(f"this fabric has no {kind} {name!r}; they are called like {example!r}")


class ApartError(ModelError):
    """Nodes that do not reach each other."""

    def __init__(self, nodes: int) -> None:
        super().__init__(f"the rings do not join all {nodes} nodes: some pairs have no number of hops between them")


class NoRingsError(ModelError):
    """A fabric of a kind whose circuits are no rings over hosts."""

    def __init__(self, kind: str) -> None:
        super().__init__(f"only the rings of a RailX fabric can be closed around failed hosts; this one is {kind!r}")
