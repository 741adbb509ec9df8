"""What can be wrong with recurrent failures: one class per mistake, each with its own message."""

from models.errors import ModelError


class OutsideWindowError(ModelError):
    """A failure while its unit was not watched."""

    def __init__(self, position: int, time_hours: float, start_hours: float, end_hours: float) -> None:
        super().__init__(
            f"failure {position} at {time_hours:g} h lies outside its unit's observation, "
            f"{start_hours:g} to {end_hours:g} h"
        )


class UnknownUnitError(ModelError):
    """A failure of a unit that is not in the table of units."""

    def __init__(self, position: int, unit: int, units: int) -> None:
        super().__init__(f"failure {position} is of unit {unit}, but units are numbered 0 to {units - 1}")


class TooFewFailuresError(ModelError):
    """Too few failures for the parameters asked for."""

    def __init__(self, what: str, failures: int, needed: int) -> None:
        super().__init__(f"{what} needs at least {needed} failures, not {failures}: use poisson_rate for a single rate")


class FailuresAtStartError(ModelError):
    """Failures that leave a power law no shape."""

    def __init__(self) -> None:
        super().__init__("a power law needs failures after time zero, and not all at the end of observation")


class LateStartError(ModelError):
    """A question that only systems watched from their first hour can answer."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} needs systems observed from time zero; some enter late")


class TooFewClustersError(ModelError):
    """Clusters too few to show how much they vary."""

    def __init__(self, clusters: int) -> None:
        super().__init__(f"{clusters} clusters show no variation between clusters; at least two are needed")
