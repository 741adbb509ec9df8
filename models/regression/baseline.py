"""Baseline cumulative hazard and predicted survival of a Cox model, with intervals."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from models.errors import LengthMismatchError, NotFiniteError
from models.guards import FloatArray
from models.regression.cox import CoxFit
from models.regression.errors import BoundedTermError, UnknownStratumError


@dataclass(frozen=True, slots=True, eq=False)
class PredictedSurvival:
    """Survival of a unit with given covariates: a step function whose values hold from each time on."""

    time_hours: FloatArray
    cumulative_hazard: FloatArray
    standard_error: FloatArray
    survival: FloatArray
    low: FloatArray
    high: FloatArray
    confidence: float


def predicted_survival(fit: CoxFit, covariates: npt.ArrayLike, stratum: object = None) -> PredictedSurvival:
    """Predict the survival of a unit.

    Parameters
    ----------
    fit : CoxFit
        The model.
    covariates : array-like of shape (n_covariates,)
        In the order of `fit.terms`; zeros give the baseline.
    stratum : optional
        Label of the stratum, needed where the fit has strata.

    Returns
    -------
    PredictedSurvival
        At the event times; pointwise intervals, symmetric on the log-log scale; `standard_error` is that of the
        cumulative hazard. Under late entry the curve is conditional on reaching the first entry.

    Raises
    ------
    UnknownStratumError, BoundedTermError
        No such stratum, or a term has no finite coefficient.

    Notes
    -----
    Breslow's estimator, with Efron's for ties; variance of Tsiatis, Annals of Statistics 9 (1981), as R's
    `survfit.coxph`, with the model's covariance (the sandwich where the fit has clusters).

    Examples
    --------
    >>> from models.regression.cox import fit_cox
    >>> fit = fit_cox([0] * 4, [1, 2, 3, 4], [True] * 4, [[1], [0], [0], [1]], ["x"])
    >>> bool(predicted_survival(fit, [0]).survival[0] < 1)
    True
    """
    lives, at = fit.lives, fit.moments
    for term in fit.terms:
        if term.interval == "bound":
            raise BoundedTermError(term.name)
    given = np.atleast_1d(np.asarray(covariates, dtype=np.float64))
    if given.shape != lives.centre.shape:
        raise LengthMismatchError({"terms": lives.centre.size, "covariates": given.size})
    if not np.isfinite(given).all():
        raise NotFiniteError("covariates", int(np.argmin(np.isfinite(given))))
    steps = np.flatnonzero(lives.group_stratum[lives.event_group] == _stratum_code(fit, stratum))[::-1]
    scaled = (given - lives.centre) / lives.spread
    ratio = float(np.exp(scaled @ fit.scaled_coefficients))
    jump = at.jump[steps]
    hazard = ratio * np.cumsum(jump)
    drift = ratio * np.cumsum(jump * (at.means[:, steps] - scaled[:, np.newaxis]), axis=1) * lives.spread[:, np.newaxis]
    variance = ratio**2 * np.cumsum(jump**2 / at.step_weight[steps]) + np.einsum(
        "it,ij,jt->t", drift, fit.covariance, drift
    )
    times = lives.exit[lives.event_rows][steps]
    last = np.flatnonzero(np.append(times[1:] != times[:-1], True))
    hazard, error = hazard[last], np.sqrt(variance[last])
    reach = float(stats.norm.ppf((1 + fit.confidence) / 2)) * error / hazard
    return PredictedSurvival(
        times[last],
        hazard,
        error,
        np.exp(-hazard),
        np.exp(-hazard * np.exp(reach)),
        np.exp(-hazard * np.exp(-reach)),
        fit.confidence,
    )


def _stratum_code(fit: CoxFit, stratum: object) -> int:
    if not fit.stratum_labels and stratum is None:
        return 0
    if str(stratum) not in fit.stratum_labels:
        raise UnknownStratumError(stratum, fit.stratum_labels)
    code = fit.stratum_labels.index(str(stratum))
    if not (fit.lives.group_stratum == code).any():
        raise UnknownStratumError(stratum, fit.stratum_labels)
    return code
