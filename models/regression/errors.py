"""What can be wrong with a regression that is asked for: one class per mistake."""

from collections.abc import Sequence

from models.errors import ModelError


class NamesMismatchError(ModelError):
    """Names that do not label the columns of the covariates one by one."""

    def __init__(self, names: int, columns: int) -> None:
        super().__init__(f"{names} names for {columns} covariates; give one distinct name per column")


class NoEventsInRegressionError(ModelError):
    """A hazard regression without a single event."""

    def __init__(self, units: int) -> None:
        super().__init__(
            f"none of the {units} units has an event; hazard ratios compare events: "
            "use the zero-failure bound of poisson_rate for the rate itself"
        )


class NothingComparedError(ModelError):
    """Events without anybody beside them at risk."""

    def __init__(self) -> None:
        super().__init__(
            "no event has another unit beside it at risk in its stratum; a hazard regression compares units: "
            "give more units or coarser strata"
        )


class ConstantCovariateError(ModelError):
    """A covariate that is the same for every unit."""

    def __init__(self, name: str, value: str) -> None:
        super().__init__(f"covariate {name!r} is {value} for all; it explains nothing: leave it out")


class CollinearCovariatesError(ModelError):
    """Covariates that determine one another among the units compared."""

    def __init__(self, name: str, others: Sequence[str]) -> None:
        super().__init__(
            f"covariate {name!r} follows from the others ({', '.join(others) or 'being constant in every stratum'}) "
            "among the units compared: leave one of them out"
        )


class MonotoneLikelihoodError(ModelError):
    """A likelihood that rises for ever along a combination of covariates."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(
            f"the likelihood has no maximum: a combination of {', '.join(names)} separates the units with events from "
            "the rest; choose another reference level, one that has events, or merge levels"
        )


class NotConvergedError(ModelError):
    """A search for the maximum that did not end."""

    def __init__(self, rounds: int) -> None:
        super().__init__(
            f"no maximum of the likelihood after {rounds} rounds; look for a covariate with extreme values"
        )


class UnknownCauseError(ModelError):
    """A cause code that no unit has."""

    def __init__(self, cause: int) -> None:
        super().__init__(f"no unit ends by cause {cause}; causes are positive whole numbers, 0 is censored")


class TooManyEpisodesError(ModelError):
    """A Fine–Gray expansion larger than memory should hold."""

    def __init__(self, episodes: int, most: int) -> None:
        super().__init__(
            f"the subdistribution risk sets need {episodes:,} weighted episodes, more than {most:,}: "
            "round the times, or fit a sample"
        )


class HostsNotRepeatedError(ModelError):
    """A frailty asked of hosts that have one unit each."""

    def __init__(self, hosts: int) -> None:
        super().__init__(
            f"{hosts} hosts do not share a frailty: at least two hosts are needed, and one with several units"
        )


class UnknownStratumError(ModelError):
    """A stratum that the fit does not have, or one without events."""

    def __init__(self, stratum: object, known: Sequence[str]) -> None:
        super().__init__(
            f"no baseline for stratum {stratum!r}; strata: {', '.join(known) or 'none'}, each needs events"
        )


class BoundedTermError(ModelError):
    """A prediction asked of a model with a coefficient that is only bounded."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"the hazard ratio of {name!r} is only bounded, so nothing can be predicted from it; leave it out"
        )
