"""Spare hosts of a segment: how often enough hosts work, with each number of spares, and what no spare can mend."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import special

from models.errors import NotAShareError
from models.goodput.draws import draw_interval, rate_draws
from models.guards import FloatArray, checked_count, checked_non_negative, checked_positive
from models.rates import HOURS_PER_DAY

_DRAWS: Final = 4000
#: spares looked at beyond those that are enough
_BEYOND: Final = 2
_MOST: Final = 10_000
#: unavailability that is none
_NOTHING: Final = 1e-9


@dataclass(frozen=True, slots=True)
class SpareLevel:
    """A number of spares and the availability it gives.

    ``availability`` is the share of time in which all hosts wanted work, the segment's own outages included; ``low``
    and ``high`` are None where the failure rate came without counts. ``on_the_shelf`` is the same for spares that
    cannot fail before they are used.
    """

    spares: int
    availability: float
    low: float | None
    high: float | None
    on_the_shelf: float


@dataclass(frozen=True, slots=True)
class SegmentSpares:
    """Spares of a segment for a target availability.

    ``enough`` is the smallest number that reaches the target, ``surely_enough`` the smallest whose lower limit does;
    None where none does. ``ceiling`` is what the segment's shared outages leave, however many spares there are.
    """

    hosts: int
    target: float
    levels: tuple[SpareLevel, ...]
    enough: int | None
    surely_enough: int | None
    ceiling: float
    hosts_down: float
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HostRate:
    """Failures of a host: per day, and the counts behind it where there are any."""

    per_day: float
    failures: int | None = None
    exposure_days: float | None = None


def segment_spares(
    hosts: int,
    rate: HostRate,
    repair_hours: float,
    target: float,
    rng: np.random.Generator,
    *,
    shared_failures_per_day: float = 0.0,
    shared_repair_hours: float = 0.0,
    confidence: float = 0.9,
) -> SegmentSpares:
    """Say how many spare hosts a segment needs.

    Parameters
    ----------
    hosts : int
        Hosts wanted at work at any time.
    rate : HostRate
        Failures of one host per day in service.
    repair_hours : float
        Mean time until a failed host is back.
    target : float
        Availability wanted, between 0 and 1: share of time with all hosts wanted at work.
    rng : numpy.random.Generator
        For the interval.
    shared_failures_per_day, shared_repair_hours : float
        What takes the whole segment down at once, spares included: a single ToR, its power.
    confidence : float
        Of the interval that the failure counts leave.

    Returns
    -------
    SegmentSpares
        Levels from no spare up to two more than are enough.

    Raises
    ------
    NotAShareError
        A target that is none.
    ModelError
        A number cannot be.

    Notes
    -----
    Spares are switched on and fail as the others do: of hosts + s, those down are binomial with chance
    rT / (1 + rT), whatever the law of repairs, and the segment is short while more than s are (k of n). Spares on the
    shelf fail only once they are used: the machine repairman's chain with as many repairmen as machines (Feller 1968,
    chapter XVII; Palm 1947 for its insensitivity to the law of repairs). Shared outages are independent of both.

    Examples
    --------
    HPN puts 8 spare hosts beside 128. At 6.5 failures per 1000 node-days and a day of repair five reach 0.999:

    >>> found = segment_spares(128, HostRate(6.5e-3), 24.0, 0.999, np.random.default_rng(1))
    >>> found.enough, [round(level.availability, 4) for level in found.levels[:6]]
    (5, [0.4364, 0.7971, 0.9473, 0.9893, 0.9982, 0.9998])
    """
    wanted = checked_count("hosts", hosts)
    checked_positive("hosts", wanted)
    if not 0.0 < target < 1.0:
        raise NotAShareError("target availability", target)
    load = checked_non_negative("failures per day", rate.per_day) * checked_non_negative("repair_hours", repair_hours)
    load /= HOURS_PER_DAY
    shared = checked_non_negative("shared_failures_per_day", shared_failures_per_day)
    shared_load = shared * checked_non_negative("shared_repair_hours", shared_repair_hours) / HOURS_PER_DAY
    ceiling = 1.0 / (1.0 + shared_load)
    draws = None
    if rate.failures is not None and rate.exposure_days:
        draws = rate_draws(rate.failures, rate.exposure_days, _DRAWS, rng)

    def available(spares: int, per_day: FloatArray) -> FloatArray:
        return ceiling * binomial_availability(wanted, spares, per_day * repair_hours / HOURS_PER_DAY)

    levels: list[SpareLevel] = []
    enough = surely = None
    for spares in range(_MOST):
        low = high = None
        if draws is not None:
            found = draw_interval(partial(available, spares), draws, confidence)
            low, high = found.low, found.high
        reached = float(available(spares, np.array([rate.per_day]))[0])
        levels.append(SpareLevel(spares, reached, low, high, ceiling * shelf_availability(wanted, spares, load)))
        enough = spares if enough is None and reached >= target else enough
        surely = spares if surely is None and low is not None and low >= target else surely
        last = surely if draws is not None else enough
        if (last is not None and spares >= last + _BEYOND) or _stalled(levels, ceiling):
            break
    return SegmentSpares(
        hosts=wanted,
        target=target,
        levels=tuple(levels),
        enough=enough,
        surely_enough=surely,
        ceiling=ceiling,
        hosts_down=wanted * load / (1.0 + load),
        warnings=tuple(_warnings(target, ceiling, shared)),
    )


def binomial_availability(hosts: int, spares: int, load: npt.ArrayLike) -> FloatArray:
    """Return the chance that at least ``hosts`` of hosts + spares work, at each load.

    Parameters
    ----------
    hosts, spares : int
        Wanted, and beyond.
    load : array-like of shape (n,)
        Failure rate times repair time of one host.

    Returns
    -------
    array of shape (n,)
        Binomial probabilities.

    Examples
    --------
    >>> binomial_availability(2, 1, [1.0]).round(3).tolist()
    [0.5]
    """
    down = np.asarray(load, dtype=np.float64)
    down = down / (1.0 + down)
    return np.asarray(special.bdtr(spares, hosts + spares, down))


def shelf_availability(hosts: int, spares: int, load: float) -> float:
    """Return the share of time with all hosts at work when spares cannot fail on the shelf.

    Parameters
    ----------
    hosts, spares : int
        Wanted, and beyond.
    load : float
        Failure rate times repair time of one host.

    Returns
    -------
    float
        At least the binomial value.

    Notes
    -----
    Birth and death with j under repair: births h·r while j <= s, then (h + s - j)·r; deaths j / T.

    Examples
    --------
    >>> round(shelf_availability(2, 1, 1.0), 3)
    0.529
    """
    if load <= 0.0:
        return 1.0
    out = np.arange(hosts + spares)
    births = np.minimum(hosts, hosts + spares - out) * load
    with np.errstate(divide="ignore"):  # so rare that the state is never reached
        weight = np.append(0.0, np.cumsum(np.log(births / (out + 1.0))))
    return float(np.exp(special.logsumexp(weight[: spares + 1]) - special.logsumexp(weight)))


def _stalled(levels: list[SpareLevel], ceiling: float) -> bool:
    """Say whether more spares change nothing any more."""
    last = levels[-1]
    return min(last.availability, last.availability if last.low is None else last.low) > ceiling - _NOTHING


def _warnings(target: float, ceiling: float, shared: float) -> list[str]:
    # What takes less than a hundredth of the time that the target leaves is not worth a sentence.
    if 1.0 - ceiling < 0.01 * (1.0 - target):
        return []
    told = (
        f"what takes the whole segment down, {shared * 365.25:.3g} times a year, takes its spares with it: no number "
        f"of them in the segment gives more than {ceiling:.6f}"
    )
    return [f"{told}; the target of {target:g} is above that" if target > ceiling else told]
