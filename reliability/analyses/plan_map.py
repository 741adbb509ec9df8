"""How large may a run be: the expected ETTR over GPUs and failure rate, and the largest run that reaches a target."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from models.goodput.checkpoint_optimum import at_best_interval
from models.goodput.renewal import exact_ettr
from models.goodput.run_plan import RunPlan
from models.goodput.sensitivity import ettr_grid, largest_nodes
from models.guards import FloatArray
from reliability.analyses.answer import Answer
from reliability.analyses.plan import Plan
from reliability.errors import BadOptionError

if TYPE_CHECKING:
    import plotly.graph_objects as go

_LEAST_GPUS: Final = 64
_MOST_GPUS: Final = 131_072
#: the map's rates reach from the planned one over this to the planned one times this
_RATE_REACH: Final = 10.0
#: in the middle of the map where no rate is known, per 1000 node-days
_ANY_RATE: Final = 1.0
_CELLS: Final = 41

_DEFINITION: Final = (
    "Largest run: the most GPUs, in whole nodes, whose exact ETTR is at least the target, all else as planned; the "
    "checkpoint interval is the best one of each size where writing takes time, else the planned one."
)


@dataclass(frozen=True, slots=True)
class Largest:
    """The most GPUs that reach a target: at the planned rate, and at the limits of a counted one.

    0 where no size reaches it; None where no rate is known, or where more than a million nodes reach it.
    """

    at_low_rate: int | None
    middle: int | None
    at_high_rate: int | None


@dataclass(frozen=True, slots=True, eq=False)
class EttrMap(Answer):
    """Exact ETTR per failure rate (rows) and number of GPUs (columns), and the largest run for a target."""

    planned: Plan
    target: float
    at_best_interval: bool
    gpus: tuple[int, ...]
    rates: tuple[float, ...]
    ettr: FloatArray
    largest_gpus: Largest

    def rows(self) -> list[dict[str, Any]]:
        """Return one row per cell of the map."""
        return [
            {"gpus": gpus, "failures_per_1000_node_days": rate, "ettr_exact": float(self.ettr[row, column])}
            for row, rate in enumerate(self.rates)
            for column, gpus in enumerate(self.gpus)
        ]

    def document(self) -> dict[str, Any]:
        """Return the answer for ``--json``."""
        return {
            "target_ettr": self.target,
            "largest_gpus": self.largest_gpus.middle,
            "largest_gpus_low": self.largest_gpus.at_high_rate,
            "largest_gpus_high": self.largest_gpus.at_low_rate,
            "definition": _DEFINITION,
        }

    def figure(self) -> go.Figure:
        """Draw the map."""
        from reliability.figures.plan_map import map_figure  # noqa: PLC0415 - figures read the results they draw

        return map_figure(self)


def ettr_map(planned: Plan, target: float) -> EttrMap:
    """Map the exact ETTR around a plan, and find the largest run that reaches a target.

    Parameters
    ----------
    planned
        The run; its size and its rate are varied, all else stays.
    target
        ETTR wanted, above 0 and below 1.

    Raises
    ------
    BadOptionError
        If the target is none.

    Examples
    --------
    >>> from reliability.analyses.plan import FailureRate, plan
    >>> ettr_map(plan(16_000, FailureRate(6.5), checkpoint_interval_seconds=300), 0.9).largest_gpus.middle
    24848
    """
    if not 0 < target < 1:
        raise BadOptionError("--target-ettr", target, "a share above 0 and below 1, such as 0.9")
    run, rate = planned.run, planned.rate
    has_best = (run.checkpoint_write_seconds or 0) > 0
    middle = rate.per_1000_node_days or rate.high or _ANY_RATE
    per_node = planned.gpus_per_node
    sizes = np.geomspace(
        min(_LEAST_GPUS, planned.gpus) / per_node, max(_MOST_GPUS, 2 * planned.gpus) / per_node, _CELLS
    )
    rates = np.geomspace(middle / _RATE_REACH, middle * _RATE_REACH, _CELLS)
    ettr = _best_ettr if has_best else exact_ettr
    grid = ettr_grid(run, np.unique(np.ceil(sizes)), rates / 1000, ettr)

    def largest(per_1000_node_days: float | None) -> int | None:
        """Return the most GPUs at a rate; None where there is no rate, or no end to the sizes."""
        if not per_1000_node_days:
            return None
        found = largest_nodes(replace(run, failures_per_node_day=per_1000_node_days / 1000), target, ettr)
        return None if found.reached_by == "all" else found.nodes * per_node

    return EttrMap(
        planned=planned,
        target=target,
        at_best_interval=has_best,
        gpus=tuple(int(nodes) * per_node for nodes in grid.nodes),
        rates=tuple(rates.tolist()),
        ettr=grid.ettr,
        largest_gpus=Largest(largest(rate.low), largest(rate.per_1000_node_days), largest(rate.high)),
    )


def _best_ettr(run: RunPlan) -> float:
    return exact_ettr(at_best_interval(run))
