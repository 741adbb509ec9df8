"""How a rate went over time: the last 30 days, when it changed, and whether it grows."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from models.errors import ModelError
from models.lifetimes.parametric.weibull import WeibullEstimate, fit_weibull
from models.recurrence.change_points import ChangePoint, change_points
from models.recurrence.power_law import PowerLawProcess, fit_power_law, power_law_fit_p_value
from models.recurrence.rolling import RollingRate, rolling_rate
from models.recurrence.trend import PooledTrend, lewis_robinson, on_exposure, pooled_laplace
from models.recurrence.units import Recurrences
from reliability.analyses.answer import Answer
from reliability.analyses.rate_question import RateQuestion, inventory_groups
from reliability.engines.duckdb_engine import DuckDBEngine
from reliability.errors import BadOptionError, NoDataError

if TYPE_CHECKING:
    from datetime import datetime

    import numpy.typing as npt
    import plotly.graph_objects as go

    from reliability.lake import Lake

#: from which p-value on a trend is said not to show
_LEVEL: Final = 0.05
_FEWEST_GAPS: Final = 10
_SEED: Final = 20_260_101
_EPOCH: Final = date(1970, 1, 1)
_MICROS_PER_HOUR: Final = 3.6e9


@dataclass(frozen=True, slots=True)
class RateHistory(Answer):
    """The rate of a trailing window, the days on which the rate changed, and tests of a trend.

    Both tests take the failures of the whole fleet for one process on the clock of its exposure: ``laplace`` a Poisson
    one, ``lewis_robinson`` one whose gaps may vary more (failures that come together) or less; each is None where the
    failures are too few. ``growth`` is the power law
    of the fleet's failures on the clock of exposure, ``growth_fit_p`` how well it fits. ``gaps`` are the times between
    distinct moments of failure: a Weibull shape below 1 says that failures come in clusters.
    """

    of: str
    unit: str
    definition: str
    confidence: float
    first_day: date
    rolling: RollingRate
    changes: tuple[ChangePoint, ...]
    laplace: PooledTrend | None
    lewis_robinson: PooledTrend | None
    growth: PowerLawProcess | None
    growth_fit_p: float | None
    gaps: WeibullEstimate | None
    failures: int
    exposure_days: float
    warnings: tuple[str, ...]

    def day(self, number: int) -> date:
        """Return the date of a day of the record."""
        return self.first_day + timedelta(days=int(number))

    def rows(self) -> list[dict[str, Any]]:
        """Return one row per day: the rate of the window that it ends."""
        rolling = self.rolling
        return [
            {
                "day": self.day(day).isoformat(),
                "failures": int(failures),
                f"exposure_{self.unit}_days": float(exposure),
                f"rate_per_1000_{self.unit}_days": 1000.0 * float(rate),
                "low": 1000.0 * float(low),
                "high": 1000.0 * float(high),
            }
            for day, failures, exposure, rate, low, high in zip(
                rolling.day,
                rolling.failures,
                rolling.exposure_days,
                rolling.rate_per_day,
                rolling.low_per_day,
                rolling.high_per_day,
                strict=True,
            )
        ]

    def change_rows(self) -> list[dict[str, Any]]:
        """Return one row per change of the rate: its day with an interval, the rates before and after, their ratio."""
        return [
            {
                "day": self.day(change.day).isoformat(),
                "day_low": self.day(change.low_day).isoformat(),
                "day_high": self.day(change.high_day).isoformat(),
                "p_value": change.p_value,
                "before": change.before.rate_per_1000_days,
                "before_low": change.before.low_per_1000_days,
                "before_high": change.before.high_per_1000_days,
                "after": change.after.rate_per_1000_days,
                "after_low": change.after.low_per_1000_days,
                "after_high": change.after.high_per_1000_days,
                "ratio": change.ratio.ratio,
                "ratio_low": change.ratio.low,
                "ratio_high": change.ratio.high,
                "dispersion": change.dispersion,
            }
            for change in self.changes
        ]

    def trend_rows(self) -> list[dict[str, Any]]:
        """Return one row per test of a trend; a test without enough failures says so by a score of None."""
        tests = (("Laplace", self.laplace), ("Lewis–Robinson", self.lewis_robinson))
        return [
            {"test": name, "score": test and test.score, "p_value": test and test.p_value, "failures": self.failures}
            for name, test in tests
        ]

    def sentences(self) -> list[str]:
        """Return what the tests and the changes say, for a reader."""
        told = [
            f"{row['test']}: {_direction(row['score'], row['p_value'])}."
            for row in self.trend_rows()
            if row["score"] is not None
        ]
        if self.growth is not None and self.growth_fit_p is not None:
            shape = f"{self.growth.shape:.2f} ({self.growth.shape_low:.2f}–{self.growth.shape_high:.2f})"
            told.append(
                f"Crow–AMSAA shape {shape}: below 1 the rate falls, above 1 it rises; "
                + ("a power law fits" if self.growth_fit_p >= _LEVEL else "but a power law does not fit")
                + f" (p = {self.growth_fit_p:.2g})."
            )
        if self.gaps is not None:
            shape = f"{self.gaps.shape:.2f} ({self.gaps.shape_low:.2f}–{self.gaps.shape_high:.2f})"
            told.append(f"Weibull shape of the gaps between failures {shape}: below 1 they come in clusters.")
        told += [self._change_told(change) for change in self.changes]
        return told or ["Too few failures to tell a trend."]

    def _change_told(self, change: ChangePoint) -> str:
        days = f"{self.day(change.day)} ({self.day(change.low_day)} to {self.day(change.high_day)})"
        before, after = change.before.rate_per_1000_days, change.after.rate_per_1000_days
        return f"The rate changed on {days}, from {before:.3g} to {after:.3g} per 1000 {self.unit}-days."

    def growth_document(self) -> dict[str, Any] | None:
        """Return the power law of the fleet's failures: a shape below 1 grows in reliability, above 1 wears out."""
        if self.growth is None:
            return None
        return {
            "model": "Crow–AMSAA power law on the clock of exposure",
            "shape": self.growth.shape,
            "shape_low": self.growth.shape_low,
            "shape_high": self.growth.shape_high,
            "interval": self.growth.shape_method,
            "fit_p_value": self.growth_fit_p,
            "failures": self.growth.failures,
            "warnings": list(self.growth.warnings),
        }

    def document(self) -> dict[str, Any]:
        """Return the answer for ``--json``."""
        return {
            "of": self.of,
            "confidence": self.confidence,
            "definition": self.definition,
            "window_days": self.rolling.window_days,
            "failures": self.failures,
            f"exposure_{self.unit}_days": self.exposure_days,
            "changes": self.change_rows(),
            "trend": self.trend_rows(),
            "growth": self.growth_document(),
            "gaps": self.gaps
            and {
                "model": "Weibull, times between distinct moments of failure in the whole fleet",
                "shape": self.gaps.shape,
                "shape_low": self.gaps.shape_low,
                "shape_high": self.gaps.shape_high,
                "mean_hours": self.gaps.mean_hours,
                "gaps": int(self.gaps.events),
                "warnings": list(self.gaps.warnings),
            },
            "warnings": list(self.warnings),
            "rows": self.rows(),
        }

    def figure(self) -> go.Figure:
        """Draw the trailing rate with its band and the regimes between changes."""
        from reliability.figures.rate_history import history_figure  # noqa: PLC0415 - figures read the results they draw

        return history_figure(self)


