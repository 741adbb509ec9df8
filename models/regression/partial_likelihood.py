"""Cox's partial likelihood: value, score, information and score residuals, and the search for its maximum.

Second moments of the risk sets are never formed. With the cumulative baseline hazard H, their sum over all events is
one matrix product, sum of r x x' (H(exit) - H(entry)) over rows, less the outer products of the risk sets' means.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from models.guards import FloatArray
from models.regression.counting_process import CountingProcess
from models.regression.errors import NotConvergedError

Ties = Literal["efron", "breslow"]

# Half the squared Newton step in units of its own standard error: the gap to the maximum of the log-likelihood. The
# step is still taken, and squares the error once more.
CONVERGED = 1e-11
MOST_ROUNDS = 60


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """The partial likelihood at one coefficient, on the standardised scale.

    A step is one event; those of a group follow one another. At step s of a group, ties remove the share `thinned[s]`
    of the tied events from the risk set (Efron) or none of it (Breslow). `jump` is each step's increment of the
    baseline hazard, `means` the risk set's mean covariates of shape (n_covariates, n_steps).
    """

    risk: FloatArray
    jump: FloatArray
    thinned: FloatArray
    means: FloatArray
    step_weight: FloatArray
    log_likelihood: float
    score: FloatArray
    information: FloatArray


def evaluate(
    lives: CountingProcess, coefficients: FloatArray, ties: Ties = "efron", offset: FloatArray | None = None
) -> Moments:
    """Return the partial likelihood and its derivatives.

    Notes
    -----
    Efron, JASA 72 (1977), for ties; Therneau and Grambsch, Modeling Survival Data (2000), sections 3.1 and 3.3.
    """
    predictor = coefficients @ lives.scaled
    if offset is not None:
        predictor = predictor + offset
    events = lives.event_rows
    event_weight = lives.weight[events]
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        risk = np.exp(predictor)
        risk *= lives.weight
        at_risk = lives.at_risk_sum(risk)
        sums = np.stack([lives.at_risk_sum(risk * column) for column in lives.scaled])
        untied = lives.tied.size == events.size
        thinned = np.zeros(events.size)
        step_weight = event_weight
        if not untied:
            group, first, count = lives.event_group, lives.group_first, lives.tied
            step_weight = (np.add.reduceat(event_weight, first) / count)[group]
            tied_risk = risk[events]
            at_risk, sums = at_risk[group], sums[:, group]
            if ties == "efron":
                thinned = (np.arange(events.size) - first[group]) / count[group]
                at_risk = at_risk - thinned * np.add.reduceat(tied_risk, first)[group]
                sums = sums - thinned * np.add.reduceat(tied_risk * lives.scaled[:, events], first, axis=1)[:, group]
        jump = step_weight / at_risk
        means = sums / at_risk
        log_likelihood = float(event_weight @ predictor[events] - step_weight @ np.log(at_risk))
        expected = expected_events(lives, risk, jump, thinned)
        score = lives.scaled[:, events] @ event_weight - lives.scaled @ expected
        information = (lives.scaled * expected) @ lives.scaled.T - (means * step_weight) @ means.T
    return Moments(risk, jump, thinned, means, step_weight, log_likelihood, score, information)


def expected_events(lives: CountingProcess, risk: FloatArray, jump: FloatArray, thinned: FloatArray) -> FloatArray:
    """Return each row's risk times the baseline hazard it met, weights included."""
    untied = lives.tied.size == lives.event_rows.size
    by_group = jump if untied else np.add.reduceat(jump, lives.group_first)
    expected = lives.while_at_risk(by_group)
    expected *= risk
    if not untied and thinned.any():
        spared = np.add.reduceat(jump * thinned, lives.group_first)[lives.event_group]
        expected[lives.event_rows] -= risk[lives.event_rows] * spared
    return expected


def score_residuals(lives: CountingProcess, at: Moments) -> FloatArray:
    """Return each row's part of the score, weights included, of shape (n_covariates, n_rows).

    Notes
    -----
    Therneau and Grambsch (2000), section 4.6, with Efron's share of tied events.
    """
    first, group, events = lives.group_first, lives.event_group, lives.event_rows
    pull = at.jump * at.means
    expected = expected_events(lives, at.risk, at.jump, at.thinned)
    by_group = np.add.reduceat(pull, first, axis=1)
    drift = lives.while_at_risk(by_group) * at.risk
    spared = np.add.reduceat(pull * at.thinned, first, axis=1)[:, group]
    drift[:, events] -= at.risk[events] * spared
    residuals = drift - lives.scaled * expected
    seen = (np.add.reduceat(at.means, first, axis=1) / lives.tied)[:, group]
    residuals[:, events] += lives.weight[events] * (lives.scaled[:, events] - seen)
    return np.asarray(residuals)


def maximise(
    lives: CountingProcess,
    ties: Ties,
    start: FloatArray,
    free: npt.NDArray[np.bool_] | None = None,
    offset: FloatArray | None = None,
) -> tuple[FloatArray, Moments]:
    """Return the coefficients of the largest likelihood, those not free held at the start, and the moments there.

    Raises
    ------
    NotConvergedError
        No end after many rounds of Newton's method with halved steps.
    """
    chosen = np.arange(start.size) if free is None else np.flatnonzero(free)
    coefficients = start.copy()
    here = evaluate(lives, coefficients, ties, offset)
    for _ in range(MOST_ROUNDS):
        block = here.information[np.ix_(chosen, chosen)]
        # A monotone likelihood flattens for ever; the tiny ridge keeps its steps finite.
        step = np.linalg.lstsq(block, here.score[chosen], rcond=1e-13)[0]
        gain = float(step @ here.score[chosen]) / 2
        if gain <= CONVERGED:
            # Where the likelihood has flattened out, score over information is rounding over rounding: no step.
            if np.abs(step).max() < 1.0:
                coefficients[chosen] += step
            return coefficients, here
        # Not too far at once, but ever farther where the likelihood flattens on the way to infinity.
        farthest = 5.0 + np.abs(coefficients[chosen])
        step = np.clip(step, -farthest, farthest)
        for _ in range(40):
            trial = coefficients.copy()
            trial[chosen] += step
            there = evaluate(lives, trial, ties, offset)
            if there.log_likelihood >= here.log_likelihood - 1e-12 * abs(here.log_likelihood):
                break
            step = step / 2
        else:
            return coefficients, here  # no step rises: rounding is all that is left
        coefficients, here = trial, there
    raise NotConvergedError(MOST_ROUNDS)
