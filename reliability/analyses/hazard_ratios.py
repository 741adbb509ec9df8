"""What makes it live longer: hazard ratios of covariates (Cox, Fine–Gray, frailty of hosts), with robust errors."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from models.errors import ModelError
from models.regression.baseline import PredictedSurvival, predicted_survival
from models.regression.cox import ChiSquareTest, CoxFit, HazardRatio, fit_cox
from models.regression.design import DesignMatrix, design_matrix
from models.regression.fine_gray import fit_fine_gray
from models.regression.frailty import FrailtyFit, fit_gamma_frailty
from models.regression.ph_check import check_proportional_hazards
from reliability.analyses.answer import Answer
from reliability.analyses.life_question import LifeQuestion, check_life_group
from reliability.errors import BadOptionError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    import plotly.graph_objects as go

    from reliability.engines.duckdb_engine import DuckDBEngine
    from reliability.lake import Lake

Model = Literal["cox", "fine-gray", "frailty"]
MODELS: Final = ("cox", "fine-gray", "frailty")

_UNKNOWN: Final = "unknown"
_OTHER: Final = "other"
#: numbers with at most so many values are levels (a cage, a slot), more are a quantity
_MOST_LEVELS: Final = 12
_MEANING: Final = {
    "cox": "Hazard ratios of a Cox model: how many times as often units fail as those of the reference level, at the "
    "same age and with the other covariates alike.",
    "fine-gray": "Subdistribution hazard ratios of Fine and Gray: above 1, more of the units ever fail by this cause, "
    "the other causes competing.",
    "frailty": "Hazard ratios between units of one host; hosts differ by a factor of their hazard, of mean 1, gamma "
    "distributed.",
}


@dataclass(frozen=True, slots=True)
class HostVariance:
    """How much hosts differ: the variance of their factors, and the test of there being no difference."""

    variance: float
    low: float
    high: float
    p_value: float
    hosts: int


@dataclass(frozen=True, slots=True)
class Term:
    """A hazard ratio, and the test of its being the same at all ages; None where it was not tested."""

    ratio: HazardRatio
    covariate: str
    proportional: ChiSquareTest | None


@dataclass(frozen=True, slots=True)
class HazardRatios(Answer):
    """A fitted hazard regression.

    ``references`` name the level that each categorical covariate is held against; ``proportional`` tests all terms
    together; ``hosts`` is None but for a frailty model.
    """

    component: str
    model: Model
    cause: str | None
    covariates: tuple[str, ...]
    strata: str | None
    clusters: int | None
    confidence: float
    definition: str
    lives: int
    events: int
    terms: tuple[Term, ...]
    references: dict[str, str]
    likelihood_ratio: ChiSquareTest
    proportional: ChiSquareTest | None
    hosts: HostVariance | None
    warnings: tuple[str, ...]
    fit: CoxFit | FrailtyFit = field(repr=False)

    def rows(self) -> list[dict[str, Any]]:
        """Return one row per term: ratio with interval, p-value, and the p-value of its being constant."""
        return [
            {
                "term": term.ratio.name,
                "against": self.references.get(term.covariate),
                "hazard_ratio": term.ratio.hazard_ratio,
                "low": term.ratio.low,
                "high": term.ratio.high,
                "p_value": term.ratio.p_value,
                "interval": term.ratio.interval,
                "standard_error": term.ratio.standard_error,
                "proportional_hazards_p": term.proportional.p_value if term.proportional else None,
            }
            for term in self.terms
        ]

    def baseline(self, stratum: str | None = None) -> PredictedSurvival:
        """Return the survival of a unit at the reference levels, numbers being 0.

        Raises
        ------
        ModelError
            If a term is only bounded, or the stratum is not known.
        """
        if isinstance(self.fit, FrailtyFit):
            raise BadOptionError("--model", self.model, "cox or fine-gray, for a baseline")
        return predicted_survival(self.fit, np.zeros(len(self.terms)), stratum)

    def document(self) -> dict[str, Any]:
        """Return the answer for ``--json``."""
        return {
            "component": self.component,
            "model": self.model,
            "cause": self.cause,
            "covariates": list(self.covariates),
            "strata": self.strata,
            "confidence": self.confidence,
            "clusters": self.clusters,
            "definition": self.definition,
            "lives": self.lives,
            "events": self.events,
            "likelihood_ratio_test": _test(self.likelihood_ratio),
            "proportional_hazards_test": _test(self.proportional),
            "host_variance": None
            if self.hosts is None
            else {
                "variance": self.hosts.variance,
                "low": self.hosts.low,
                "high": self.hosts.high,
                "p_value": self.hosts.p_value,
                "hosts": self.hosts.hosts,
            },
            "warnings": list(self.warnings),
            "rows": self.rows(),
        }

    def figure(self) -> go.Figure:
        """Draw the ratios as a forest plot."""
        from reliability.figures.hazard_ratios import forest_figure  # noqa: PLC0415 - figures read the results they draw

        return forest_figure(self)


def hazard_regression(
    lake: Lake,
    component: str = "gpu",
    covariates: Sequence[str] = (),
    *,
    model: Model = "cox",
    strata: str | None = None,
    cluster: Literal["host", "none"] = "host",
    cause: str | None = None,
    where: tuple[str, str] | None = None,
    confidence: float = 0.9,
    from_utc: datetime | None = None,
    to_utc: datetime | None = None,
) -> HazardRatios:
    """Regress the hazard on covariates.

    Parameters
    ----------
    lake, component, where, confidence, from_utc, to_utc
        As for :func:`reliability.analyses.survival.survival`.
    covariates
        Columns as for ``by``. Text, and numbers of few values, are levels held against the commonest; other numbers
        enter as they are.
    model
        ``cox``; ``fine-gray`` for one of several causes; ``frailty`` for hosts that differ.
    strata
        A column each of whose values has a baseline hazard of its own; with ``cox`` only.
    cluster
        ``host`` for errors that hold when the units of one host fail together.
    cause
        Symptom that counts as the event: with ``fine-gray``, where it must be given, the others compete; with ``cox``
        they are censored, which gives the cause-specific hazard.

    Returns
    -------
    HazardRatios
        With the test of each ratio being the same at all ages.

    Raises
    ------
    BadOptionError
        If something asked for is not known for this lake.
    NoDataError
        If the lake holds no lives of it.
    ModelError
        If the data do not determine the ratios; the message says why.
    """
    _check_options(model, covariates, strata, cause)
    question = LifeQuestion(component, None, where, confidence, from_utc, to_utc)
    with closing(question.engine(lake)) as engine:
        for name in (*covariates, *([strata] if strata else [])):
            check_life_group(engine, component, "--strata" if name == strata else "--covariates", name)
        rows = _Rows.of(engine, question, covariates, strata)
        definition = f"{_MEANING[model]} {question.definition(engine)}"
    return _regression(rows, question, covariates, model, strata, cluster, cause, definition)


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """Lives as columns, those without a quantity left out."""

    entry: np.ndarray[Any, Any]
    leave: np.ndarray[Any, Any]
    symptom: np.ndarray[Any, Any]  # empty where the life is censored
    host: np.ndarray[Any, Any]
    stratum: np.ndarray[Any, Any] | None
    design: DesignMatrix
    warnings: tuple[str, ...]

    @classmethod
    def of(cls, engine: DuckDBEngine, question: LifeQuestion, covariates: Sequence[str], strata: str | None) -> _Rows:
        names = [*covariates, *([strata] if strata else [])]
        columns = engine.columns("lives_with_covariates", names=names)
        if not columns["unit"].size:
            raise question.nothing()
        told = np.array([list(values) for values in columns["covariates"]], dtype=object)
        read = {name: _read(told[:, place]) for place, name in enumerate(covariates)}
        kept = np.ones(len(told), dtype=bool)
        warnings = []
        for name, values in read.items():
            missing = np.isnan(values) if values.dtype.kind == "f" else values == _UNKNOWN
            if not missing.any():
                continue
            if values.dtype.kind == "f":
                kept &= ~missing
                warnings.append(f"{name} is not known of {int(missing.sum()):,} lives: they are left out")
            else:
                warnings.append(f"{name} is not known of {int(missing.sum()):,} lives: they are a level of their own")
        observed = columns["observed"].astype(bool)
        symptom = np.where(observed, [text or _OTHER for text in columns["symptom"]], "")
        hosts = [f"{cluster} {host}" for cluster, host in zip(columns["cluster"], columns["host"], strict=True)]
        stratum = np.array([text or _UNKNOWN for text in told[:, -1]], dtype=str) if strata else None
        return cls(
            entry=columns["entry_hours"].astype(float)[kept],
            leave=columns["exit_hours"].astype(float)[kept],
            symptom=symptom.astype(str)[kept],
            host=np.array(hosts, dtype=str)[kept],
            stratum=None if stratum is None else stratum[kept],
            design=design_matrix({name: values[kept] for name, values in read.items()}),
            warnings=tuple(warnings),
        )


def _regression(
    rows: _Rows,
    question: LifeQuestion,
    covariates: Sequence[str],
    model: Model,
    strata: str | None,
    cluster: str,
    cause: str | None,
    definition: str,
) -> HazardRatios:
    failed = rows.symptom != ""
    causes = np.unique(rows.symptom[failed]).tolist()
    if cause is not None and cause not in causes:
        raise BadOptionError("--cause", cause, f"one of {', '.join(causes) or 'none: nothing failed'}")
    event = failed if cause is None else rows.symptom == cause
    matrix, names = rows.design.matrix, rows.design.columns
    hosts = rows.host if cluster == "host" and np.unique(rows.host).size > 1 else None
    fit: CoxFit | FrailtyFit
    if model == "frailty":
        fit = fit_gamma_frailty(rows.entry, rows.leave, event, matrix, names, rows.host, confidence=question.confidence)
        likelihood_ratio, variance = fit.no_frailty_test, _variance(fit)
    elif model == "fine-gray":
        ends = np.where(event, 1, np.where(failed, 2, 0))
        fit = fit_fine_gray(rows.entry, rows.leave, ends, matrix, names, clusters=hosts, confidence=question.confidence)
        likelihood_ratio, variance = fit.likelihood_ratio_test, None
    else:
        fit = fit_cox(
            rows.entry,
            rows.leave,
            event,
            matrix,
            names,
            strata=rows.stratum,
            clusters=hosts,
            confidence=question.confidence,
        )
        likelihood_ratio, variance = fit.likelihood_ratio_test, None
    tests, together, doubt = _proportional(fit) if isinstance(fit, CoxFit) and model == "cox" else ((), None, ())
    return HazardRatios(
        component=question.component,
        model=model,
        cause=cause,
        covariates=tuple(covariates),
        strata=strata,
        clusters=None if hosts is None or model == "frailty" else int(np.unique(hosts).size),
        confidence=question.confidence,
        definition=definition,
        lives=int(rows.leave.size),
        events=int(event.sum()),
        terms=tuple(
            Term(ratio, covariate, tests[place] if tests else None)
            for place, (ratio, covariate) in enumerate(zip(fit.terms, rows.design.covariates, strict=True))
        ),
        references=dict(rows.design.references),
        likelihood_ratio=likelihood_ratio,
        proportional=together,
        hosts=variance,
        warnings=(*rows.warnings, *fit.warnings, *doubt),
        fit=fit,
    )


def _check_options(model: str, covariates: Sequence[str], strata: str | None, cause: str | None) -> None:
    if model not in MODELS:
        raise BadOptionError("--model", model, f"one of {', '.join(MODELS)}")
    if not covariates:
        raise BadOptionError("--covariates", "(none)", f"at least one for --model {model}, such as --covariates rack")
    if strata is not None and model != "cox":
        raise BadOptionError("--strata", strata, "to be used with --model cox")
    if strata in covariates:
        raise BadOptionError("--strata", strata, "a column that is not a covariate too")
    if model == "fine-gray" and cause is None:
        raise BadOptionError("--model", model, "a --cause: which failures count, the others competing")


def _read(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return a quantity as floats, NaN where it is not told; else levels as text."""
    numbers = np.array([_number(value) for value in values])
    told = np.array([value is not None and value != "" for value in values])
    quantity = told.any() and not np.isnan(numbers[told]).any() and np.unique(numbers[told]).size > _MOST_LEVELS
    return numbers if quantity else np.array([value or _UNKNOWN for value in values], dtype=str)


def _number(text: str | None) -> float:
    try:
        value = float(text) if text else float("nan")
    except ValueError:
        return float("nan")
    return value if np.isfinite(value) else float("nan")


def _proportional(fit: CoxFit) -> tuple[tuple[ChiSquareTest, ...], ChiSquareTest | None, tuple[str, ...]]:
    try:
        check = check_proportional_hazards(fit)
    except ModelError:  # a term is only bounded: the fit's own warning says so
        return (), None, ()
    changing = [name for name, test in zip(check.names, check.tests, strict=True) if test.p_value < 0.01]
    if not changing:
        return check.tests, check.together, ()
    doubt = (
        f"the hazard ratio of {', '.join(changing)} changes with age (p < 0.01): read it as an average over the ages "
        "seen, or put the covariate into --strata"
    )
    return check.tests, check.together, (doubt,)


def _variance(fit: FrailtyFit) -> HostVariance:
    return HostVariance(fit.variance, fit.variance_low, fit.variance_high, fit.no_frailty_test.p_value, len(fit.hosts))


def _test(test: ChiSquareTest | None) -> dict[str, Any] | None:
    if test is None:
        return None
    return {"statistic": test.statistic, "degrees_of_freedom": test.degrees_of_freedom, "p_value": test.p_value}
