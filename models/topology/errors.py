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
