"""Which number of a plan buys most: the exact ETTR with each of them halved and doubled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from models.goodput.renewal import exact_ettr
from models.goodput.sensitivity import Bar
from models.goodput.sensitivity import sensitivity as bars_of
from reliability.analyses.answer import Answer
from reliability.analyses.plan import Plan

if TYPE_CHECKING:
    import plotly.graph_objects as go

_DEFINITION: Final = (
    "Exact ETTR with one number of the plan halved, and doubled, all others as planned, the checkpoint interval too. "
    "Gain: what the better of the two adds. To halve one number may cost more than to halve another."
)


@dataclass(frozen=True, slots=True)
class _Input:
    name: str
    label: str
    unit: str
    per_unit: float


_INPUTS: Final = {
    "failures_per_node_day": _Input("r_f", "failure rate", "per 1000 node-days", 1e-3),
    "restart_overhead_seconds": _Input("restart_overhead", "restart overhead", "minutes", 60.0),
    "checkpoint_write_seconds": _Input("checkpoint_write", "checkpoint write", "minutes", 60.0),
    "checkpoint_interval_seconds": _Input("checkpoint_interval", "checkpoint interval", "minutes", 60.0),
    "detection_seconds": _Input("detection", "detection", "minutes", 60.0),
    "queue_wait_seconds": _Input("queue_wait", "queue wait", "minutes", 60.0),
}


@dataclass(frozen=True, slots=True)
class Factor:
    """One number of the plan, and what the run would get with it halved and doubled."""

    name: str
    label: str
    value: float
    unit: str
    ettr_halved: float
    ettr_doubled: float
    gain: float

    @property
    def shown(self) -> str:
        """The number as planned."""
        return f"{self.value:.3g} {self.unit}"


@dataclass(frozen=True, slots=True)
class Sensitivity(Answer):
    """The numbers of a plan that are above zero, the one that buys most first."""

    ettr: float
    factors: tuple[Factor, ...]

    def rows(self) -> list[dict[str, Any]]:
        """Return one row per number."""
        return [
            {
                "factor": factor.name,
                "value": factor.value,
                "unit": factor.unit,
                "ettr_halved": factor.ettr_halved,
                "ettr_doubled": factor.ettr_doubled,
                "gain": factor.gain,
            }
            for factor in self.factors
        ]

    def document(self) -> dict[str, Any]:
        """Return the answer for ``--json``."""
        return {"ettr_exact": self.ettr, "definition": _DEFINITION, "rows": self.rows()}

    def figure(self) -> go.Figure:
        """Draw the tornado."""
        from reliability.figures.plan_tornado import tornado_figure  # noqa: PLC0415 - figures read what they draw

        return tornado_figure(self)


def sensitivity(planned: Plan) -> Sensitivity:
    """Halve and double every number of a plan, one at a time.

    Parameters
    ----------
    planned
        The plan; a number of zero has nothing left to gain and is left out.

    Examples
    --------
    >>> from reliability.analyses.plan import FailureRate, plan
    >>> [factor.name for factor in sensitivity(plan(16_000, FailureRate(6.5))).factors]
    ['r_f', 'checkpoint_interval', 'restart_overhead']
    """
    found = bars_of(planned.run, exact_ettr)
    return Sensitivity(found.ettr, tuple(_factor(bar) for bar in found.bars))


def _factor(bar: Bar) -> Factor:
    of = _INPUTS[bar.name]
    return Factor(of.name, of.label, bar.value / of.per_unit, of.unit, bar.ettr_at_low, bar.ettr_at_high, bar.gain)
