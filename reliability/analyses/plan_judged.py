"""The formulas of a plan beside its simulation, for runs of all sizes: where each of them leaves it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from reliability.analyses.answer import Answer
from reliability.analyses.plan import SEED, Plan, replanned
from reliability.analyses.plan_simulation import Simulated, simulated

if TYPE_CHECKING:
    import plotly.graph_objects as go

#: sizes of run that are simulated, in GPUs
_GPUS: Final = tuple(2**power for power in range(6, 18))
_REPLICAS: Final = 200
_CONFIDENCE: Final = 0.9

_DEFINITION: Final = (
    "Simulated: failure by failure, without spares and failure domains, at the planned rate and interval; the bar is "
    "the Monte Carlo interval of the mean. Error of a formula: its ETTR over the simulated one, less 1."
)


@dataclass(frozen=True, slots=True)
class Judged(Answer):
    """Plans of several sizes, each with its simulation."""

    planned: Plan
    plans: tuple[Plan, ...]
    runs: tuple[Simulated, ...]

    def rows(self) -> list[dict[str, Any]]:
        """Return one row per size."""
        return [
            {
                "gpus": plan.gpus,
                "ettr_simulated": run.ettr,
                "ettr_simulated_low": run.low,
                "ettr_simulated_high": run.high,
                **{
                    column: value
                    for name, ettr in (("v1", plan.ettr_v1), ("v2", plan.ettr_v2), ("exact", plan.ettr_exact))
                    for column, value in ((f"ettr_{name}", ettr), (f"error_{name}", _error(ettr, run.ettr)))
                },
            }
            for plan, run in zip(self.plans, self.runs, strict=True)
        ]

    def document(self) -> dict[str, Any]:
        """Return the answer for ``--json``."""
        return {"definition": _DEFINITION, "rows": self.rows()}

    def figure(self) -> go.Figure:
        """Draw formulas as lines and simulations as points."""
        from reliability.figures.plan_judged import judged_figure  # noqa: PLC0415 - figures read what they draw

        return judged_figure(self)


def judged(planned: Plan, seed: int = SEED) -> Judged:
    """Simulate runs of all sizes beside the formulas.

    Parameters
    ----------
    planned
        The run; its size is varied, and simulated too.
    seed
        Of the simulation.
    """
    confidence = planned.rate.confidence or _CONFIDENCE
    plans = tuple(replanned(planned, gpus=gpus) for gpus in sorted({*_GPUS, planned.gpus}))
    runs = tuple(simulated(plan.run, confidence=confidence, seed=seed, replicas=_REPLICAS) for plan in plans)
    return Judged(planned, plans, runs)


def _error(ettr: float | None, simulated_ettr: float) -> float | None:
    return None if ettr is None or not simulated_ettr else ettr / simulated_ettr - 1
