"""How long things live, which distribution describes it, what they die of, and how many spares that means."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from reliability.analyses.incidence import Incidences
from reliability.analyses.life_story import LifeStory, life_story
from reliability.analyses.lifetime_models import LifetimeFits
from reliability.analyses.overview import Overview
from reliability.analyses.spares import SUFFICIENT, Spares
from reliability.analyses.survival import Survival
from reliability.engines.duckdb_engine import DuckDBEngine
from reliability.errors import NoDataError
from reliability.figures.causes import cause_name
from reliability.figures.life_curves import plural_of
from reliability.figures.theme import percent
from reliability.report.numbers import count, interval
from reliability.report.sections.section import Section, Table, Window

if TYPE_CHECKING:
    from models.lifetimes.parametric.estimates import Estimate
    from reliability.lake import Lake


def lives(lake: Lake, overview: Overview, window: Window) -> tuple[LifeStory, ...]:
    """Ask how long things live: inventoried components, and nodes and repairs where node states were logged."""
    with closing(DuckDBEngine(lake)) as engine:
        kinds = [
            row["component"] for row in engine.rows("SELECT DISTINCT component FROM components ORDER BY component")
        ]
    asked = [*kinds, "node", "repair"] if overview.node_rates is not None else kinds
    found = []
    for kind in asked:
        try:
            found.append(life_story(lake, kind, **window.options()))
        except NoDataError:  # no life of this kind within the window
            continue
    return tuple(found)


def life_section(story: LifeStory) -> Section:
    """Draw how one kind of thing lives and dies."""
    curves = story.survival
    what = "How long repairs take" if curves.component == "repair" else f"Lives of {plural_of(curves.component)}"
    sentences = [curves.definition, curves.comparison()]
    if story.spares is not None:
        sentences.append(spares_sentence(story.spares))
    figures = [curves.figure()]
    if any(group.causes for group in story.incidence.groups):
        figures.append(story.incidence.figure())
    return Section(
        what,
        " ".join(sentence for sentence in sentences if sentence),
        tuple(figures),
        (curves_table(curves), fits_table(story.fits), incidence_table(story.incidence)),
    )


def curves_table(found: Survival) -> Table:
    """Return median and mean within the horizon of each group."""
    rows = tuple(
        (
            row["group"],
            count(row["lives"]),
            count(row["events"]),
            interval(row["median_hours"], row["median_low_hours"], row["median_high_hours"]),
            interval(row["mean_to_horizon_hours"], row["mean_low_hours"], row["mean_high_hours"]),
            "; ".join(row["warnings"]),
        )
        for row in found.summary()
    )
    units, failures = ("outages", "repairs") if found.component == "repair" else ("units", "failures")
    mean = f"mean up to {found.horizon_hours:,.0f} h" if found.horizon_hours else "mean up to the horizon"
    return Table(("group", units, failures, "median (h)", f"{mean} (h)", "to know"), rows, frozenset({1, 2, 3, 4}))


def fits_table(found: LifetimeFits) -> Table:
    """Return the fitted distribution of each group."""
    rows = tuple(
        (
            fit.group,
            fit.fit.family.name if fit.fit else "none",
            _hours(fit.median_hours),
            _hours(fit.mean_hours),
            _hours(fit.b10_hours),
            "; ".join(fit.warnings),
        )
        for fit in found.fits
    )
    columns = ("group", "best distribution", "its median (h)", "its mean (h)", "10% have failed by (h)", "to know")
    return Table(columns, rows, frozenset({2, 3, 4}))


def incidence_table(found: Incidences) -> Table:
    """Return the share failed by each cause at the end of the curve."""
    rows = tuple(
        (
            row["group"],
            cause_name(row["cause"]),
            count(row["events"]),
            f"{row['incidence_at_end']:.2%} ({row['low']:.2%}–{row['high']:.2%})",
            count(row["end_hours"]),
        )
        for row in found.summary()
    )
    return Table(("group", "cause", "failures", "share failed by it", "up to age (h)"), rows, frozenset({2, 3, 4}))


def spares_sentence(found: Spares) -> str:
    """Return the forecast in words."""
    total, days = found.total.forecast, found.horizon_hours / 24.0
    return (
        f"Of {total.units:,.0f} {plural_of(found.component)} in service, {total.failures:,.3g} are expected to fail in "
        f"the next {days:,.4g} days ({total.low:,}–{total.high:,} with {percent(found.confidence)}); a stock of "
        f"{total.spares_for(SUFFICIENT):,} suffices with {percent(SUFFICIENT)}."
    )


def _hours(estimate: Estimate | None) -> str:
    return interval(estimate.value, estimate.low, estimate.high) if estimate else "–"
