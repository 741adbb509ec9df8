"""Which distribution describes the lives best: families ranked by what information criteria say."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from models.errors import ModelError
from models.lifetimes.parametric.family import Family
from models.lifetimes.parametric.fit import FAMILIES, fit_lifetime
from models.lifetimes.parametric.lifetime_fit import LifetimeFit
from models.lifetimes.parametric.lives import Lives

# Below this difference in AIC no family is clearly worse than the first.
NO_CLEAR_WINNER: Final = 2.0


@dataclass(frozen=True, slots=True)
class RankedFamily:
    """One family's fit beside the others: criteria, AIC above the best one's, and its Akaike weight."""

    family: str
    parameters: int
    log_likelihood: float
    aic: float
    bic: float
    delta_aic: float
    akaike_weight: float
    fit: LifetimeFit = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class RefusedFamily:
    """A family that could not be fitted, and why."""

    family: str
    reason: str


@dataclass(frozen=True, slots=True)
class FamilyComparison:
    """Families from the likeliest after the penalty on parameters to the least, and those not fitted."""

    ranked: tuple[RankedFamily, ...]
    refused: tuple[RefusedFamily, ...]
    warnings: tuple[str, ...]

    @property
    def best(self) -> LifetimeFit:
        """The fit with the lowest AIC."""
        return self.ranked[0].fit


def compare_families(
    lives: Lives, families: Iterable[str | Family] = tuple(FAMILIES), confidence: float = 0.9
) -> FamilyComparison:
    """Fit several families to the same lives and rank them.

    Parameters
    ----------
    lives : Lives
        With at least one failure.
    families : iterable of str or Family
        What to fit; all of `FAMILIES` by default.
    confidence : float
        Coverage of the fits' intervals.

    Returns
    -------
    FamilyComparison
        Ranked by AIC; Akaike weights sum to one over the families that could be fitted.

    Raises
    ------
    ModelError
        None of the families could be fitted; the error of the first.

    Notes
    -----
    Burnham and Anderson, Model Selection and Multimodel Inference (2002), section 2.9. A best family may still fit
    badly: see `goodness_of_fit`.

    Examples
    --------
    >>> lives = Lives.right_censored([0] * 6, [90, 95, 100, 104, 110, 120], [True] * 6)
    >>> compare_families(lives, ["exponential", "Weibull", "log-normal"]).ranked[-1].family
    'exponential'
    """
    fits, refused, errors = [], [], []
    for family in families:
        try:
            fits.append(fit_lifetime(family, lives, confidence))
        except ModelError as error:
            refused.append(RefusedFamily(family if isinstance(family, str) else family.name, str(error)))
            errors.append(error)
    if not fits:
        raise errors[0]
    fits.sort(key=lambda fit: fit.aic)
    deltas = [fit.aic - fits[0].aic for fit in fits]
    total = math.fsum(math.exp(-delta / 2.0) for delta in deltas)
    ranked = tuple(
        RankedFamily(
            family=fit.family.name,
            parameters=fit.theta.size,
            log_likelihood=fit.log_likelihood,
            aic=fit.aic,
            bic=fit.bic,
            delta_aic=delta,
            akaike_weight=math.exp(-delta / 2.0) / total,
            fit=fit,
        )
        for fit, delta in zip(fits, deltas, strict=True)
    )
    return FamilyComparison(ranked, tuple(refused), _warnings(ranked))


def _warnings(ranked: tuple[RankedFamily, ...]) -> tuple[str, ...]:
    close = [row.family for row in ranked if row.delta_aic < NO_CLEAR_WINNER]
    if len(close) < 2:
        return ()
    warning = (
        f"the data do not tell {', '.join(close[:-1])} and {close[-1]} apart (AIC within {NO_CLEAR_WINNER:g}): "
        "do not extrapolate on the strength of the choice"
    )
    return (warning,)
