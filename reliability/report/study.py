"""The study of one kind of component: everything its recorded lives can tell, on one page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from models.errors import ModelError
from reliability.analyses.failure_gaps import FailureGaps, failure_gaps
from reliability.analyses.hazard_ratios import HazardRatios, hazard_regression
from reliability.analyses.incidence import Incidences
from reliability.analyses.life_story import LifeStory, life_story
from reliability.analyses.rates import Rates, rates
from reliability.analyses.spares import Spares, spares
from reliability.analyses.survival import Survival, survival
from reliability.errors import NoDataError
from reliability.figures.causes import cause_name
from reliability.figures.life_curves import plural_of
from reliability.figures.lifetime_models import hazard_figure, probability_figure
from reliability.figures.theme import percent
from reliability.report.numbers import count, interval, number
from reliability.report.page import check_place, filled_page, put
from reliability.report.sections.lives import curves_table, fits_table, incidence_table, spares_sentence
from reliability.report.sections.section import Section, Table

if TYPE_CHECKING:
    from reliability.lake import Lake

#: a year of exposure, as published rates of this kind count it
_DAYS_PER_YEAR: Final = 365.0
#: causes that get a regression of their own
_MOST_CAUSES: Final = 2


@dataclass(frozen=True, slots=True)
class StudyPlan:
    """What a study asks.

    Parameters
    ----------
    component
        Whose lives.
    by
        Columns to group curves by, one after another.
    covariates
        Columns of the regressions; none for no regression.
    strata
        Column of separate baselines in the Cox model.
    calendar_zone
        At whose midnight quarters begin.
    horizon_hours
        Of the spares forecast.
    confidence
        Two-sided confidence level of all intervals.
    """

    component: str = "gpu"
    by: tuple[str, ...] = ()
    covariates: tuple[str, ...] = ()
    strata: str | None = None
    calendar_zone: str = "UTC"
    horizon_hours: float = 2160.0
    confidence: float = 0.9


def write_study(lake: Lake, out: Path, plan: StudyPlan, clock: Callable[[], datetime]) -> Path:
    """Write the study of a lake as one self-contained HTML file.

    Parameters
    ----------
    lake
        Where the logs were taken in.
    out
        File to write; replaced at once.
    plan
        What to ask.
    clock
        Returns the present, with a zone; stamps the page.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    BadOptionError
        If the plan asks for something that this lake does not know.
    NoDataError
        If the lake holds no lives of the component.
    OutputError
        If the file cannot be written.
    """
    check_place(out)
    story = life_story(lake, plan.component, horizon_hours=plan.horizon_hours, confidence=plan.confidence)
    grouped = [survival(lake, plan.component, by=by, confidence=plan.confidence) for by in plan.by]
    # Groups of different hazard, forecast as one, would lend each other their failures.
    forecast = _spares(lake, plan) if plan.by else story.spares
    sections = [
        _quarters(lake, plan),
        *(_curves(found) for found in (grouped or [story.survival])),
        *_regressions(lake, plan, story.incidence),
        _causes(story.incidence),
        _models(story, forecast),
    ]
    put(
        out,
        filled_page(
            title=f"Lives of {plural_of(plan.component)}",
            period=f"quarters begin at midnight of {plan.calendar_zone}",
            facts=_facts(story, plan, forecast),
            sentences=_sentences(story, grouped, forecast),
            sections=[section for section in sections if not section.is_empty],
            missing=[section for section in sections if section.is_empty],
            written_utc=clock(),
        ),
    )
    return out


def _spares(lake: Lake, plan: StudyPlan) -> Spares | None:
    try:
        return spares(lake, plan.component, plan.horizon_hours, by=plan.by[0], confidence=plan.confidence)
    except NoDataError:  # every unit has failed or left: none needs a spare
        return None


def _facts(story: LifeStory, plan: StudyPlan, forecast: Spares | None) -> list[tuple[str, str]]:
    lives = sum(group.lives for group in story.survival.curves)
    events = sum(group.events for group in story.survival.curves)
    facts = [(plural_of(plan.component), count(lives)), ("failed", count(events))]
    if forecast is not None:
        facts.append(("in service at the end, not failed", count(forecast.total.forecast.units)))
    return [*facts, ("confidence of intervals", percent(plan.confidence))]


def _sentences(story: LifeStory, grouped: Sequence[Survival], forecast: Spares | None) -> list[str]:
    (group,) = story.survival.curves
    curve = group.curve
    life = f"median life {interval(curve.median_hours, curve.median_low_hours, curve.median_high_hours)} h"
    if curve.median_hours is None:
        share = f"{curve.survival[-1]:.1%} ({curve.low[-1]:.1%}–{curve.high[-1]:.1%})"
        life = f"{share} outlive the {curve.time_hours[-1]:,.0f} h seen"
    found = [f"Of {group.lives:,} {plural_of(story.survival.component)}, {group.events:,} failed; {life}."]
    found += [f"By {(curves.by or '').replace('_', ' ')}: {curves.comparison()}" for curves in grouped if curves.test]
    fit = story.fits.fits[0]
    if fit.fit is not None and fit.comparison is not None:
        doubt = (
            " It does not fit everywhere, see its section." if any("not fit" in text for text in fit.warnings) else ""
        )
        found.append(
            f"Of {len(fit.comparison.ranked)} life distributions the {fit.fit.family.name} is the best.{doubt}"
        )
    return [*found, *([spares_sentence(forecast)] if forecast else [])]


def _quarters(lake: Lake, plan: StudyPlan) -> Section:
    title = "Time between failures by quarter"
    try:
        gaps = failure_gaps(lake, plan.component, calendar_zone=plan.calendar_zone, confidence=plan.confidence)
        by_quarter = rates(
            lake, plan.component, by="quarter", calendar_zone=plan.calendar_zone, confidence=plan.confidence
        )
    except NoDataError as error:
        return Section(title, _sentence(error))
    text = " ".join(
        [gaps.definition, by_quarter.definition, *(f"Caution: {warning}." for warning in by_quarter.warnings)]
    )
    return Section(title, text, (gaps.figure(), by_quarter.figure()), (_quarter_table(gaps, by_quarter),))


def _quarter_table(gaps: FailureGaps, by_quarter: Rates) -> Table:
    found = {row.quarter: row for row in gaps.quarters}
    rows = []
    for group in sorted(by_quarter.groups, key=lambda group: group.group):
        gap, estimate, robust = found.get(group.group), group.estimate, group.robust
        per = _DAYS_PER_YEAR
        rows.append(
            (
                group.group,
                count(gap.failures) if gap else "0",
                count(gap.times) if gap else "0",
                interval(gap.gap_hours, gap.low_hours, gap.high_hours) if gap else "–",
                number(group.exposure_days / per),
                count(group.failures),
                interval(per * estimate.rate_per_day, per * estimate.low_per_day, per * estimate.high_per_day)
                if estimate
                else "–",
                f"{number(per * robust.low_per_day)}–{number(per * robust.high_per_day)}" if robust else "–",
            )
        )
    columns = (
        "quarter",
        "events",
        "distinct times",
        "mean gap (h)",
        "unit-years",
        "failures",
        "per unit-year, exact",
        "robust",
    )
    return Table(columns, tuple(rows), frozenset(range(1, len(columns))))


def _curves(found: Survival) -> Section:
    by = "" if found.by is None else f" by {found.by.replace('_', ' ')}"
    text = " ".join(part for part in (found.definition, found.comparison()) if part)
    tables = [curves_table(found)]
    if found.differences:
        rows = tuple(
            (
                row["group"],
                row["against"],
                interval(row["longer_by_hours"], row["low_hours"], row["high_hours"]),
                _p(row["p_value"]),
            )
            for row in found.difference_rows()
        )
        tables.append(Table(("group", "against", "lives longer by (h)", "p"), rows, frozenset({2, 3})))
    return Section(f"Survival{by}", text, (found.figure(),), tuple(tables))


def _regressions(lake: Lake, plan: StudyPlan, incidence: Incidences) -> list[Section]:
    """Return the Cox model of all failures, and Fine–Gray models of the most frequent causes."""
    if not plan.covariates:
        return []
    whole = {"strata": plan.strata, "confidence": plan.confidence}
    sections = [
        _ratios(
            "What makes them fail sooner (Cox)",
            lambda: hazard_regression(lake, plan.component, plan.covariates, **whole),  # type: ignore[arg-type]  # as named
        )
    ]
    causes = [curve.cause for curve in incidence.groups[0].causes][:_MOST_CAUSES]
    if len(causes) > 1:
        sections += [
            _ratios(
                f"What makes them fail by {cause_name(cause)} (Fine–Gray)",
                lambda cause=cause: hazard_regression(  # type: ignore[misc]  # cause is bound now, not later
                    lake, plan.component, plan.covariates, model="fine-gray", cause=cause, confidence=plan.confidence
                ),
            )
            for cause in causes
        ]
    return sections


def _ratios(title: str, ask: Callable[[], HazardRatios]) -> Section:
    try:
        found = ask()
    except (ModelError, NoDataError) as error:
        return Section(title, _sentence(error))
    rows = tuple(
        (
            str(row["term"]).replace("_", " "),
            row["against"] or "one more",
            interval(row["hazard_ratio"], row["low"], row["high"]),
            _p(row["p_value"]),
            _p(row["proportional_hazards_p"]),
        )
        for row in found.rows()
    )
    columns = ("term", "against", "hazard ratio", "p", "p of being the same at all ages")
    clusters = f"Errors are robust over {found.clusters:,} hosts." if found.clusters else ""
    text = " ".join([found.definition, clusters, *(f"Caution: {warning}." for warning in found.warnings)])
    return Section(title, text, (found.figure(),), (Table(columns, rows, frozenset({2, 3, 4})),))


def _causes(found: Incidences) -> Section:
    title = "What they die of"
    if not found.groups[0].causes:
        return Section(title, "Nothing failed.")
    return Section(title, found.definition, (found.figure(),), (incidence_table(found),))


def _models(story: LifeStory, forecast: Spares | None) -> Section:
    fits = story.fits
    words = [fits.definition, spares_sentence(forecast) if forecast else ""]
    figures = [forecast.figure()] if forecast else []
    tables = [_spares_table(forecast)] if forecast else []
    if all(fit.fit is None for fit in fits.fits):
        words += [f"{warning}." for warning in fits.fits[0].warnings]
    else:
        figures = [fits.figure(), probability_figure(fits), hazard_figure(fits), *figures]
        ranking = tuple(
            (row["family"], count(row["parameters"]), f"{row['aic']:,.1f}", f"{row['delta_aic']:,.1f}")
            for row in fits.ranking()
        )
        families = Table(("family", "parameters", "AIC", "above the best"), ranking, frozenset({1, 2, 3}))
        tables = [fits_table(fits), families, *tables]
    return Section(
        "Life distribution and spares", " ".join(word for word in words if word), tuple(figures), tuple(tables)
    )


def _spares_table(found: Spares) -> Table:
    rows = tuple(
        (
            row["group"],
            count(row["units_in_service"]),
            row["basis"],
            f"{number(row['expected_failures'])} ({row['low']:,}–{row['high']:,})",
            count(row["spares_for_95_percent"]),
            "; ".join(row["warnings"]) if row["basis"] != "sum of the groups" else "",
        )
        for row in found.rows()
    )
    days = found.horizon_hours / 24.0
    columns = ("group", "in service", "forecast by", f"failures in {days:,.4g} days", "spares for 95%", "to know")
    return Table(columns, rows, frozenset({1, 3, 4}))


def _p(value: float | None) -> str:
    if value is None:
        return "–"
    return "< 0.0001" if value < 1e-4 else f"{value:.2g}"


def _sentence(error: Exception) -> str:
    text = str(error)
    return f"{text[:1].upper()}{text[1:]}."
