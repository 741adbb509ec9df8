"""Does a predicted distribution hold? Measured values, each at its place in its prediction, must be spread evenly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import stats

from models.errors import NotAShareError
from models.guards import FloatArray, checked_columns, checked_confidence, checked_count, checked_positive
from models.rates import ShareEstimate, binomial_share

_TAIL: Final = 0.001


@dataclass(frozen=True, slots=True, eq=False)
class PitCheck:
    """How evenly the places of measured values lie in their predictions.

    Parameters
    ----------
    inside : ShareEstimate
        Share of the values inside the central band of their prediction, with its exact interval.
    band : float
        Probability of that band.
    below, above : int
        Values below and above it.
    counts : array of shape (bins,)
        Values by place, in equal bins from 0 to 1.
    least, most : int
        What a bin holds with a probability of 99.8% if the predictions are right.
    p_value : float
        Of Kolmogorov and Smirnov's test that the places are uniform.
    """

    inside: ShareEstimate
    band: float
    below: int
    above: int
    counts: npt.NDArray[np.int64]
    least: int
    most: int
    p_value: float


def pit_check(places: npt.ArrayLike, band: float = 0.9, confidence: float = 0.9, bins: int = 10) -> PitCheck:
    """Check the places of measured values in their predicted distributions.

    Parameters
    ----------
    places : array_like of shape (n,)
        Randomised probability integral transform of each value, 0 to 1.
    band : float
        Probability of the central band that is looked at.
    confidence : float
        Two-sided level of the interval of the share inside.
    bins : int
        Of the histogram.

    Returns
    -------
    PitCheck
        The share inside the band, the histogram and the test.

    Raises
    ------
    NotAShareError
        A place is above 1.
    NegativeValueError, NotFiniteError, EmptySampleError, ConfidenceOutOfRangeError, NotPositiveError
        An argument cannot be.

    Notes
    -----
    Dawid (1984), "Statistical theory: the prequential approach"; for laws with atoms Czado, Gneiting and Held (2009).
    A histogram like a hill tells of bands that are too wide, one like a valley of bands that are too narrow.

    Examples
    --------
    >>> found = pit_check(np.linspace(0.005, 0.995, 100))
    >>> found.inside.share, found.counts.tolist()
    (0.9, [10, 10, 10, 10, 10, 10, 10, 10, 10, 10])
    """
    (place,) = checked_columns(places=places)
    checked_confidence(band)
    count = int(checked_positive("bins", checked_count("bins", bins)))
    if np.any(place > 1):
        raise NotAShareError("places", float(place.max()))
    tail = (1 - band) / 2
    below, above = int(np.sum(place < tail)), int(np.sum(place > 1 - tail))
    law = stats.binom(place.size, 1 / count)
    return PitCheck(
        inside=binomial_share(place.size - below - above, place.size, confidence),
        band=band,
        below=below,
        above=above,
        counts=np.histogram(place, bins=count, range=(0, 1))[0].astype(np.int64),
        least=int(law.ppf(_TAIL)),
        most=int(law.ppf(1 - _TAIL)),
        p_value=float(stats.kstest(place, "uniform").pvalue),
    )


def empirical_curve(places: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Return the places in order and the share of values up to each: the diagonal, if the predictions are right.

    Examples
    --------
    >>> [column.tolist() for column in empirical_curve([0.9, 0.2])]
    [[0.2, 0.9], [0.5, 1.0]]
    """
    (place,) = checked_columns(places=places)
    return np.sort(place), np.arange(1, place.size + 1) / place.size
