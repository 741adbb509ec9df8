"""A plan over a range of one of its numbers: what changes with more GPUs, a rarer checkpoint, a better node."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from reliability.analyses.answer import Answer
from reliability.analyses.plan import FailureRate, Plan, replanned
from reliability.errors import BadOptionError

if TYPE_CHECKING:
    import plotly.graph_objects as go

#: a range is swept by doubling, at most this often
_MOST_DOUBLINGS: Final = 64
#: share by which a last doubling may miss the end of its range and still be it
_ROUNDING: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Swept:
    """A number of the plan that can be swept: its unit in answers, how many of ours make one, and how it is set."""

    name: str
    label: str
    unit: str
    per_unit: float
    change: Callable[[float], Mapping[str, Any]]

    @property
    def column(self) -> str:
        """Key of the value in a row."""
        return f"{self.name}_{self.unit}" if self.unit else self.name


def _minutes(name: str, label: str) -> Swept:
    return Swept(name, label, "minutes", 60.0, lambda seconds: {f"{name}_seconds": seconds})


#: what ``--sweep`` can vary
SWEPT: Final = {
    swept.name: swept
    for swept in (
        Swept("gpus", "GPUs", "", 1.0, lambda gpus: {"gpus": round(gpus)}),
        Swept("r_f", "failures per 1000 node-days", "", 1.0, lambda rate: {"rate": FailureRate(rate)}),
        _minutes("checkpoint_interval", "checkpoint interval (min)"),
        _minutes("checkpoint_write", "checkpoint write (min)"),
        _minutes("restart_overhead", "restart overhead (min)"),
        _minutes("detection", "detection (min)"),
        _minutes("queue_wait", "queue wait (min)"),
    )
}


@dataclass(frozen=True, slots=True)
class Sweep(Answer):
    """One plan per value of what is swept, all else as planned."""

    planned: Plan
    swept: Swept
    values: tuple[float, ...]
    plans: tuple[Plan, ...]

    def rows(self) -> list[dict[str, Any]]:
        """Return one row per value."""
        rows = []
        for value, plan in zip(self.values, self.plans, strict=True):
            found = plan.document()
            shared = {name: found[name] for name in _COLUMNS if name != self.swept.column}
            shown = round(value) if self.swept.name == "gpus" else value / self.swept.per_unit
            rows.append({self.swept.column: shown, **shared})
        return rows

    def document(self) -> dict[str, Any]:
        """Return the answer for ``--json``."""
        return {"swept": self.swept.name, "rows": self.rows()}

    def figure(self) -> go.Figure:
        """Draw the expected ETTR over what is swept."""
        from reliability.figures.plan_sweep import sweep_figure  # noqa: PLC0415 - figures read the results they draw

        return sweep_figure(self)


_COLUMNS: Final = (
    "nodes",
    "mttf_hours",
    "ettr_v1",
    "ettr_v2",
    "ettr_exact",
    "ettr_low",
    "ettr_high",
    "interval_young_minutes",
    "interval_exact_minutes",
    "ettr_at_exact_interval",
)


def sweep(planned: Plan, name: str, values: tuple[float, ...]) -> Sweep:
    """Plan the run anew for every value of one of its numbers.

    Parameters
    ----------
    planned
        The run; all that is not swept stays.
    name
        A key of `SWEPT`.
    values
        In GPUs, failures per 1000 node-days, or seconds.

    Raises
    ------
    BadOptionError
        If there is no such number.
    models.errors.ModelError
        If a value is not usable.
    """
    if name not in SWEPT:
        raise BadOptionError("--sweep", name, f"one of {', '.join(SWEPT)}")
    swept = SWEPT[name]
    return Sweep(planned, swept, values, tuple(replanned(planned, **swept.change(value)) for value in values))


def swept_range(low: float, high: float, steps: int | None = None) -> tuple[float, ...]:
    """Return the values from low to high: by doubling, or so many at equal ratios.

    Parameters
    ----------
    low, high
        Ends of the range, both in it, above zero.
    steps
        How many values; None to double, where the last step may be shorter.

    Raises
    ------
    BadOptionError
        If the range is none.

    Examples
    --------
    >>> swept_range(1024, 5000)
    (1024.0, 2048.0, 4096.0, 5000.0)
    >>> swept_range(1, 100, 3)
    (1.0, 10.0, 100.0)
    """
    if not 0 < low < high < math.inf:
        raise BadOptionError("--sweep", f"{low:g}..{high:g}", "a range from a number above zero up to a larger one")
    if steps is not None:
        return tuple(float(value) for value in np.geomspace(low, high, steps))
    doublings = math.floor((math.log2(high) - math.log2(low)) * (1 + _ROUNDING))
    if doublings > _MOST_DOUBLINGS:
        raise BadOptionError("--sweep", f"{low:g}..{high:g}", f"at most {_MOST_DOUBLINGS} doublings, or --steps")
    values = [low * 2.0**doubling for doubling in range(doublings + 1)]
    if values[-1] * (1 + _ROUNDING) < high:
        values.append(high)
    return tuple(float(value) for value in values)