def rate_history(
    lake: Lake,
    of: str = "node",
    *,
    window_days: int = 30,
    where: tuple[str, str] | None = None,
    min_gpus: int = 0,
    confidence: float = 0.9,
    from_utc: datetime | None = None,
    to_utc: datetime | None = None,
) -> RateHistory:
    """Follow a failure rate over the days observed.

    Parameters
    ----------
    lake
        Where the logs were taken in.
    of
        ``node``, ``attempt``, or a component of the schema.
    window_days
        Length of the trailing window.
    where, min_gpus, confidence, from_utc, to_utc
        As in :func:`~reliability.analyses.rates.rates`.

    Raises
    ------
    BadOptionError
        If ``of`` or ``where`` is not known for this lake, or the window has no day.
    NoDataError
        If the lake has no exposure to divide by.
    """
    if window_days < 1:
        raise BadOptionError("--window-days", window_days, "at least one day")
    question = RateQuestion(of, None, where, min_gpus, confidence, from_utc, to_utc)
    with closing(DuckDBEngine(lake, question.parameters())) as engine:
        question.check(engine)
        question.name_risk(engine)
        days, failed = engine.columns("days_at_risk"), engine.columns("failures_of_units")
        has_inventory = bool(inventory_groups(engine, of))
    seen = np.flatnonzero(days["exposure_days"] > 0)
    if not seen.size:
        raise NoDataError(f"rates --of {of} --history", question.needs())
    record = slice(seen[0], seen[-1] + 1)
    exposure, numbers = days["exposure_days"][record], days["day_number"][record]
    counts = _on_exposed_days(days["failures"].astype(float), days["exposure_days"])[record]
    rng = np.random.default_rng(_SEED)
    fleet = _fleet_process(numbers, exposure, failed["at_micros"])
    growth, fit_p, refusal = _growth(fleet, confidence, rng)
    return RateHistory(
        of=of,
        unit=question.unit(has_inventory=has_inventory),
        definition=question.definition(has_inventory=has_inventory),
        confidence=confidence,
        first_day=_EPOCH + timedelta(days=int(numbers[0])),
        rolling=rolling_rate(counts, exposure, window_days, confidence),
        changes=change_points(counts, exposure, rng, confidence),
        laplace=pooled_laplace(fleet),
        lewis_robinson=lewis_robinson(fleet),
        growth=growth,
        growth_fit_p=fit_p,
        gaps=_gaps(failed["at_micros"], confidence),
        failures=int(counts.sum()),
        exposure_days=float(exposure.sum()),
        warnings=refusal,
    )


