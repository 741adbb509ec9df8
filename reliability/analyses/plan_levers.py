"""What levers would buy: the exact ETTR of a planned run with each of them alone, and with all of them together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from models.goodput.draws import RateDraws, draw_interval, rate_draws
from models.goodput.renewal import exact_ettr, exact_ettr_at
from models.goodput.run_plan import RunPlan
from models.guards import FloatArray
from reliability.analyses.answer import Answer
from reliability.analyses.lever_catalogue import (
    OwnLever,
    Setting,
    best_with,
    checked_order,
    ettr_with,
    kind_of,
    with_levers,
)
from reliability.analyses.plan import DRAWS, SEED, FailureRate, Plan, replanned
from reliability.analyses.replay_levers import duration_text

if TYPE_CHECKING:
    import plotly.graph_objects as go

_DEFINITION: Final = (
    "Exact ETTR of the plan with a lever, the checkpoint interval as planned, and what it adds to that of the plan "
    "without; each lever alone, then all in the order given. Best interval: that which maximises the exact ETTR with "
    "the lever. Limits: posterior draws of the failure rate (Jeffreys), the same draw with and without the lever."
)
#: the row of all levers
TOGETHER: Final = "together"
#: steps between the quantiles that stand for the draws of the plan; 0.05 and 0.95 are among them
_QUANTILE_STEPS: Final = 200


@dataclass(frozen=True, slots=True)
class Effect:
    """What one lever buys, or all of them.

    Limits are None where the failure rate came without counts or without failures; the best interval where checkpoints
    are free, nothing fails or nobody falls back to one.
    """

    lever: str
    settings: tuple[Setting, ...]
    ettr_before: float
    ettr: float
    ettr_low: float | None
    ettr_high: float | None
    gain_low: float | None
    gain_high: float | None
    interval_exact_minutes: float | None
    ettr_at_exact_interval: float | None
    mttf_hours: float | None

    @property
    def gain(self) -> float:
        """What is added to the ETTR; negative if it gets worse."""
        return self.ettr - self.ettr_before

    @property
    def setting(self) -> str:
        """How a person reads what the lever is set to."""
        if self.lever == TOGETHER:
            return ", then ".join(each.lever.name for each in self.settings)
        return ", ".join(
            f"{_short(name)} {_value_text(name, value)}" for name, value in self.settings[0].values.items()
        )


@dataclass(frozen=True, slots=True)
class PlanLevers(Answer):
    """A plan and what levers would buy: each alone, and last, if there are several, all together."""

    planned: Plan
    effects: tuple[Effect, ...]
    warnings: tuple[str, ...]

    def rows(self) -> list[dict[str, Any]]:
        """Return one row per lever, and one of all together if there are several."""
        return [
            {
                "lever": effect.lever,
                "setting": effect.setting,
                "values": None if effect.lever == TOGETHER else dict(effect.settings[0].values),
                "ettr_before": effect.ettr_before,
                "ettr": effect.ettr,
                "ettr_low": effect.ettr_low,
                "ettr_high": effect.ettr_high,
                "gain": effect.gain,
                "gain_low": effect.gain_low,
                "gain_high": effect.gain_high,
                "interval_exact_minutes": effect.interval_exact_minutes,
                "ettr_at_exact_interval": effect.ettr_at_exact_interval,
                "mttf_hours": effect.mttf_hours,
                "assumption": "; ".join(each.lever.assumption for each in effect.settings),
                "source": "; ".join(each.lever.source for each in effect.settings),
            }
            for effect in self.effects
        ]

    def document(self) -> dict[str, Any]:
        """Return the answer for ``--json``."""
        return {"definition": _DEFINITION, "rows": self.rows(), "warnings": list(self.warnings)}

    def figure(self) -> go.Figure:
        """Draw the gains."""
        from reliability.figures.plan_levers import levers_figure  # noqa: PLC0415 - figures read what they draw

        return levers_figure(self)


def plan_levers(planned: Plan, settings: Sequence[Setting]) -> PlanLevers:
    """Say what levers would buy a planned run.

    Parameters
    ----------
    planned
        The run.
    settings
        At least one lever, from `reliability.analyses.lever_catalogue.setting`, in the order they are applied.

    Raises
    ------
    BadOptionError
        A lever follows one that has an ETTR of its own.
    models.errors.ModelError
        A lever cannot be set so, or not on this run.

    Examples
    --------
    >>> from reliability.analyses.lever_catalogue import setting
    >>> from reliability.analyses.plan import FailureRate, plan
    >>> hourly = plan(16_000, FailureRate(6.5), detection_seconds=600)
    >>> found = plan_levers(hourly, [setting("detection", detection_seconds=30)])
    >>> [(effect.lever, round(effect.ettr_before, 3), round(effect.ettr, 3)) for effect in found.effects]
    [('detection', 0.661, 0.717)]
    """
    checked_order(settings)
    rate, warnings = planned.rate, []
    if rate.failures == 0 and rate.high:
        # Where no failure was seen, what a lever buys is known at the upper limit of the rate alone.
        warnings.append(
            f"no failure was seen: what levers buy is told at the upper limit of the rate, {rate.high:.3g} failures "
            "per 1000 node-days, and is less the fewer there are"
        )
        planned = replanned(planned, rate=FailureRate(rate.high))
    own = [each.lever.name for each in settings if isinstance(each.lever, OwnLever)]
    if own and math.isfinite(planned.run.productive_seconds):
        warnings.append(f"{own[0]} is told for a long run, before and after, whatever the work to be done")
    draws = _draws(planned.rate)
    effects = [_effect(each.lever.name, (each,), planned, draws) for each in settings]
    if len(settings) > 1:
        effects.append(_effect(TOGETHER, tuple(settings), planned, draws))
    return PlanLevers(planned, tuple(effects), tuple(warnings))


def _effect(name: str, settings: tuple[Setting, ...], planned: Plan, draws: RateDraws | None) -> Effect:
    run = planned.run
    if isinstance(settings[-1].lever, OwnLever):
        run = replace(run, productive_seconds=math.inf)
    best = best_with(run, settings)
    failures_per_hour = with_levers(run, settings).failures_per_second * 3600
    limits: tuple[float | None, ...] = (None,) * 4
    if draws is not None and planned.rate.confidence is not None:
        limits = _limits(run, settings, draws, planned.rate.confidence)
    return Effect(
        lever=name,
        settings=settings,
        ettr_before=exact_ettr(run),
        ettr=ettr_with(run, settings),
        ettr_low=limits[0],
        ettr_high=limits[1],
        gain_low=limits[2],
        gain_high=limits[3],
        interval_exact_minutes=None if best is None else best[1] / 60,
        ettr_at_exact_interval=None if best is None else best[0],
        mttf_hours=1 / failures_per_hour if failures_per_hour else None,
    )


def _draws(rate: FailureRate) -> RateDraws | None:
    """Return evenly spread quantiles of the draws that the plan's own limits come from; None without counts.

    A lever may look at the failure rate itself, as spares do: it is pulled anew at each of them.
    """
    if rate.failures is None or rate.exposure_node_days is None:
        return None
    draws = rate_draws(rate.failures, rate.exposure_node_days, DRAWS, np.random.default_rng(SEED))
    at = np.linspace(0.0, 1.0, _QUANTILE_STEPS + 1)
    return replace(draws, per_node_day=np.quantile(draws.per_node_day, at, method="nearest"))


def _limits(
    run: RunPlan, settings: tuple[Setting, ...], draws: RateDraws, confidence: float
) -> tuple[float, float, float, float]:
    """Return the limits of the ETTR with the levers, and of what they add."""
    rates = np.append(draws.failures / draws.exposure_node_days, draws.per_node_day)
    after = np.array([ettr_with(replace(run, failures_per_node_day=float(rate)), settings) for rate in rates])
    gained: FloatArray = after - exact_ettr_at(run, rates)
    ettr = draw_interval(lambda _: after, draws, confidence)
    gain = draw_interval(lambda _: gained, draws, confidence)
    return ettr.low, ettr.high, gain.low, gain.high


def _short(value: str) -> str:
    return value.removesuffix("_seconds").replace("_", " ")


def _value_text(name: str, value: float) -> str:
    return duration_text(value) if kind_of(name) == "duration" else f"{value:g}"
