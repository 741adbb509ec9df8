"""What moves ETTR most, how large a run may be for a target, and ETTR over size and failure rate.

All of it is asked of any formula for ETTR, given as a function of the plan: a closed form, the exact solution, or one
that first sets the best interval.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from models.errors import NotAShareError
from models.goodput.errors import FactorNotAboveOneError
from models.goodput.levers import with_write_time
from models.goodput.run_plan import RunPlan
from models.guards import FloatArray, checked_columns, checked_count, checked_positive

Ettr = Callable[[RunPlan], float]

#: Nodes up to which the largest run is looked for: a million GPUs and more.
MOST_NODES: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Bar:
    """ETTR when one input of the plan is divided and multiplied by the factor, all others as they are.

    `gain` is what the better of the two adds to the ETTR of the plan, `swing` how far apart they are.
    """

    name: str
    value: float
    low_value: float
    high_value: float
    ettr_at_low: float
    ettr_at_high: float
    gain: float

    @property
    def swing(self) -> float:
        """Length of the bar."""
        return abs(self.ettr_at_high - self.ettr_at_low)


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """A tornado: the bars of all inputs that are not zero, the one that buys most first."""

    ettr: float
    factor: float
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True)
class LargestRun:
    """The most nodes with which a run reaches a target ETTR.

    `reached_by` says whether no size reaches it (then `nodes` is 0 and `ettr` that of one node), some do, or all that
    were asked about (then `nodes` is the most asked about).
    """

    nodes: int
    ettr: float
    target_ettr: float
    reached_by: Literal["none", "some", "all"]


@dataclass(frozen=True, slots=True, eq=False)
class EttrGrid:
    """ETTR of runs of each size (columns) at each failure rate (rows)."""

    nodes: npt.NDArray[np.int64]
    failures_per_node_day: FloatArray
    ettr: FloatArray

    def largest_nodes(self, target_ettr: float) -> npt.NDArray[np.int64]:
        """Return per failure rate the most of these nodes that reach the target, 0 where none do."""
        return np.asarray(np.where(self.ettr >= target_ettr, self.nodes, 0).max(axis=1), dtype=np.int64)


def sensitivity(plan: RunPlan, ettr: Ettr, factor: float = 2.0) -> Sensitivity:
    """Change each input of a plan by a factor, down and up, one at a time.

    Parameters
    ----------
    plan : RunPlan
        The run.
    ettr : function of a RunPlan
        How ETTR is predicted. One that sets the best interval first treats the write time most fairly; the interval
        then has a bar of no length.
    factor : float
        Above 1; 2 halves and doubles.

    Returns
    -------
    Sensitivity
        One bar per input that is above zero: a factor does nothing to zero. Sorted by gain, then by swing.

    Raises
    ------
    FactorNotAboveOneError
        A factor of 1 or below.

    Notes
    -----
    A faster write keeps its share of stall. A change that no plan can have, and one whose ETTR is unknown, raises as
    the plan or the function does.

    Examples
    --------
    >>> from models.goodput.closed_forms import expected_ettr_v2
    >>> plan = RunPlan(1500, 6.5e-3, 2304, 300, checkpoint_write_seconds=300)
    >>> [(bar.name, round(bar.gain, 3)) for bar in sensitivity(plan, expected_ettr_v2).bars]
    [('failures_per_node_day', 0.072), ('checkpoint_write_seconds', 0.045), ('restart_overhead_seconds', 0.015), \
('checkpoint_interval_seconds', 0.0)]
    """
    if not factor > 1.0:
        raise FactorNotAboveOneError(factor)
    base = ettr(plan)
    bars = [
        _bar(plan, name, change, ettr, base, factor)
        for name, change in _INPUTS.items()
        if (getattr(plan, name) or 0) > 0
    ]
    return Sensitivity(base, factor, tuple(sorted(bars, key=lambda bar: (-bar.gain, -bar.swing))))


def largest_nodes(plan: RunPlan, target_ettr: float, ettr: Ettr, most_nodes: int = MOST_NODES) -> LargestRun:
    """Return the largest size of a run that reaches a target ETTR.

    Parameters
    ----------
    plan : RunPlan
        The run; its nodes are not used.
    target_ettr : float
        Between 0 and 1.
    ettr : function of a RunPlan
        How ETTR is predicted; it must not rise with nodes.
    most_nodes : int
        Larger runs are not asked about.

    Returns
    -------
    LargestRun
        By bisection.

    Raises
    ------
    NotAShareError, NotPositiveError, NotACountError
        A target or a size cannot be.

    Examples
    --------
    >>> from models.goodput.closed_forms import expected_ettr_v1
    >>> largest_nodes(RunPlan(1, 6.5e-3, 1800, 300), 0.9, expected_ettr_v1).nodes
    1107
    """
    if not 0.0 <= target_ettr <= 1.0:
        raise NotAShareError("target_ettr", target_ettr)
    most = int(checked_positive("most_nodes", checked_count("most_nodes", most_nodes)))

    def of(nodes: int) -> float:
        return ettr(replace(plan, nodes=nodes))

    if (smallest := of(1)) < target_ettr:
        return LargestRun(0, smallest, target_ettr, "none")
    if (largest := of(most)) >= target_ettr:
        return LargestRun(most, largest, target_ettr, "all")
    reached, missed = 1, most
    while missed - reached > 1:
        middle = (reached + missed) // 2
        reached, missed = (middle, missed) if of(middle) >= target_ettr else (reached, middle)
    return LargestRun(reached, of(reached), target_ettr, "some")


def ettr_grid(plan: RunPlan, nodes: npt.ArrayLike, failures_per_node_day: npt.ArrayLike, ettr: Ettr) -> EttrGrid:
    """Predict ETTR for each size at each failure rate: the map whose contours are lines of equal ETTR.

    Parameters
    ----------
    plan : RunPlan
        The run; its nodes and failure rate are not used.
    nodes : array-like of shape (n_sizes,)
        Sizes.
    failures_per_node_day : array-like of shape (n_rates,)
        Failure rates.
    ettr : function of a RunPlan
        How ETTR is predicted.

    Returns
    -------
    EttrGrid
        `ettr` of shape (n_rates, n_sizes).

    Raises
    ------
    ModelError
        A size or a rate cannot be.

    Examples
    --------
    >>> from models.goodput.closed_forms import expected_ettr_v1
    >>> grid = ettr_grid(RunPlan(1, 0.0, 1800, 300), [500, 1000, 2000], [2.34e-3, 6.5e-3], expected_ettr_v1)
    >>> grid.largest_nodes(0.9)
    array([2000, 1000])
    """
    (rates,) = checked_columns(failures_per_node_day=failures_per_node_day)
    sizes = [checked_count("nodes", size) for size in np.atleast_1d(nodes)]
    table = [[ettr(replace(plan, nodes=size, failures_per_node_day=float(rate))) for size in sizes] for rate in rates]
    return EttrGrid(np.array(sizes, dtype=np.int64), rates, np.array(table))


def _bar(
    plan: RunPlan, name: str, change: Callable[[RunPlan, float], RunPlan], ettr: Ettr, base: float, factor: float
) -> Bar:
    value = float(getattr(plan, name))
    low, high = value / factor, value * factor
    at_low, at_high = ettr(change(plan, low)), ettr(change(plan, high))
    return Bar(name, value, low, high, at_low, at_high, gain=max(at_low, at_high, base) - base)


_INPUTS: Final[dict[str, Callable[[RunPlan, float], RunPlan]]] = {
    "failures_per_node_day": lambda plan, value: replace(plan, failures_per_node_day=value),
    "checkpoint_interval_seconds": lambda plan, value: replace(plan, checkpoint_interval_seconds=value),
    "checkpoint_write_seconds": with_write_time,
    "restart_overhead_seconds": lambda plan, value: replace(plan, restart_overhead_seconds=value),
    "detection_seconds": lambda plan, value: replace(plan, detection_seconds=value),
    "queue_wait_seconds": lambda plan, value: replace(plan, queue_wait_seconds=value),
}
