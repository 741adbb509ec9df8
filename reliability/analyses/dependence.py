"""Intervals of rates whose failures are not independent: lemons repeat, and one switch takes down twenty nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from models.recurrence.robust_rate import RobustRate, robust_rate_from_margins

if TYPE_CHECKING:
    import numpy.typing as npt

    from reliability.analyses.rate_question import RateQuestion
    from reliability.engines.duckdb_engine import DuckDBEngine


def robust_rates(engine: DuckDBEngine, question: RateQuestion) -> dict[str, RobustRate]:
    """Return each group's rate with an interval clustered by unit and by UTC day.

    Parameters
    ----------
    engine
        Engine in which the question has named what was at risk.
    question
        What the rate is asked of.

    Returns
    -------
    dict
        By group; groups without exposure are left out.
    """
    units, days = engine.columns("units_at_risk"), engine.columns("days_at_risk")
    cells = engine.columns("failed_cells")
    of_unit, of_day, of_cell = (_rows_by_group(table) for table in (units, days, cells))
    none = np.empty(0, dtype=np.intp)
    found = {}
    for group, rows in of_unit.items():
        exposure = units["exposure_days"][rows]
        if exposure.sum() <= 0:
            continue
        day_rows = of_day.get(group, none)
        found[group] = robust_rate_from_margins(
            units["failures"][rows],
            exposure,
            days["failures"][day_rows],
            days["exposure_days"][day_rows],
            cells["failures"][of_cell.get(group, none)],
            question.confidence,
        )
    return found


def _rows_by_group(table: dict[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[np.intp]]:
    """Return where the rows of each group stand; the questions order by group."""
    names = table["group_name"].astype(str)
    if not names.size:
        return {}
    begins = np.flatnonzero(np.append(True, names[1:] != names[:-1]))
    ends = np.append(begins[1:], names.size)
    return {str(names[begin]): np.arange(begin, end) for begin, end in zip(begins, ends, strict=True)}
