"""What can be wrong with a question about a placement: one class per mistake."""

from models.errors import ModelError


class HostsDoNotFitError(ModelError):
    """A run larger than what is there."""

    def __init__(self, wanted: int, there: int) -> None:
        super().__init__(
            f"{wanted:,} hosts wanted, {there:,} are there: ask for at least one and no more, or for a larger fabric"
        )


class NoSuchHostError(ModelError):
    """A host that the fabric does not have, or one given twice."""

    def __init__(self, host: int, hosts: int) -> None:
        super().__init__(f"host {host} is none of the fabric's, numbered 0 to {hosts - 1}, or is given twice")


class OneKindOfPlacementError(ModelError):
    """A rate ratio asked where all attempts of like size stand alike."""

    def __init__(self) -> None:
        super().__init__("no size has attempts both packed and spread: their rates cannot be compared")
