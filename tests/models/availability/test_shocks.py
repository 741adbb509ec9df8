"""Shocks estimated from counts: the planted ones come back, and the intervals hold them."""

from __future__ import annotations

import numpy as np
import pytest

from models.availability.errors import NotAProbabilityError, TooFewSharedEventsError
from models.availability.shocks import ShockLevel, estimate_shocks, shock_rate_bound
from models.errors import FailuresWithoutExposureError, LengthMismatchError

_HOURS = 8766.0


def watched(
    rng: np.random.Generator, rate_per_hour: float, share: float, sizes: np.ndarray, hours: float
) -> tuple[np.ndarray, np.ndarray]:
    """Draw the shocks of some domains and what each took."""
    shocks = rng.poisson(rate_per_hour * hours, sizes.size)
    members = np.repeat(sizes, shocks)
    return rng.binomial(members, share), members


def coverage(rate: float, share: float, size: int, domains: int, runs: int) -> tuple[float, float]:
    rng = np.random.default_rng(17)
    sizes = np.full(domains, size)
    rates = shares = counted = 0
    for _ in range(runs):
        taken, members = watched(rng, rate, share, sizes, _HOURS)
        try:
            found = estimate_shocks("rack", taken, members, domains * _HOURS, sizes)
        except TooFewSharedEventsError:
            continue
        counted += 1
        rates += found.low_per_hour <= rate <= found.high_per_hour
        shares += found.share_low <= share <= found.share_high
    return rates / counted, shares / counted


def test_planted_shocks_come_back() -> None:
    rng = np.random.default_rng(3)
    sizes = np.full(400, 8)
    taken, members = watched(rng, 1 / _HOURS, 0.4, sizes, _HOURS)
    found = estimate_shocks("rack", taken, members, 400 * _HOURS, sizes)
    assert found.share_taken == pytest.approx(0.4, abs=0.05)
    assert found.shocks_per_hour * _HOURS == pytest.approx(1.0, rel=0.15)
    assert found.low_per_hour < found.shocks_per_hour < found.high_per_hour


def test_shocks_that_took_fewer_than_two_are_reckoned_with() -> None:
    """Of shocks that take a fifth of four members most show as one failure or none."""
    rng = np.random.default_rng(4)
    sizes = np.full(4000, 4)
    taken, members = watched(rng, 1 / _HOURS, 0.2, sizes, _HOURS)
    found = estimate_shocks("rack", taken, members, 4000 * _HOURS, sizes)
    seen = (taken >= 2).sum() / 4000
    assert seen < 0.25
    assert found.low_per_hour * _HOURS <= 1.0 <= found.high_per_hour * _HOURS
    assert found.share_taken == pytest.approx(0.2, abs=0.05)


def test_what_was_not_shared_changes_nothing() -> None:
    alone = estimate_shocks("rack", [4, 1, 3, 0], [4, 4, 4, 4], 1e5, [4] * 10)
    shared = estimate_shocks("rack", [4, 3], [4, 4], 1e5, [4] * 10)
    assert alone == shared


def test_the_unit_of_time_only_scales_the_rate() -> None:
    day = estimate_shocks("rack", [4, 3, 2], [4, 4, 4], 24e4, [4] * 10)
    hour = estimate_shocks("rack", [4, 3, 2], [4, 4, 4], 1e4, [4] * 10)
    assert day.shocks_per_hour * 24 == pytest.approx(hour.shocks_per_hour, rel=1e-9)
    assert day.share_taken == hour.share_taken


def test_events_that_took_everything_are_lethal_and_still_have_a_lower_limit() -> None:
    found = estimate_shocks("tor", [16, 16, 16], [16, 16, 16], 1e6, [16] * 20)
    assert found.share_taken == 1.0
    assert 0.8 < found.share_low < 1.0
    assert found.share_high == 1.0


def test_events_that_took_only_two_of_many_warn() -> None:
    found = estimate_shocks("pod", [2, 2, 2], [500, 500, 500], 1e6, [500] * 4)
    assert "coincide" in found.warnings[0]


@pytest.mark.parametrize(("share", "size"), [(0.9, 4), (0.5, 16)])
def test_intervals_hold_the_planted_shocks_about_as_often_as_they_say(share: float, size: int) -> None:
    rates, shares = coverage(0.3 / _HOURS, share, size, domains=60, runs=150)
    assert rates >= 0.84  # 0.9 less three binomial errors
    assert shares >= 0.82


@pytest.mark.validation
@pytest.mark.parametrize("events", [5, 20, 80])
@pytest.mark.parametrize(("share", "size"), [(1.0, 4), (0.9, 4), (0.5, 16), (0.2, 4)])
def test_intervals_of_shocks_hold_at_their_level(share: float, size: int, events: int) -> None:
    rates, shares = coverage(events / 60 / _HOURS, share, size, domains=60, runs=2000)
    assert rates >= 0.88
    # The likelihood interval is exact only for many events.
    assert shares >= (0.86 if events >= 20 else 0.8)


def test_nothing_shared_leaves_a_bound() -> None:
    with pytest.raises(TooFewSharedEventsError, match="rack"):
        estimate_shocks("rack", [1, 0], [4, 4], 1e5, [4] * 10)
    with pytest.raises(TooFewSharedEventsError):
        estimate_shocks("rack", [], [], 1e5, [4] * 10)
    assert shock_rate_bound(1000.0) == pytest.approx(3.0 / 1000, rel=0.01)


def test_counts_that_cannot_be_are_refused() -> None:
    with pytest.raises(NotAProbabilityError):
        estimate_shocks("rack", [5], [4], 1e5, [4])
    with pytest.raises(LengthMismatchError):
        estimate_shocks("rack", [5, 2], [8], 1e5, [8])
    with pytest.raises(FailuresWithoutExposureError):
        estimate_shocks("rack", [2], [4], 0.0, [4])
    with pytest.raises(NotAProbabilityError):
        ShockLevel("rack", 0.1, 1.0, 1.5)
