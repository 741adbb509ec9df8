"""Lifetimes: what the coverage study asks of curves, of fitted distributions and of the forecast of spares."""

from __future__ import annotations

from functools import partial
from typing import Final

import numpy as np
from coverage_fleets import EXPONENTIAL, MEDIAN_HOURS, WEIBULL, Fleet, draw_fleet, law_of
from coverage_kinds import CONFIDENCE, Answer, Interval, Study
from scipy import stats

from models.lifetimes.competing_risks import aalen_johansen, cause_table
from models.lifetimes.nelson_aalen import nelson_aalen
from models.lifetimes.parametric.fit import fit_lifetime
from models.lifetimes.parametric.lives import Lives
from models.lifetimes.restricted_mean import restricted_mean
from models.lifetimes.spares import spares_forecast
from models.lifetimes.survival import kaplan_meier, risk_table

# Curves


_FIRST_CAUSE: Final = 0.4
_AGES: Final = np.linspace(0.0, MEDIAN_HOURS, 2001)
_MEAN_TO_MEDIAN: Final = float(np.trapezoid(WEIBULL.survival(_AGES), _AGES))


def _curves(expected: float, rng: np.random.Generator) -> dict[str, Answer]:
    fleet = draw_fleet(WEIBULL, expected, rng)
    table = risk_table(fleet.entry_hours, fleet.exit_hours, fleet.failed)
    curve = kaplan_meier(table, CONFIDENCE)
    survival = curve.at(MEDIAN_HOURS)
    hazard = nelson_aalen(table, CONFIDENCE)
    row = int(np.searchsorted(hazard.time_hours, MEDIAN_HOURS, side="right")) - 1
    area = restricted_mean(table, MEDIAN_HOURS, CONFIDENCE)
    answers = {
        "survival": Answer(survival.low, survival.high, 0.5, bool(curve.warnings)),
        "hazard": Answer(hazard.low[row], hazard.high[row], np.log(2.0), bool(hazard.warnings)),
        "mean": Answer(area.low_hours, area.high_hours, _MEAN_TO_MEDIAN, bool(area.warnings)),
    }
    first = rng.random(fleet.failed.size) < _FIRST_CAUSE
    cause = [
        ("first" if one else "second") if failed else None for failed, one in zip(fleet.failed, first, strict=True)
    ]
    causes = cause_table(fleet.entry_hours, fleet.exit_hours, cause)
    if "first" in causes.causes:
        incidence = aalen_johansen(causes, "first", CONFIDENCE)
        row = int(np.searchsorted(incidence.time_hours, MEDIAN_HOURS, side="right")) - 1
        truth = 0.5 * _FIRST_CAUSE
        answers["incidence"] = Answer(incidence.low[row], incidence.high[row], truth, bool(incidence.warnings))
    return answers


# Fitted distributions

_LAWS: Final = {
    "exponential": EXPONENTIAL,
    "Weibull": WEIBULL,
    "log-normal": law_of("log-normal", stats.lognorm(0.8)),
    "log-logistic": law_of("log-logistic", stats.fisk(2.5)),
    "gamma": law_of("gamma", stats.gamma(2.0)),
    "Gompertz": law_of("Gompertz", stats.gompertz(0.4)),
    "generalised gamma": law_of("generalised gamma", stats.gengamma(1.5, 1.3)),
}
#: the parameter of shape that is looked at, and its true value
_SHAPES: Final = {
    "Weibull": ("shape", 1.5),
    "log-normal": ("sigma", 0.8),
    "log-logistic": ("shape", 2.5),
    "gamma": ("shape", 2.0),
    "generalised gamma": ("q", 1.5**-0.5),
}
#: half a second a fit, with its profile likelihoods
_SLOW: Final = 10
_FITTED: Final = {
    "mean": Interval("mean life", "approximate"),
    "b10": Interval("B10 life", "approximate"),
    "shape": Interval("shape", "approximate"),
}


def _lives(fleet: Fleet) -> Lives:
    return Lives.right_censored(fleet.entry_hours, fleet.exit_hours, fleet.failed)


def _fit(family: str, expected: float, rng: np.random.Generator) -> dict[str, Answer]:
    law = _LAWS[family]
    fit = fit_lifetime(family, _lives(draw_fleet(law, expected, rng)), CONFIDENCE)
    asked = {"mean": (fit.mean_hours, law.mean_hours), "b10": (fit.quantile_hours(0.1), law.quantile(0.1))}
    if family in _SHAPES:
        name, shape = _SHAPES[family]
        asked["shape"] = fit.parameters[name], shape
    warned = bool(fit.warnings)
    return {key: Answer(found.low, found.high, truth, warned) for key, (found, truth) in asked.items()}


# Spares

_HORIZON_HOURS: Final = 0.3 * MEDIAN_HOURS
_DRAWS: Final = 1000  # a quarter of the default: limits are good to a unit in fifty, and the study to a percent


def _spares(expected: float, rng: np.random.Generator) -> dict[str, Answer]:
    fleet = draw_fleet(WEIBULL, expected, rng)
    fit = fit_lifetime("Weibull", _lives(fleet), CONFIDENCE)
    ages = fleet.exit_hours[~fleet.failed]
    forecast = spares_forecast(fit, ages, _HORIZON_HOURS, rng, confidence=CONFIDENCE, draws=_DRAWS)
    risen = WEIBULL.cumulative_hazard(ages + _HORIZON_HOURS) - WEIBULL.cumulative_hazard(ages)
    failing = float((rng.exponential(size=ages.size) < risen).sum())
    return {"failures": Answer(forecast.low, forecast.high, failing, bool(forecast.warnings))}


STUDIES: Final = (
    Study(
        "curves",
        "Weibull lives of shape 1.5; curves are read at the true median life. Of the failures, 40% have the first of "
        "two causes.",
        _curves,
        {
            "survival": Interval("survival, Kaplan–Meier, log-log (Greenwood)", "approximate"),
            "hazard": Interval("cumulative hazard, Nelson–Aalen", "approximate"),
            "mean": Interval("mean life up to that age (restricted mean)", "approximate"),
            "incidence": Interval("cumulative incidence of the first cause, Aalen–Johansen", "approximate"),
        },
    ),
    *(
        Study(
            family,
            f"Lives of this distribution, fitted by maximum likelihood{told}; limits from the profile likelihood.",
            partial(_fit, family),
            {key: interval for key, interval in _FITTED.items() if key != "shape" or family in _SHAPES},
            _SLOW if family == "generalised gamma" else 1,
        )
        for family in _LAWS
        for told in (f" ({_SHAPES[family][0]} {_SHAPES[family][1]:.3g})" if family in _SHAPES else "",)
    ),
    Study(
        "spares",
        "Weibull lives of shape 1.5: how many of the units still running fail in the next 0.3 median lives. They are "
        "whole numbers, so the interval holds more often than it says where they are few.",
        _spares,
        {"failures": Interval("failures to come, prediction interval", "approximate")},
    ),
)
