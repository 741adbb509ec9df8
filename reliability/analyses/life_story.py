"""Everything that lives tell at once, from one reading of the lake: what a page or a report shows."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reliability.analyses.hazards import Hazards, hazards_of
from reliability.analyses.incidence import Incidences, cumulative_incidence_of
from reliability.analyses.life_question import LifeQuestion, group_tables
from reliability.analyses.lifetime_models import AUTO, LifetimeFits, lifetime_fits_of
from reliability.analyses.spares import Spares, spares_of
from reliability.analyses.survival import Survival, survival_of
from reliability.errors import NoDataError

if TYPE_CHECKING:
    from datetime import datetime

    from reliability.lake import Lake


@dataclass(frozen=True, slots=True)
class LifeStory:
    """The answers of one question; ``spares`` is None where nothing is in service."""

    survival: Survival
    hazards: Hazards
    fits: LifetimeFits
    incidence: Incidences
    spares: Spares | None


def life_story(
    lake: Lake,
    component: str = "gpu",
    *,
    by: str | None = None,
    where: tuple[str, str] | None = None,
    family: str = AUTO,
    horizon_hours: float = 2160.0,
    confidence: float = 0.9,
    from_utc: datetime | None = None,
    to_utc: datetime | None = None,
) -> LifeStory:
    """Answer survival, hazards, fits, incidence and spares together.

    Parameters
    ----------
    lake, component, by, where, confidence, from_utc, to_utc
        As for :func:`reliability.analyses.survival.survival`.
    family
        As for :func:`reliability.analyses.lifetime_models.lifetime_fits`.
    horizon_hours
        Of the spares.

    Raises
    ------
    BadOptionError
        If ``component``, ``by`` or ``where`` is not known for this lake.
    NoDataError
        If the lake holds no lives of it.
    """
    question = LifeQuestion(component, by, where, confidence, from_utc, to_utc)
    with closing(question.engine(lake)) as engine:
        tables = group_tables(engine, question)
        curves = survival_of(engine, question, tables)
        fits = lifetime_fits_of(engine, tables, curves, family=family)
        forecast = None
        if component != "repair":
            try:
                forecast = spares_of(
                    engine, question, tables, horizon_hours, fits={fit.group: fit.fit for fit in fits.fits}
                )
            except NoDataError:  # every unit has failed or left: none needs a spare
                forecast = None
        return LifeStory(
            curves,
            hazards_of(engine, question, tables),
            fits,
            cumulative_incidence_of(engine, question, tables),
            forecast,
        )
