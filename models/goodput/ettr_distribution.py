"""ETTR of a single run as a random quantity: its distribution, and where a measured run stands in it.

Two runs of one plan differ by luck. A run that was done is compared with runs of the same work R: its wall-clock time
is what chance made of it (`ettr_distribution`). A run that was cut at some wall-clock time, by the end of the log or by
its user, is compared with runs cut at the same time: its productive time is what chance made of it (`cut_run_ettr`).
Runs picked because they took long, say a day, are to be compared with runs that did: pass that time as ``at_least``.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.errors import NotAShareError
from models.goodput.attempts import Attempts
from models.goodput.completion import Completion, completion
from models.goodput.errors import NeverThatLongError, PickedTooShortError
from models.goodput.gaps import GapLaw, run_gap_law
from models.goodput.run_plan import RunPlan
from models.guards import FloatArray, checked_confidence, checked_count, checked_non_negative, checked_positive


@dataclass(frozen=True, slots=True, eq=False)
class EttrDistribution:
    """ETTR of a finite run, R / wall-clock time; at its top stands the run without a failure, an atom.

    ``at_least_seconds`` restricts it to runs that take no less: ETTR is then at most R / ``at_least_seconds``.
    """

    completion: Completion
    at_least_seconds: float

    def __post_init__(self) -> None:
        if not self._long_enough > 0.0:
            raise NeverThatLongError(self.at_least_seconds)

    @property
    def undisturbed_ettr(self) -> float:
        """ETTR of a run without a failure."""
        return self.completion.productive_seconds / self.completion.undisturbed_seconds

    @property
    def undisturbed_probability(self) -> float:
        """Chance of that ETTR."""
        if self.completion.undisturbed_seconds < self.at_least_seconds:
            return 0.0
        return self.completion.undisturbed_probability / self._long_enough

    @property
    def mean(self) -> float:
        """Mean ETTR over runs; a little above R over the mean wall-clock time."""
        grid, chance = self.completion.wall_seconds, self.completion.probability_by
        middles, mass = (grid[1:] + grid[:-1]) / 2.0, np.diff(chance)
        kept = middles >= self.at_least_seconds
        disturbed = float(self.completion.productive_seconds / middles[kept] @ mass[kept]) / self._long_enough
        return disturbed + self.undisturbed_ettr * self.undisturbed_probability

    def quantile(self, probability: float) -> float:
        """Return the ETTR that is not exceeded with this probability.

        Raises
        ------
        NotAShareError
            The probability does not lie strictly between 0 and 1.
        """
        if not 0.0 < probability < 1.0:
            raise NotAShareError("probability", probability)
        slower = 1.0 - probability * self._long_enough
        return self.completion.productive_seconds / max(self.completion.quantile(slower), self.at_least_seconds)

    def interval(self, confidence: float = 0.9) -> tuple[float, float]:
        """Return the central interval in which the ETTR of a run lies with this probability, or more at the atom."""
        tail = (1.0 - checked_confidence(confidence)) / 2.0
        return self.quantile(tail), self.quantile(1.0 - tail)

    def randomised_pit(self, wall_seconds: float, rng: np.random.Generator) -> float:
        """Return where a measured run stands: uniform on 0 to 1 over runs, if the prediction is right.

        Parameters
        ----------
        wall_seconds : float
            Wall-clock seconds that the run took for the plan's productive seconds.
        rng : numpy.random.Generator
            Spreads runs without a failure evenly over the probability of the atom.

        Returns
        -------
        float
            P(ETTR below the measured one) + u P(ETTR equal to it); near 0 for a run slower than predicted.

        Raises
        ------
        PickedTooShortError
            The run is shorter than those it is compared with.

        Notes
        -----
        Smith (1985); Czado, Gneiting and Held (2009) on the randomised probability integral transform.
        """
        wall = checked_positive("wall_seconds", wall_seconds)
        if wall < self.at_least_seconds:
            raise PickedTooShortError(wall, self.at_least_seconds)
        # Measured times are rounded: a run within a millionth of the undisturbed one is undisturbed.
        undisturbed = self.completion.undisturbed_seconds
        if wall <= undisturbed * (1.0 + 1e-6):
            return 1.0 - self.undisturbed_probability * float(rng.random())
        slower = (1.0 - float(self.completion.cdf_before(wall))) / self._long_enough
        return min(1.0, max(0.0, slower))

    @property
    def _long_enough(self) -> float:
        return 1.0 - float(self.completion.cdf_before(self.at_least_seconds))


def ettr_distribution(
    plan: RunPlan,
    gaps: GapLaw | None = None,
    failures_per_node_day: npt.ArrayLike | None = None,
    *,
    at_least_seconds: float = 0.0,
) -> EttrDistribution:
    """Compute how the ETTR of a run of finite length scatters.

    Parameters
    ----------
    plan : RunPlan
        The run, with finite ``productive_seconds``.
    gaps, failures_per_node_day
        As in `completion`; with draws of the rate it is the predictive distribution.
    at_least_seconds : float
        Only runs whose wall-clock time is no shorter, as measured runs were picked.

    Returns
    -------
    EttrDistribution
        Quantiles, mean, interval and the randomised probability integral transform.

    Raises
    ------
    NeverThatLongError
        No run of the plan takes so long.
    ModelError
        As `completion`.

    Examples
    --------
    >>> day = ettr_distribution(RunPlan(64, 6.5e-3, 3600, 300, productive_seconds=86_400))
    >>> f"{day.mean:.3f}, 90% in {day.interval()[0]:.3f} .. {day.interval()[1]:.3f}"
    '0.987, 90% in 0.954 .. 0.997'
    >>> round(day.undisturbed_ettr, 4), round(day.undisturbed_probability, 3)
    (0.9965, 0.659)
    """
    shortest = checked_non_negative("at_least_seconds", at_least_seconds)
    return EttrDistribution(completion(plan, gaps, failures_per_node_day), shortest)


def cut_run_ettr(
    plan: RunPlan, wall_seconds: float, size: int, rng: np.random.Generator, gaps: GapLaw | None = None
) -> FloatArray:
    """Draw the ETTR of runs that are cut at a wall-clock time, whatever they have got done by then.

    Parameters
    ----------
    plan : RunPlan
        The run; its ``productive_seconds`` is not used.
    wall_seconds : float
        When the run is cut, first queue wait included. What an attempt did until then counts, saved or not.
    size : int
        Number of runs to draw.
    rng : numpy.random.Generator
        Source of randomness.
    gaps : GapLaw, optional
        Law of the gaps between failures; exponential at the plan's failure rate if left out.

    Returns
    -------
    array of shape (size,)
        ETTR of each. The rank of a measured run among them, ties broken at random, is its randomised PIT.

    Raises
    ------
    NotPositiveError, NotFiniteError, NotACountError
        The time or the size cannot be.

    Notes
    -----
    Attempts are drawn one after the other for all runs at once, until each has been cut.

    Examples
    --------
    >>> drawn = cut_run_ettr(RunPlan(2000, 6.5e-3, 3600, 300), 7 * 86_400, 1000, np.random.default_rng(1))
    >>> abs(float(drawn.mean()) - 0.72) < 0.01
    True
    """
    end = checked_positive("wall_seconds", wall_seconds)
    count = checked_count("size", size)
    attempts, law = Attempts.of(plan), run_gap_law(plan) if gaps is None else gaps
    interval, cycle = attempts.interval_seconds, attempts.cycle_seconds
    saved, clock = np.zeros(count), np.full(count, attempts.queue_wait_seconds)
    productive = np.zeros(count)
    running = np.flatnonzero(clock < end)
    while running.size:
        gap = law.sample(rng, running.size)
        left = end - clock[running]
        cut = gap >= left
        trained = np.maximum(left[cut] - attempts.restart_seconds, 0.0)
        cycles = np.floor(trained / cycle)
        productive[running[cut]] = (
            saved[running[cut]] + cycles * interval + np.minimum(trained - cycles * cycle, interval)
        )
        failed, gap = running[~cut], gap[~cut]
        safe = np.floor((gap - attempts.restart_seconds - attempts.write_lag_seconds) / cycle)
        saved[failed] += np.maximum(safe, 0.0) * interval
        clock[failed] += gap + attempts.idle_seconds_per_failure
        over = clock[failed] >= end
        productive[failed[over]] = saved[failed[over]]
        running = failed[~over]
    return productive / end