def _on_exposed_days(
    counts: npt.NDArray[np.float64], exposure_days: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Count a failure on a day without exposure, as when the last unit leaves at midnight, on the day before."""
    exposed = np.flatnonzero(exposure_days > 0)
    place = exposed[np.maximum(np.searchsorted(exposed, np.arange(counts.size), side="right") - 1, 0)]
    return np.bincount(place, counts, minlength=counts.size).astype(np.float64)


def _fleet_process(
    day_number: npt.NDArray[np.int64], exposure_days: npt.NDArray[np.float64], at_micros: npt.NDArray[np.int64]
) -> Recurrences:
    """Return all failures as those of one system, on the clock of its exposure (unit-hours at risk so far)."""
    hours = np.arange(day_number.size + 1) * 24.0
    times = at_micros / _MICROS_PER_HOUR - float(day_number[0]) * 24.0
    times = times[(times > 0) & (times <= hours[-1])]
    whole = Recurrences(np.zeros(1), np.array([hours[-1]]), np.zeros(times.size, dtype=np.intp), times)
    return on_exposure(whole, hours, np.append(0.0, np.cumsum(exposure_days)) * 24.0)


def _growth(
    fleet: Recurrences, confidence: float, rng: np.random.Generator
) -> tuple[PowerLawProcess | None, float | None, tuple[str, ...]]:
    try:
        return fit_power_law(fleet, confidence), power_law_fit_p_value(fleet, rng), ()
    except ModelError as error:
        return None, None, (f"no power law of growth: {error}",)


def _gaps(at_micros: npt.NDArray[np.int64], confidence: float) -> WeibullEstimate | None:
    """Fit the times between distinct moments of failure; None where they are too few or all alike."""
    hours = np.diff(np.unique(at_micros)) / _MICROS_PER_HOUR
    if hours.size < _FEWEST_GAPS:
        return None
    try:
        return fit_weibull(np.zeros(hours.size), hours, np.ones(hours.size), confidence=confidence)
    except ModelError:  # gaps all alike determine no shape
        return None


def _direction(score: float, p_value: float) -> str:
    if p_value >= _LEVEL:
        return f"no trend shows (p = {p_value:.2g})"
    return f"failures become {'more' if score > 0 else 'less'} frequent (p = {p_value:.2g})"
