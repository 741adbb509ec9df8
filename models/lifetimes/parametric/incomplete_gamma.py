"""Logarithms of the incomplete gamma functions, also where the functions themselves underflow."""

from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import special

from models.guards import FloatArray

# Below this the functions lose digits to denormal numbers, and then vanish.
_UNDERFLOW: Final = 1e-280
# Above this a share keeps its digits only in what is missing from one.
_NEAR_ONE: Final = 0.99
# For larger powers the lower tail of scipy's function has few right digits, and the cube root of a gamma variable is
# normal to a millionth (Wilson and Hilferty 1931).
NORMAL_FROM: Final = 1e6
# Terms of the two expansions; far out a few dozen give all digits, with large powers some hundred are needed.
_TERMS: Final = 400
# From here on Stirling's series gives log Gamma to the last bit.
_STIRLING_FROM: Final = 1e3


def log_upper(power: npt.ArrayLike, x: npt.ArrayLike) -> FloatArray:
    """Return log Q(power, x), Q being the regularised upper incomplete gamma function.

    Parameters
    ----------
    power, x : array-like
        The power above 0 and the argument from 0 up; broadcast against each other.

    Returns
    -------
    array
        Finite for every finite x.

    Notes
    -----
    Where Q underflows: Legendre's continued fraction, evaluated from its far end. Abramowitz and Stegun 6.5.31.

    Examples
    --------
    >>> log_upper(1.0, [1.0, 5000.0]).round(9).tolist()
    [-1.0, -5000.0]
    """
    power, x = np.broadcast_arrays(np.asarray(power, dtype=np.float64), np.asarray(x, dtype=np.float64))
    share = np.asarray(special.gammaincc(power, x), dtype=np.float64)
    with np.errstate(divide="ignore"):
        result = np.asarray(np.log(share))
    near_one = share > _NEAR_ONE
    result[near_one] = np.log1p(-special.gammainc(power[near_one], x[near_one]))
    normal = power > NORMAL_FROM
    result[normal] = special.log_ndtr(-_cube_root_score(power[normal], x[normal]))
    far = (share < _UNDERFLOW) & np.isfinite(x) & ~normal
    if far.any():
        a, z = power[far], x[far]
        fraction = np.zeros_like(z)
        for term in range(_TERMS, 0, -1):
            fraction = term * (a - term) / (z + 2.0 * term + 1.0 - a + fraction)
        # z^a exp(-z) / Gamma(a) about z = a, where its terms are small also for a large power
        away = (z - a) / a
        result[far] = log_gamma_excess(a) + a * (np.log1p(away) - away) - np.log(z + 1.0 - a + fraction)
    return result


def log_lower(power: npt.ArrayLike, x: npt.ArrayLike) -> FloatArray:
    """Return log P(power, x), P being the regularised lower incomplete gamma function.

    Parameters
    ----------
    power, x : array-like
        The power above 0 and the argument from 0 up; broadcast against each other.

    Returns
    -------
    array
        Finite for every x above 0.

    Notes
    -----
    Where P underflows: the power series. Abramowitz and Stegun 6.5.29.

    Examples
    --------
    >>> log_lower(2.0, [1e-200]).round(3).tolist()  # 2 log x - log 2
    [-921.727]
    """
    power, x = np.broadcast_arrays(np.asarray(power, dtype=np.float64), np.asarray(x, dtype=np.float64))
    share = np.asarray(special.gammainc(power, x), dtype=np.float64)
    with np.errstate(divide="ignore"):
        result = np.asarray(np.log(share))
    near_one = share > _NEAR_ONE
    result[near_one] = np.log1p(-special.gammaincc(power[near_one], x[near_one]))
    normal = power > NORMAL_FROM
    result[normal] = special.log_ndtr(_cube_root_score(power[normal], x[normal]))
    far = (share < _UNDERFLOW) & (x > 0) & ~normal
    if far.any():
        a, z = power[far], x[far]
        series = np.ones_like(z)
        for term in range(_TERMS, 0, -1):
            series = 1.0 + series * z / (a + term)
        result[far] = a * np.log(z) - z - special.gammaln(a + 1.0) + np.log(series)
    return result


def log_gamma_excess(power: npt.ArrayLike) -> FloatArray:
    """Return power log(power) - power - log Gamma(power), without the cancellation of its terms at large powers.

    >>> log_gamma_excess([1.0]).round(12).tolist()
    [-1.0]
    """
    power = np.asarray(power, dtype=np.float64)
    small = np.minimum(power, _STIRLING_FROM)
    direct = small * np.log(small) - small - special.gammaln(small)
    stirling = 0.5 * np.log(power / (2.0 * np.pi)) - 1.0 / (12.0 * power) + 1.0 / (360.0 * power**3)
    return np.asarray(np.where(power < _STIRLING_FROM, direct, stirling), dtype=np.float64)


def _cube_root_score(power: FloatArray, x: FloatArray) -> FloatArray:
    return np.asarray(3.0 * np.sqrt(power) * (np.cbrt(x / power) - 1.0 + 1.0 / (9.0 * power)))
