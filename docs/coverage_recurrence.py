"""Failures that come again: what the coverage study asks of the power-law process and of mean cumulative functions."""

from __future__ import annotations

from typing import Final

import numpy as np
from coverage_fleets import MEDIAN_HOURS, draw_nodes
from coverage_kinds import CONFIDENCE, Answer, Interval, Study

from models.recurrence.mean_cumulative import mean_cumulative_function
from models.recurrence.power_law import fit_power_law
from models.recurrence.units import Recurrences

_SHAPE: Final = 1.3
_FAILURES_BY_AGE: Final = 2.0  # of one node by the age of `MEDIAN_HOURS`


def _recurrent(expected: float, rng: np.random.Generator) -> dict[str, Answer]:
    nodes = draw_nodes(_SHAPE, _FAILURES_BY_AGE, expected, rng)
    recurrences = Recurrences(nodes.entry_hours, nodes.exit_hours, nodes.node, nodes.failure_hours)
    curve = mean_cumulative_function(recurrences, CONFIDENCE)
    row = int(np.searchsorted(curve.time_hours, MEDIAN_HOURS, side="right")) - 1
    answers = {}
    if row >= 0:
        answers["mcf"] = Answer(curve.low[row], curve.high[row], _FAILURES_BY_AGE, bool(curve.warnings))
    if recurrences.time_hours.size > 1:
        fit = fit_power_law(recurrences, CONFIDENCE)
        _, low, high = fit.cumulative([MEDIAN_HOURS])
        warned = bool(fit.warnings)
        answers["shape"] = Answer(fit.shape_low, fit.shape_high, _SHAPE, warned)
        answers["cumulative"] = Answer(float(low[0]), float(high[0]), _FAILURES_BY_AGE, warned)
    return answers


STUDIES: Final = (
    Study(
        "recurrent failures",
        f"Nodes as bad as old after a repair, watched from any age on; failures by age t grow as t^{_SHAPE:g}. Read at "
        f"the age by which {_FAILURES_BY_AGE:g} failures of a node are to be expected.",
        _recurrent,
        {
            "shape": Interval("shape, power law (Crow–AMSAA)", "approximate"),
            "cumulative": Interval("failures by that age, power law", "approximate"),
            "mcf": Interval("failures by that age, mean cumulative function", "approximate"),
        },
    ),
)
