"""Is there a lemon at all? The worst count of any node against what chance makes of a fleet without one."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from models.guards import FloatArray
from models.lemons.errors import ShapeMismatchError
from models.lemons.fleet import FleetRate


@dataclass(frozen=True, slots=True)
class FleetScan:
    """The most unlikely node: its position, and the probability that chance shows one like it somewhere."""

    node: int
    p_value: float


def scan_fleet(
    failures: npt.ArrayLike, exposure_days: npt.ArrayLike, fleet: FleetRate, window_days: int = 28
) -> FleetScan:
    """Test whether any node fails more than a fleet of ordinary nodes would let it.

    Parameters
    ----------
    failures, exposure_days : array_like, shape (nodes, days)
        As for `node_posterior`.
    fleet : FleetRate
        What is usual.
    window_days : int
        Length of the shorter windows in which a node that turned bad lately shows.

    Returns
    -------
    FleetScan
        Half of the level goes to counts over all days, half to the windows of `window_days` that overlap by half, and
        each half is divided among its nodes and windows (Bonferroni), so the p-value holds whatever depends on what.

    Raises
    ------
    ShapeMismatchError
        The tables differ in shape.

    Notes
    -----
    Upper tail of the negative binomial of an ordinary node's count: I_q(n, shape), q = mean / (mean + shape), where
    1 / shape is that of the nodes' rates and of what is known of the fleet's rate together.

    Examples
    --------
    >>> fleet = FleetRate(0.01, 20.0, 0.02, 4.0, 0, 0.0)
    >>> failures = np.zeros((50, 60))
    >>> failures[7, ::8] = 1
    >>> scan = scan_fleet(failures, np.ones((50, 60)), fleet)
    >>> scan.node, scan.p_value < 0.001
    (7, True)
    """
    counts = np.asarray(failures, dtype=np.float64)
    days = np.asarray(exposure_days, dtype=np.float64)
    if counts.shape != days.shape:
        raise ShapeMismatchError("exposure_days", days.shape, counts.shape)
    whole = _tails(counts.sum(axis=1), days.sum(axis=1), fleet)
    worst, p_value = int(np.argmin(whole)), 2.0 * whole.size * float(whole.min())
    total = counts.shape[1]
    starts = range(0, max(1, total - window_days // 2), max(1, window_days // 2)) if total > window_days else range(0)
    for start in starts:
        cut = slice(start, start + window_days)
        tails = _tails(counts[:, cut].sum(axis=1), days[:, cut].sum(axis=1), fleet)
        value = 2.0 * tails.size * len(starts) * float(tails.min())
        if value < p_value:
            worst, p_value = int(np.argmin(tails)), value
    return FleetScan(worst, min(1.0, p_value))


def _tails(counts: FloatArray, days: FloatArray, fleet: FleetRate) -> FloatArray:
    means = fleet.rate_per_day * days
    # The fleet's rate is known from so many failures only: Gamma, too, and its spread adds to that of the nodes.
    behind = max(0.5, fleet.rate_per_day * fleet.exposure_days) if fleet.exposure_days else np.inf
    shape = 1.0 / (1.0 / fleet.shape + 1.0 / behind)
    tails: FloatArray = np.where(
        (counts > 0) & (means > 0),
        special.betainc(np.maximum(counts, 1.0), shape, means / (means + shape)),
        1.0,
    )
    return tails
