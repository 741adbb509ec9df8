"""Do hazards stay proportional? Score tests of coefficients that change with time, and scaled Schoenfeld residuals."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import stats

from models.guards import FloatArray
from models.regression.counting_process import CountingProcess
from models.regression.cox import ChiSquareTest, CoxFit
from models.regression.errors import BoundedTermError
from models.regression.partial_likelihood import Moments, expected_events

Clock = Literal["km", "identity", "rank", "log"]


@dataclass(frozen=True, slots=True, eq=False)
class ProportionalHazardsCheck:
    """Tests per term and together, and residuals of shape (n_events, n_terms) in rising time within strata.

    A residual's running mean over `clock_value` estimates how the coefficient changes; a small p-value says it does.
    """

    names: tuple[str, ...]
    tests: tuple[ChiSquareTest, ...]
    together: ChiSquareTest
    time_hours: FloatArray
    clock_value: FloatArray
    scaled_residuals: FloatArray
    clock: Clock


def check_proportional_hazards(fit: CoxFit, clock: Clock = "km") -> ProportionalHazardsCheck:
    """Test each coefficient for a trend in time.

    Parameters
    ----------
    fit : CoxFit
        The model.
    clock : {"km", "identity", "rank", "log"}
        How time counts: as one less the Kaplan–Meier estimate (which gives few late events no weight of their own), as
        it is, by rank among all rows, or by logarithm.

    Returns
    -------
    ProportionalHazardsCheck

    Raises
    ------
    BoundedTermError
        A term has no finite coefficient to test.

    Notes
    -----
    Grambsch and Therneau, Biometrika 81 (1994), as the exact score test of R's `cox.zph` since survival 3.0.

    Examples
    --------
    >>> from models.regression.cox import fit_cox
    >>> fit = fit_cox([0] * 6, [1, 2, 3, 4, 5, 6], [True] * 6, [[1], [1], [0], [0], [1], [0]], ["x"])
    >>> check_proportional_hazards(fit, "identity").together.degrees_of_freedom
    1
    """
    lives, at = fit.lives, fit.moments
    for term in fit.terms:
        if term.interval == "bound":
            raise BoundedTermError(term.name)
    values = _clock_values(lives, clock)
    moment = values - values.mean()
    count = len(lives.names)
    group_means = np.add.reduceat(at.means, lives.group_first, axis=1) / lives.tied
    events = lives.event_rows
    schoenfeld = lives.weight[events] * (lives.scaled[:, events] - group_means[:, lives.event_group])
    slope = schoenfeld @ moment
    blocks = [_information(lives, at, moment**power) for power in range(3)]
    whole = np.block([[blocks[0], blocks[1]], [blocks[1], blocks[2]]])

    def test(places: list[int]) -> ChiSquareTest:
        kept = [*range(count), *(count + place for place in places)]
        score = np.append(np.zeros(count), slope[places])
        statistic = float(score @ np.linalg.solve(whole[np.ix_(kept, kept)], score))
        return ChiSquareTest(statistic, len(places), float(stats.chi2.sf(statistic, len(places))))

    order = np.lexsort((lives.exit[events], lives.stratum[events]))
    residuals = np.linalg.solve(blocks[0] / events.size, schoenfeld).T / lives.spread + fit.coefficients
    return ProportionalHazardsCheck(
        lives.names,
        tuple(test([place]) for place in range(count)),
        test(list(range(count))),
        lives.exit[events][order],
        values[order],
        residuals[order],
        clock,
    )


def _information(lives: CountingProcess, at: Moments, factor: FloatArray) -> FloatArray:
    """Return the information with each event counted by a factor."""
    expected = expected_events(lives, at.risk, at.jump * factor, at.thinned)
    return np.asarray((lives.scaled * expected) @ lives.scaled.T - (at.means * at.step_weight * factor) @ at.means.T)


def _clock_values(lives: CountingProcess, clock: Clock) -> FloatArray:
    """Return the clock's reading at each event."""
    times = lives.exit[lives.event_rows]
    match clock:
        case "identity":
            return np.asarray(times)
        case "log":
            return np.asarray(np.log(times))  # every exit lies above its entry, hence above zero
        case "rank":
            return np.asarray(stats.rankdata(lives.exit)[lives.event_rows])
        case "km":
            return _failed_before(lives, times)


def _failed_before(lives: CountingProcess, times: FloatArray) -> FloatArray:
    """Return one less the Kaplan–Meier estimate just before each time, over all strata; weights do not count twice."""
    distinct, place = np.unique(times, return_inverse=True)
    failures = np.bincount(place, lives.weight[lives.event_rows])
    reached = _weight_from(distinct, lives.exit, lives.weight, "left")
    not_entered = _weight_from(distinct, lives.entry, lives.weight, "left")
    survival = np.cumprod(1 - failures / (reached - not_entered))
    return np.asarray(1 - np.append(1.0, survival[:-1])[place])


def _weight_from(times: FloatArray, moments: FloatArray, weight: FloatArray, side: Literal["left"]) -> FloatArray:
    order = np.argsort(moments)
    total = np.append(0.0, np.cumsum(weight[order]))
    return np.asarray(total[-1] - total[np.searchsorted(moments[order], times, side=side)])
