"""Probability plots: Kaplan–Meier points in coordinates that make the fitted distribution a straight line."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from models.guards import FloatArray
from models.lifetimes.parametric.errors import IntervalCensoredError
from models.lifetimes.parametric.lifetime_fit import LifetimeFit
from models.lifetimes.parametric.location_scale import normal_score
from models.lifetimes.risk import risk_table
from models.lifetimes.survival import kaplan_meier

_LINE_POINTS: Final = 200
#: families with paper of their own: what straightens the ages, and the share that failed
_PAPERS: Final = {
    "exponential": ("hours", "cumulative hazard"),
    "Weibull": ("log hours", "log cumulative hazard"),
    "log-normal": ("log hours", "normal score"),
    "log-logistic": ("log hours", "log odds of failure"),
}


@dataclass(frozen=True, slots=True, eq=False)
class ProbabilityPlot:
    """Points, fitted line and band, ready to be drawn.

    `point_x`, `point_y` are the Kaplan–Meier points and `point_hours`, `point_failed` what they stand for;
    `line_x`, `line_y`, `line_low`, `line_high` the fit with its pointwise band. `x_label`, `y_label` name the scales.
    """

    point_hours: FloatArray
    point_failed: FloatArray
    point_x: FloatArray
    point_y: FloatArray
    line_x: FloatArray
    line_y: FloatArray
    line_low: FloatArray
    line_high: FloatArray
    x_label: str
    y_label: str
    confidence: float


def probability_plot(fit: LifetimeFit) -> ProbabilityPlot:
    """Return the points and the line of a probability plot.

    Parameters
    ----------
    fit : LifetimeFit
        With failures at exact ages.

    Returns
    -------
    ProbabilityPlot
        Exponential, Weibull, log-normal and log-logistic lives on their own papers, on which every member of the family
        is a straight line; others on the scale of the fitted distribution's own quantiles, on which the fit is.

    Raises
    ------
    IntervalCensoredError
        Some life ended between two ages.

    Notes
    -----
    A point stands half way between the curve before and after each failure (Meeker and Escobar, Statistical Methods for
    Reliability Data (1998), section 6.4). Under left truncation the curve is conditional on reaching the first entry;
    it is multiplied by the fitted survival to that age, without which it would have no place on the paper.

    Examples
    --------
    >>> from models.lifetimes.parametric.fit import fit_lifetime
    >>> from models.lifetimes.parametric.lives import Lives
    >>> fit = fit_lifetime("exponential", Lives.right_censored([0, 0], [100, 300], [True, True]))
    >>> plot = probability_plot(fit)
    >>> plot.point_failed.tolist(), plot.point_y.round(3).tolist()
    ([0.25, 0.75], [0.288, 1.386])
    """
    lives = fit.lives
    if lives.has_intervals:
        raise IntervalCensoredError("a probability plot")
    curve = kaplan_meier(risk_table(lives.entry_hours, lives.lower_hours, lives.failed, lives.weights))
    rows = np.flatnonzero(curve.events > 0)
    to_first_entry = float(fit.survival([lives.entry_hours.min()]).value[0])
    survival = to_first_entry * (curve.survival[rows - 1] + curve.survival[rows]) / 2.0
    hours = curve.time_hours[rows]
    line = fit.survival(_line_hours(hours))
    x_label, y_label = _PAPERS.get(fit.family.name, ("log hours", "log hours of the fitted quantile"))
    return ProbabilityPlot(
        point_hours=hours,
        point_failed=1.0 - survival,
        point_x=_straight_age(x_label, hours),
        point_y=_straight_share(fit, y_label, survival),
        line_x=_straight_age(x_label, line.age_hours),
        line_y=_straight_share(fit, y_label, line.value),
        line_low=_straight_share(fit, y_label, line.high),
        line_high=_straight_share(fit, y_label, line.low),
        x_label=x_label,
        y_label=y_label,
        confidence=fit.confidence,
    )


def _line_hours(hours: FloatArray) -> FloatArray:
    return np.geomspace(hours.min() / 2.0, hours.max() * 2.0, _LINE_POINTS)


def _straight_age(label: str, hours: FloatArray) -> FloatArray:
    return hours if label == "hours" else np.log(hours)


def _straight_share(fit: LifetimeFit, label: str, survival: FloatArray) -> FloatArray:
    with np.errstate(divide="ignore"):
        log_survival = np.log(survival)
        match label:
            case "cumulative hazard":
                return -log_survival
            case "log cumulative hazard":
                return np.asarray(np.log(-log_survival))
            case "normal score":
                return normal_score(log_survival)
            case "log odds of failure":
                return np.asarray(np.log1p(-survival) - log_survival)
            case _:
                return np.asarray(np.log(fit.family.age_at(log_survival, fit.theta) * fit.unit_hours))
