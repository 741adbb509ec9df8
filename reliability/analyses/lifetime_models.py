"""Which life distribution describes it: parametric fits by group, ranked by AIC, and what they say about ages."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from models.errors import ModelError
from models.lifetimes.parametric.compare import FamilyComparison, compare_families
from models.lifetimes.parametric.estimates import Estimate
from models.lifetimes.parametric.family import Family
from models.lifetimes.parametric.fit import FAMILIES, fit_lifetime
from models.lifetimes.parametric.goodness_of_fit import GoodnessOfFit, goodness_of_fit
from models.lifetimes.parametric.lifetime_fit import LifetimeFit
from models.lifetimes.parametric.lives import Lives
from models.lifetimes.parametric.piecewise import PiecewiseExponential
from models.rates import poisson_rate
from reliability.analyses.answer import Answer
from reliability.analyses.life_question import GroupTable, LifeQuestion, group_lives, group_tables
from reliability.analyses.survival import Survival, survival_of
from reliability.errors import BadOptionError

if TYPE_CHECKING:
    from datetime import datetime

    import plotly.graph_objects as go

    from reliability.engines.duckdb_engine import DuckDBEngine
    from reliability.lake import Lake

AUTO: Final = "auto"
_PIECEWISE: Final = "piecewise-exponential"
#: families by the name they are asked for
FAMILY_NAMES: Final = {**{name.lower().replace(" ", "-"): name for name in FAMILIES}, _PIECEWISE: _PIECEWISE}

_HOURS_PER_DAY: Final = 24.0
_PIECES: Final = 4
#: failures that each piece of a finer hazard should hold, and the most pieces
_FAILURES_PER_PIECE: Final = 25
_MOST_PIECES: Final = 12
_RESIDUAL_DAYS: Final = (0, 30, 90, 365, 1095)
#: simulated fleets come out the same whenever the same is asked
_SEED: Final = 20_260_102


@dataclass(frozen=True, slots=True)
class GroupFit:
    """The fit of one group, or why there is none.

    ``comparison`` ranks the families tried; ``goodness`` is None where no simulated fleets were asked for. The named
    estimates are those of ``fit``, None beside a refusal.
    """

    group: str
    lives: int
    events: int
    fit: LifetimeFit | None
    comparison: FamilyComparison | None
    parameters: dict[str, Estimate]
    mean_hours: Estimate | None
    median_hours: Estimate | None
    b10_hours: Estimate | None
    goodness: GoodnessOfFit | None
    refusal: str | None

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader should know before trusting the fit, as sentences."""
        if self.fit is None:
            return (self.refusal,) if self.refusal else ()
        found = [*self.fit.warnings, *(self.comparison.warnings if self.comparison else ())]
        if self.goodness is not None:
            found += self.goodness.warnings
        return tuple(dict.fromkeys(found))

    def residual_lives(self) -> list[dict[str, Any]]:
        """Return how much longer a unit lasts on average, having reached round ages that were seen."""
        if self.fit is None:
            return []
        ages = [
            days * _HOURS_PER_DAY for days in _RESIDUAL_DAYS if days * _HOURS_PER_DAY < self.fit.lives.longest_hours
        ]
        estimates = [(age, self.fit.mean_residual_life(age)) for age in ages]
        return [
            {
                "group": self.group,
                "age_days": round(age / _HOURS_PER_DAY),
                "mean_residual_life_hours": estimate.value,
                "low_hours": estimate.low,
                "high_hours": estimate.high,
            }
            for age, estimate in estimates
        ]


