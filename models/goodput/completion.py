"""When is a run done: the distribution of its wall-clock time, of its interruptions, and of its ETTR.

Mean and variance are exact. The distribution is found by inverting the transform of wall-clock time, which is known:
at a constant failure rate the run is a sum of independent stages, one per segment of work; for other laws of gaps the
chain over the segments left is solved for the transform. The run without a failure is an atom and stays apart. Queue
waits are taken to be as long as their mean: their scatter is not in it.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.errors import NotAShareError
from models.goodput.attempts import Attempts
from models.goodput.errors import EndlessRunError, NeverDoneError, RatesWithGapsError
from models.goodput.gaps import Exponential, GapLaw, run_gap_law
from models.goodput.inversion import counts_of, density_of
from models.goodput.renewed_chain import RenewedChain
from models.goodput.run_plan import SECONDS_PER_DAY, RunPlan
from models.goodput.transforms import ConstantRates, RunTransform
from models.guards import FloatArray, checked_columns


@dataclass(frozen=True, slots=True, eq=False)
class Completion:
    """The distribution of the wall-clock time that a run takes, and of its interruptions.

    Parameters
    ----------
    productive_seconds : float
        The work of the run.
    mean_wall_seconds, sd_wall_seconds : float
        Exact mean and standard deviation; with another law of gaps than a constant rate, the latter to five digits.
    undisturbed_seconds, undisturbed_probability : float
        How long the run takes without a failure, and the chance of that.
    mean_interruptions, sd_interruptions : float
        Mean and standard deviation of the number of failures.
    wall_seconds, probability_by : array of shape (n_grid,)
        Rising times, and the chance that the run was disturbed and is done by then.
    interruption_probabilities : array of shape (n_counts,)
        Chance of 0, 1, 2, … failures; counts that are left out have less than 1e-9 together.
    """

    productive_seconds: float
    mean_wall_seconds: float
    sd_wall_seconds: float
    undisturbed_seconds: float
    undisturbed_probability: float
    mean_interruptions: float
    sd_interruptions: float
    wall_seconds: FloatArray
    probability_by: FloatArray
    interruption_probabilities: FloatArray

    def cdf(self, wall_seconds: npt.ArrayLike) -> FloatArray:
        """Return the chance that the run is done within each wall-clock time: the probability of finishing by a date.

        Examples
        --------
        >>> week = completion(RunPlan(2000, 6.5e-3, 3600, 300, productive_seconds=7 * 86_400))
        >>> week.cdf(np.array([9, 10, 11]) * 86_400).round(3).tolist()
        [0.015, 0.789, 1.0]
        """
        times = np.asarray(wall_seconds, dtype=np.float64)
        at_once = np.where(times == self.undisturbed_seconds, self.undisturbed_probability, 0.0)
        return np.asarray(self.cdf_before(times) + at_once, dtype=np.float64)

    def cdf_before(self, wall_seconds: npt.ArrayLike) -> FloatArray:
        """Return the chance that the run is done earlier than each wall-clock time."""
        times = np.asarray(wall_seconds, dtype=np.float64)
        disturbed = np.interp(times, self.wall_seconds, self.probability_by)
        return np.asarray(
            np.where(times > self.undisturbed_seconds, disturbed + self.undisturbed_probability, 0.0), dtype=np.float64
        )

    def quantile(self, probability: float) -> float:
        """Return the wall-clock seconds within which the run is done with this probability.

        Raises
        ------
        NotAShareError
            The probability does not lie strictly between 0 and 1.
        """
        if not 0.0 < probability < 1.0:
            raise NotAShareError("probability", probability)
        if probability <= self.undisturbed_probability:
            return self.undisturbed_seconds
        return float(np.interp(probability - self.undisturbed_probability, self.probability_by, self.wall_seconds))

    def interruptions_quantile(self, probability: float) -> int:
        """Return the smallest number of failures that is not exceeded with this probability.

        Raises
        ------
        NotAShareError
            The probability does not lie strictly between 0 and 1.
        """
        if not 0.0 < probability < 1.0:
            raise NotAShareError("probability", probability)
        return int(np.searchsorted(np.cumsum(self.interruption_probabilities), probability))


def completion(
    plan: RunPlan, gaps: GapLaw | None = None, failures_per_node_day: npt.ArrayLike | None = None
) -> Completion:
    """Compute the distribution of the wall-clock time that a run takes.

    Parameters
    ----------
    plan : RunPlan
        The run, with finite ``productive_seconds``.
    gaps : GapLaw, optional
        Law of the gaps between its failures; exponential at the plan's failure rate if left out.
    failures_per_node_day : array-like of shape (n_draws,), optional
        Draws of an uncertain failure rate, used in place of the plan's: the result is the predictive distribution, in
        which all draws are equally likely and a run keeps the rate it has drawn. A hundred draws are enough for it.

    Returns
    -------
    Completion
        The distribution.

    Raises
    ------
    EndlessRunError
        The run has no end.
    NeverDoneError
        The mean wall-clock time is beyond what a float holds, or fails to be reached at all.
    RatesWithGapsError
        Both a law of gaps and rates.
    NegativeValueError, NotFiniteError, EmptySampleError
        A rate cannot be.

    Notes
    -----
    With θ = λ + s, ρ = e^(-θ c) and α = e^(-θ a), one segment has the transform ρ + κ α (1 - ρ) / (1 - κ (1 - α)),
    κ = (λ / θ) e^(-s (D + q)); the last segments, done in one go of T_h, have e^(-s q - θ T_h) /
    (1 - κ (1 - e^(-θ T_h))). It is inverted by a fast Fourier transform over 30 standard deviations, smoothed by a
    normal kernel of 1.5 grid steps so that corners of the density do not ring.

    Examples
    --------
    >>> month = completion(RunPlan(2000, 6.5e-3, 3600, 300, productive_seconds=30 * 86_400))
    >>> [round(month.quantile(p) / 86_400, 1) for p in (0.05, 0.5, 0.95)]
    [40.5, 41.6, 42.9]
    >>> round(month.mean_interruptions), [month.interruptions_quantile(p) for p in (0.05, 0.95)]
    (542, [490, 594])
    """
    if math.isinf(plan.productive_seconds):
        raise EndlessRunError
    attempts = Attempts.of(plan)
    transform = _transform(plan, attempts, gaps, failures_per_node_day)
    wall, interruptions = transform.wall_moments(), transform.interruption_moments()
    if not all(math.isfinite(moment) for moment in (*wall, *interruptions)):
        raise NeverDoneError(plan.productive_seconds, attempts.first_safe_seconds)
    undisturbed = attempts.queue_wait_seconds + attempts.finish_seconds(attempts.segments or 1)
    atom = transform.undisturbed_probability()
    times, chance = density_of(
        lambda s: transform.of_wall(s) - atom * np.exp(-s * undisturbed),
        undisturbed,
        *_of_the_disturbed(*wall, undisturbed, atom),
        1.0 - atom,
    )
    return Completion(
        productive_seconds=plan.productive_seconds,
        mean_wall_seconds=wall[0],
        sd_wall_seconds=wall[1],
        undisturbed_seconds=undisturbed,
        undisturbed_probability=atom,
        mean_interruptions=interruptions[0],
        sd_interruptions=interruptions[1],
        wall_seconds=times,
        probability_by=chance,
        interruption_probabilities=counts_of(transform.of_interruptions, *interruptions),
    )


def _of_the_disturbed(mean: float, sd: float, undisturbed: float, atom: float) -> tuple[float, float]:
    """Return mean and standard deviation of the runs that fail at least once."""
    if atom >= 1.0:
        return mean, 0.0
    late = (mean - undisturbed) / (1.0 - atom)
    square = (sd**2 + (mean - undisturbed) ** 2) / (1.0 - atom)
    return undisturbed + late, math.sqrt(max(0.0, square - late**2))


def _transform(
    plan: RunPlan, attempts: Attempts, gaps: GapLaw | None, failures_per_node_day: npt.ArrayLike | None
) -> RunTransform:
    if failures_per_node_day is not None:
        if gaps is not None:
            raise RatesWithGapsError
        (rates,) = checked_columns(failures_per_node_day=failures_per_node_day)
        return ConstantRates(attempts, rates * plan.nodes / SECONDS_PER_DAY)
    law = run_gap_law(plan) if gaps is None else gaps
    if isinstance(law, Exponential):
        return ConstantRates(attempts, np.array([1.0 / law.mean_seconds]))
    return RenewedChain.of(plan, law)
