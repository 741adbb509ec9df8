"""How often to checkpoint: the classical optima and the exact one of the v2 ETTR formula."""

import math

from models.errors import RestartOutpacedError
from models.guards import checked_non_negative, checked_positive


def young_interval_seconds(checkpoint_write_seconds: float, mttf_seconds: float) -> float:
    """Young's optimal time between checkpoints, sqrt(2 C M).

    Parameters
    ----------
    checkpoint_write_seconds : float
        C, the time one blocking checkpoint takes.
    mttf_seconds : float
        M, the mean time to failure of the whole job.

    Returns
    -------
    float
        Seconds of work between two checkpoints; a good answer while C is far below M.

    Raises
    ------
    NotPositiveError, NotFiniteError
        Write time and MTTF must be above zero; free checkpoints have no optimum.

    Notes
    -----
    Young (1974), "A first order approximation to the optimum checkpoint interval".

    Examples
    --------
    >>> round(young_interval_seconds(60, 3600), 1)
    657.3
    """
    write = checked_positive("checkpoint_write_seconds", checkpoint_write_seconds)
    return math.sqrt(2.0 * write * checked_positive("mttf_seconds", mttf_seconds))


def daly_interval_seconds(checkpoint_write_seconds: float, mttf_seconds: float) -> float:
    """Daly's higher-order optimal time between checkpoints.

    Parameters
    ----------
    checkpoint_write_seconds : float
        C, the time one blocking checkpoint takes.
    mttf_seconds : float
        M, the mean time to failure of the whole job.

    Returns
    -------
    float
        Seconds of work between two checkpoints; M itself once C reaches 2 M.

    Raises
    ------
    NotPositiveError, NotFiniteError
        Write time and MTTF must be above zero.

    Notes
    -----
    Daly (2006, Future Generation Computer Systems 22:303), equation 37.

    Examples
    --------
    >>> round(daly_interval_seconds(60, 3600), 1)
    617.9
    """
    young = young_interval_seconds(checkpoint_write_seconds, mttf_seconds)
    if checkpoint_write_seconds >= 2.0 * mttf_seconds:
        return float(mttf_seconds)
    half_ratio = checkpoint_write_seconds / (2.0 * mttf_seconds)
    return young * (1.0 + math.sqrt(half_ratio) / 3.0 + half_ratio / 9.0) - checkpoint_write_seconds


def ettr_v2_optimal_interval_seconds(
    checkpoint_write_seconds: float, failures_per_second: float, restart_overhead_seconds: float
) -> float:
    """Find the checkpoint interval that maximises `expected_ettr_v2` exactly.

    Parameters
    ----------
    checkpoint_write_seconds : float
        w, the time one blocking checkpoint takes.
    failures_per_second : float
        lambda, the failure rate of the whole job: nodes times the rate of a node.
    restart_overhead_seconds : float
        u0, the initialisation time after each failure.

    Returns
    -------
    float
        -w + sqrt(w^2 + 2 w (1 - lambda u0) / lambda); infinite for a job that never fails.

    Raises
    ------
    RestartOutpacedError
        lambda u0 >= 1: no interval makes progress.
    NotPositiveError, NegativeValueError, NotFiniteError
        A parameter cannot be.

    Notes
    -----
    The zero of the derivative of (1 - lambda (u0 + dt/2)) / (1 + w/dt) with respect to dt. Kokolis et al. (HPCA
    2025) use its first-order form, Young's sqrt(2 w / lambda), which is 38.4 minutes in the example.

    Examples
    --------
    >>> failures_per_second = 1500 * 6.50e-3 / 86400
    >>> round(ettr_v2_optimal_interval_seconds(300, failures_per_second, 300) / 60, 1)
    33.1
    """
    write = checked_positive("checkpoint_write_seconds", checkpoint_write_seconds)
    rate = checked_non_negative("failures_per_second", failures_per_second)
    failures_per_restart = rate * checked_non_negative("restart_overhead_seconds", restart_overhead_seconds)
    if failures_per_restart >= 1.0:
        raise RestartOutpacedError(failures_per_restart)
    if rate == 0:
        return math.inf
    gain = 2.0 * write * (1.0 - failures_per_restart) / rate
    # Equal to -w + sqrt(w^2 + gain), without the cancellation when failures are frequent.
    return gain / (write + math.sqrt(write * write + gain))