@dataclass(frozen=True, slots=True)
class LifetimeFits(Answer):
    """Parametric fits by group, beside the Kaplan–Meier curves they must stand against."""

    component: str
    by: str | None
    family: str
    confidence: float
    definition: str
    fits: tuple[GroupFit, ...]
    curves: Survival

    def rows(self) -> list[dict[str, Any]]:
        """Return one row per group: family, median, mean, B10 life and shape with intervals, and how well it fits."""
        return [_row(fit) for fit in self.fits]

    def ranking(self) -> list[dict[str, Any]]:
        """Return one row per group and family that was fitted, the likeliest after the penalty first."""
        return [
            {
                "group": fit.group,
                "family": ranked.family,
                "parameters": ranked.parameters,
                "log_likelihood": ranked.log_likelihood,
                "aic": ranked.aic,
                "bic": ranked.bic,
                "delta_aic": ranked.delta_aic,
                "akaike_weight": ranked.akaike_weight,
            }
            for fit in self.fits
            if fit.comparison
            for ranked in fit.comparison.ranked
        ]

    def parameter_rows(self) -> list[dict[str, Any]]:
        """Return one row per group and natural parameter of its fit."""
        return [
            {"group": fit.group, "parameter": name, "value": found.value, "low": found.low, "high": found.high}
            for fit in self.fits
            for name, found in fit.parameters.items()
        ]

    def residual_rows(self) -> list[dict[str, Any]]:
        """Return mean residual lives at round ages."""
        return [row for fit in self.fits for row in fit.residual_lives()]

    def document(self) -> dict[str, Any]:
        """Return the answer for ``--json``."""
        return {
            "component": self.component,
            "by": self.by,
            "model": self.family,
            "confidence": self.confidence,
            "definition": self.definition,
            "rows": self.rows(),
            "parameters": self.parameter_rows(),
            "mean_residual_lives": self.residual_rows(),
            "families": self.ranking(),
            "families_not_fitted": [
                {"group": fit.group, "family": refused.family, "reason": refused.reason}
                for fit in self.fits
                if fit.comparison
                for refused in fit.comparison.refused
            ],
        }

    def figure(self) -> go.Figure:
        """Draw the fits over the Kaplan–Meier curves."""
        from reliability.figures.lifetime_models import fits_figure  # noqa: PLC0415 - figures read the results they draw

        return fits_figure(self)


def lifetime_fits(
    lake: Lake,
    component: str = "gpu",
    *,
    by: str | None = None,
    family: str = AUTO,
    where: tuple[str, str] | None = None,
    fleets: int = 0,
    confidence: float = 0.9,
    from_utc: datetime | None = None,
    to_utc: datetime | None = None,
) -> LifetimeFits:
    """Fit life distributions by maximum likelihood, one per group.

    Parameters
    ----------
    lake, component, by, where, confidence, from_utc, to_utc
        As for :func:`reliability.analyses.survival.survival`.
    family
        One of ``FAMILY_NAMES``, or ``auto``: of all but the piecewise exponential the one with the lowest AIC.
    fleets
        Simulated fleets for the p-value of the fit; 0 for none. A hundred take seconds to minutes.

    Returns
    -------
    LifetimeFits
        Groups that cannot be fitted say why.

    Raises
    ------
    BadOptionError
        If ``component``, ``by``, ``where`` or ``family`` is not known.
    NoDataError
        If the lake holds no lives of it.
    """
    if family != AUTO and family not in FAMILY_NAMES:
        raise BadOptionError("--model", family, f"auto, or one of {', '.join(FAMILY_NAMES)}")
    question = LifeQuestion(component, by, where, confidence, from_utc, to_utc)
    with closing(question.engine(lake)) as engine:
        tables = group_tables(engine, question)
        curves = survival_of(engine, question, tables)
        return lifetime_fits_of(engine, tables, curves, family=family, fleets=fleets)


def lifetime_fits_of(
    engine: DuckDBEngine, tables: tuple[GroupTable, ...], curves: Survival, *, family: str = AUTO, fleets: int = 0
) -> LifetimeFits:
    """Answer :func:`lifetime_fits` from risk tables and curves at hand."""
    lives = group_lives(engine)
    return LifetimeFits(
        component=curves.component,
        by=curves.by,
        family=family,
        confidence=curves.confidence,
        definition=curves.definition,
        fits=tuple(group_fit(table, lives[table.group], family, curves.confidence, fleets) for table in tables),
        curves=curves,
    )


