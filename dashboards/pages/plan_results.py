"""What the page of a planned run shows: tiles, figures and the sentences around them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from dash import html
from dash.development.base_component import Component

from dashboards.components import chart, notice, tile, tiles
from models.errors import ModelError
from reliability.analyses.plan import Plan, replanned
from reliability.analyses.plan_finish import Finish, Range, finish
from reliability.analyses.plan_judged import judged
from reliability.analyses.plan_model import PlannedModel
from reliability.analyses.plan_outlook import Outlook, outlook
from reliability.analyses.plan_sweep import sweep, swept_range
from reliability.errors import EndUnknownError
from reliability.figures.plan import plan_figure, size_figure
from reliability.figures.theme import percent, plural
from reliability.report.numbers import count, number

_SECONDS_PER_DAY: Final = 86_400.0
#: a sweep on the page reaches from the planned value over this to the planned value times this
_REACH: Final = 16.0
_SWEPT_VALUES: Final = 17
#: where a number of the plan is zero: from half a minute to half an hour, or about one failure per 1000 node-days
_AROUND_ZERO: Final = {"r_f": (0.1, 10.0)}
_AROUND_NO_TIME: Final = (30.0, 1800.0)

# A slider that is drawn back, and the second callback of the same plan, ask what was just answered.
_outlook = lru_cache(maxsize=32)(outlook)
_judged = lru_cache(maxsize=16)(judged)


def results(planned: Plan, *, target_ettr: float, days: float, dark: bool) -> Component:
    """Return tiles and figures of a plan.

    Parameters
    ----------
    planned
        The run, without an end.
    target_ettr
        ETTR wanted of the largest run.
    days
        Days of work after which the run is done.
    dark
        In the dark scheme.
    """
    found = _outlook(planned, target_ettr=target_ettr)
    done = _finished(planned, days)
    definition = found.document()["definition"]
    return html.Div(
        [
            *(notice(f"{warning[:1].upper()}{warning[1:]}.", colour="orange") for warning in found.warnings),
            tiles([*_plan_tiles(planned), *_outlook_tiles(found, done, days)]),
            html.Div(
                [
                    chart("plan-curve", plan_figure(planned), definition, dark=dark),
                    chart("plan-sizes", size_figure(planned), definition, dark=dark),
                    chart(
                        "plan-tornado",
                        found.sensitivity.figure(),
                        found.sensitivity.document()["definition"],
                        dark=dark,
                    ),
                    chart("plan-map", found.map.figure(), found.map.document()["definition"], dark=dark),
                ],
                className="charts",
            ),
        ]
    )


def comparisons(planned: Plan, *, swept: str, dark: bool) -> list[Component]:
    """Return the plan over the values of one of its numbers, and the formulas beside a simulation."""
    over, beside = sweep(planned, swept, _values(planned, swept)), _judged(planned)
    return [
        chart("plan-swept", over.figure(), planned.document()["definition"], dark=dark),
        chart("plan-judged", beside.figure(), beside.document()["definition"], dark=dark),
    ]


def model_sentence(model: PlannedModel | None, storage_gbps: float) -> str:
    """Say what a model's checkpoint is and how long it takes to write.

    >>> model_sentence(None, 2000)
    'The write time is the one set below.'
    """
    if model is None:
        return "The write time is the one set below."
    return (
        f"{model.parameters / 1e9:,.4g} billion parameters, a checkpoint of {model.checkpoint_bytes / 1e12:,.3g} TB "
        f"(12 bytes per parameter), written in {number(model.write_seconds(storage_gbps))} s at {storage_gbps:,.0f} "
        "Gb/s; the write time set below does not count."
    )


def _plan_tiles(planned: Plan) -> list[Component]:
    found = planned.document()
    best = f"ETTR v2 there {number(planned.ettr_v2_at_optimum)}"
    per_day = f"{number(found['failures_per_day'])} failures a day on {plural(planned.run.nodes, 'node')}"
    return [
        tile(
            "plan-mttf",
            "MTTF of the run (h)",
            number(planned.mttf_hours),
            _limits(found, "mttf_low_hours", "mttf_high_hours") or per_day,
        ),
        tile(
            "plan-ettr-v1",
            "Expected ETTR, v1",
            _ettr(planned.ettr_v1),
            _limits(found, "ettr_v1_low", "ettr_v1_high") or "writes free, queue counted",
        ),
        tile(
            "plan-ettr-v2",
            "Expected ETTR, v2",
            _ettr(planned.ettr_v2),
            _limits(found, "ettr_v2_low", "ettr_v2_high") or "writes counted",
        ),
        tile(
            "plan-ettr-exact",
            "Expected ETTR, exact",
            _ettr(planned.ettr_exact),
            _limits(found, "ettr_low", "ettr_high") or "renewal, all costs counted",
        ),
        tile("plan-optimum", "Best interval for v2 (min)", number(planned.interval_v2_optimal_minutes), best),
        tile(
            "plan-exact-interval",
            "Best interval, exact (min)",
            number(planned.interval_exact_minutes),
            f"exact ETTR there {_ettr(planned.ettr_at_exact_interval)}",
        ),
        tile("plan-young", "Young's interval (min)", number(planned.interval_young_minutes), "√(2 · write · MTTF)"),
        tile("plan-daly", "Daly's interval (min)", number(planned.interval_daly_minutes), "higher order"),
    ]


def _outlook_tiles(found: Outlook, done: Finish | None, days: float) -> list[Component]:
    run, largest = found.simulated, found.map.largest_gpus
    told = found.document()
    return [
        tile(
            "plan-simulated",
            "ETTR, simulated",
            _ettr(run.ettr if run else None),
            "nothing to simulate" if run is None else f"single runs {run.run_low:.3f}–{run.run_high:.3f}",
        ),
        tile(
            "plan-largest",
            f"Largest run for {found.map.target:.0%} ETTR (GPUs)",
            "none" if largest.middle == 0 else _count(largest.middle),
            _limits(told, "largest_gpus_low", "largest_gpus_high")
            or ("best interval of each size" if found.map.at_best_interval else "planned interval"),
        ),
        tile(
            "plan-finish",
            f"Days to finish {days:,.0f} days of work",
            _mean(done.days if done else None),
            _range(done.days if done else None),
        ),
        tile(
            "plan-interruptions",
            "Interruptions until then",
            _mean(done.interruptions if done else None),
            _range(done.interruptions if done else None),
        ),
        tile(
            "plan-spares",
            "Spare nodes needed",
            _count(found.spares.count),
            "95% of failures find one; repair takes a day",
        ),
    ]


def _values(planned: Plan, name: str) -> tuple[float, ...]:
    now: float
    if name == "r_f":
        now = planned.rate.per_1000_node_days
    elif name == "gpus":
        now = planned.gpus
    else:
        now = getattr(planned.run, f"{name}_seconds") or 0.0
    if not now:
        return swept_range(*_AROUND_ZERO.get(name, _AROUND_NO_TIME), _SWEPT_VALUES)
    low = max(now / _REACH, planned.gpus_per_node) if name == "gpus" else now / _REACH
    return swept_range(low, now * _REACH, _SWEPT_VALUES)


def _finished(planned: Plan, days: float) -> Finish | None:
    """Return when so many days of work are done; None where that cannot be said."""
    try:
        return finish(replanned(planned, productive_seconds=days * _SECONDS_PER_DAY))
    except (EndUnknownError, ModelError):
        return None


def _mean(found: Range | None) -> str:
    return "–" if found is None else number(found.mean)


def _range(found: Range | None) -> str:
    return "may never be done" if found is None else f"{number(found.low)}–{number(found.high)}, chance included"


def _count(value: int | None) -> str:
    return "–" if value is None else count(value)


def _ettr(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _limits(found: Mapping[str, Any], low: str, high: str) -> str:
    if found["confidence"] is None:
        return ""
    return f"{number(found[low])}–{number(found[high])} ({percent(found['confidence'])})"
