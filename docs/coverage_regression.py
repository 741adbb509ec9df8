"""Hazard ratios: what the coverage study asks of Cox regression."""

from __future__ import annotations

from functools import partial
from typing import Final

import numpy as np
from coverage_fleets import WEIBULL, draw_two_groups
from coverage_kinds import CONFIDENCE, Answer, Interval, Study

from models.regression.cox import fit_cox

_RATIO: Final = 2.0
#: between the lives of the four units of a host
_CORRELATION: Final = 0.6


def _cox(correlation: float, expected: float, rng: np.random.Generator) -> dict[str, Answer]:
    drawn = draw_two_groups(WEIBULL, _RATIO, correlation, expected, rng)
    fleet = drawn.fleet
    lives = (fleet.entry_hours, fleet.exit_hours, fleet.failed, drawn.group[:, None], ("second kind",))
    answers = {}
    for key, clusters in (("plain", None), ("robust", drawn.host)):
        fit = fit_cox(*lives, clusters=clusters, confidence=CONFIDENCE)
        term = fit.terms[0]
        answers[key] = Answer(term.low, term.high, _RATIO, bool(fit.warnings))
    return answers


STUDIES: Final = (
    Study(
        "Cox regression",
        "Weibull lives; every other host has four units of a kind whose hazard is twice the other's.",
        partial(_cox, 0.0),
        {
            "plain": Interval("hazard ratio (Wald; profile likelihood where events are few)", "approximate"),
            "robust": Interval("hazard ratio, robust by host", "approximate"),
        },
    ),
    Study(
        "Cox regression, units of one host alike",
        f"The same, but the lives of the units of one host have the correlation {_CORRELATION:g} (Gaussian copula).",
        partial(_cox, _CORRELATION),
        {
            "robust": Interval("hazard ratio, robust by host", "approximate"),
            "plain": Interval("hazard ratio, plain", "shown"),
        },
    ),
)
