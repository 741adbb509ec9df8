"""Mean residual life: how much longer a unit lasts on average, having reached an age."""

from typing import TYPE_CHECKING, Final

import numpy as np

from models.guards import FloatArray

if TYPE_CHECKING:
    from models.lifetimes.parametric.family import Family

# The integral is taken over the logarithm of the further life, from e^-37 of its median, which adds nothing, to where
# one unit in e^40 is left; the trapezoid rule on such a smooth curve gains a digit every few points.
_POINTS: Final = 500
_SHORTEST: Final = 37.0
_LAST_LOG_SHARE: Final = -40.0


def mean_residual_life(family: "Family", theta: FloatArray, age: float) -> FloatArray:
    """Return the mean further life beyond an age.

    Parameters
    ----------
    family : Family
        The distribution.
    theta : array of shape (n, n_parameters)
        Working parameters.
    age : float
        Age reached, on the family's clock.

    Returns
    -------
    array of shape (n,)
        Infinite where no mean exists, as when the tail falls like a power of at most 1, or some units never fail.

    Notes
    -----
    The integral of S(age + u) / S(age) over u. Beyond the last point the tail is continued as the power of age that
    touches it there, which is exact for tails that are powers and nothing for those that fall faster.

    Examples
    --------
    >>> from models.lifetimes.parametric.location_scale import Weibull
    >>> mean_residual_life(Weibull(), np.array([[0.0, 0.0]]), age=3.0).round(9).tolist()  # exponential: no memory
    [1.0]
    """
    here = family.log_survival(np.array([age]), theta)
    marks = family.age_at(here + np.array([-np.log(2.0), _LAST_LOG_SHARE]), theta) - age
    exists = np.isfinite(marks).all(axis=-1) & (marks[:, 0] > 0)
    result = np.full(len(theta), np.inf)
    if not exists.any():
        return result
    theta, here, (median, last) = theta[exists], here[exists], marks[exists].T
    log_further = np.linspace(np.log(median) - _SHORTEST, np.log(last), _POINTS, axis=-1)
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        outlived = family.log_survival(age + np.exp(log_further), theta) - here
        body = np.trapezoid(np.exp(outlived + log_further), log_further, axis=-1) + np.exp(log_further[:, 0])
        end = (age + last)[:, None]
        power = (end * np.exp(family.log_hazard(end, theta)))[:, 0]
        tail = np.where(power > 1.0, np.exp(_LAST_LOG_SHARE) * end[:, 0] / (power - 1.0), np.inf)
    result[exists] = body + tail
    return result
