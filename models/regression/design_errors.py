"""What can be wrong with the covariates of a regression, before and while counts are regressed on them."""

from models.errors import ModelError


class NoCovariatesError(ModelError):
    """A regression on nothing."""

    def __init__(self) -> None:
        super().__init__("no covariates given; without any, ask for the rate or the survival curve itself")


class ConstantColumnError(ModelError):
    """A covariate with one value, which explains no difference."""

    def __init__(self, name: str, value: object) -> None:
        super().__init__(f"covariate {name!r} is {value} everywhere; it explains no difference: leave it out")


class CollinearColumnError(ModelError):
    """A column that the columns before it (and the intercept) already determine."""

    def __init__(self, column: str, before: tuple[str, ...]) -> None:
        super().__init__(
            f"column {column!r} follows from {', '.join(before)}; their effects cannot be told apart: leave one out"
        )


class MoreColumnsThanRowsError(ModelError):
    """Fewer observations than effects."""

    def __init__(self, rows: int, columns: int) -> None:
        super().__init__(f"{rows} observations cannot show the effects of {columns} columns: leave covariates out")


class MissingCovariateError(ModelError):
    """A categorical covariate without a value."""

    def __init__(self, name: str, position: int) -> None:
        super().__init__(f"covariate {name!r} has no value at position {position}; name the level 'unknown' or drop it")


class UnknownReferenceError(ModelError):
    """A reference level that no row has, or one for a numeric covariate."""

    def __init__(self, name: str, reference: str, levels: tuple[str, ...]) -> None:
        known = f"its levels are {', '.join(levels)}" if levels else "it is no categorical covariate"
        super().__init__(f"covariate {name!r} has no reference level {reference!r}: {known}")


class ReferenceWithoutFailuresError(ModelError):
    """A reference level in which nothing failed: every ratio to it is infinite."""

    def __init__(self, name: str, reference: str) -> None:
        super().__init__(f"nothing failed in {name}={reference}, the reference; choose a level with failures instead")


class SeparationError(ModelError):
    """Covariates that tell failures from survivors perfectly, so that no finite effect is the likeliest."""

    def __init__(self) -> None:
        super().__init__(
            "the covariates separate the observations with failures from those without; no finite effect is likeliest: "
            "join levels or leave a covariate out"
        )