def group_fit(table: GroupTable, lives: Lives, family: str, confidence: float, fleets: int = 0) -> GroupFit:
    """Fit one group."""
    try:
        comparison = compare_families(lives, _candidates(family, lives), confidence)
        fit = comparison.best
        goodness = goodness_of_fit(fit, np.random.default_rng(_SEED), fleets) if fleets else None
    except ModelError as error:
        refusal = str(error) if table.events else _nothing_failed(table, confidence)
        return GroupFit(table.group, table.lives, table.events, None, None, {}, None, None, None, None, refusal)
    return GroupFit(
        group=table.group,
        lives=table.lives,
        events=table.events,
        fit=fit,
        comparison=comparison,
        parameters=fit.parameters,
        mean_hours=fit.mean_hours,
        median_hours=fit.median_hours,
        b10_hours=fit.quantile_hours(0.1),
        goodness=goodness,
        refusal=None,
    )


def hazard_as_seen(lives: Lives, confidence: float) -> LifetimeFit:
    """Fit a rate per piece of age, about as many failures in each: a distribution without a shape of its own.

    Raises
    ------
    ModelError
        If nothing failed.
    """
    pieces = int(min(_MOST_PIECES, lives.events // _FAILURES_PER_PIECE))
    return fit_lifetime(_piecewise(lives, max(pieces, 1)), lives, confidence)


def _candidates(family: str, lives: Lives) -> tuple[str | Family, ...]:
    if family == AUTO:
        return tuple(FAMILIES)
    return (_piecewise(lives, _PIECES) if family == _PIECEWISE else FAMILY_NAMES[family],)


def _piecewise(lives: Lives, pieces: int) -> str | Family:
    """Return a piecewise exponential cut where shares of the failures have happened; one piece is the exponential."""
    ages = np.repeat(lives.lower_hours[lives.failed], np.rint(lives.weights[lives.failed]).astype(int))
    cuts = np.unique(np.quantile(ages, np.arange(1, pieces) / pieces)) if ages.size else np.array([])
    cuts = cuts[(cuts > lives.entry_hours.min()) & (cuts < lives.longest_hours)]
    return PiecewiseExponential(tuple(cuts.tolist())) if cuts.size else "exponential"


def _nothing_failed(table: GroupTable, confidence: float) -> str:
    """Say what no failure at all still tells."""
    bound = poisson_rate(0, table.exposure_hours / _HOURS_PER_DAY, confidence).mttf_low_hours
    return (
        f"nothing failed in {table.exposure_hours:,.0f} unit-hours: no distribution can be fitted; at a constant rate "
        f"the mean life is at least {bound:,.0f} h ({confidence:.0%})"
    )


def _row(fit: GroupFit) -> dict[str, Any]:
    row: dict[str, Any] = {
        "group": fit.group,
        "lives": fit.lives,
        "events": fit.events,
        "family": fit.fit.family.name if fit.fit else None,
        "aic": fit.fit.aic if fit.fit else None,
    }
    named = {"median": fit.median_hours, "mean": fit.mean_hours, "b10": fit.b10_hours}
    for name, estimate in named.items():
        row |= {
            f"{name}_hours": estimate.value if estimate else None,
            f"{name}_low_hours": estimate.low if estimate else None,
            f"{name}_high_hours": estimate.high if estimate else None,
        }
    shape = fit.parameters.get("shape")
    distance = fit.fit.km_distance if fit.fit else None
    return row | {
        "shape": shape.value if shape else None,
        "shape_low": shape.low if shape else None,
        "shape_high": shape.high if shape else None,
        "largest_distance_from_km": distance.distance if distance else None,
        "goodness_p": fit.goodness.p_value if fit.goodness else None,
        "warnings": list(fit.warnings),
    }
