"""What an event was: of one node, a false flag, of a domain, by chance, or of something that is not inventoried."""

from __future__ import annotations

import numpy as np
import pytest

from models.domain_failures import event_verdict, is_false_flag, most_nodes_by_chance
from models.errors import NotACountError, NotPositiveError


def test_a_crowd_that_was_flagged_and_is_healthy_is_no_rack_event() -> None:
    assert event_verdict(77, 0, of_domain=False, most_by_chance=3) == "flagged, all healthy"
    assert event_verdict(77, 3, of_domain=False, most_by_chance=3) == "flagged, all healthy"
    assert event_verdict(77, 12, of_domain=False, most_by_chance=3) == "no known domain"
    assert event_verdict(77, 70, of_domain=True, most_by_chance=3) == "domain"


def test_two_nodes_are_no_crowd() -> None:
    assert not is_false_flag(2, 0)
    assert event_verdict(2, 0, of_domain=False, most_by_chance=3) == "chance"
    assert event_verdict(1, 1, of_domain=False, most_by_chance=3) == "single node"


def test_a_small_rack_that_went_down_is_no_flag() -> None:
    assert not is_false_flag(4, 1)
    assert not is_false_flag(19, 1)


def test_chance_joins_more_in_a_busier_log() -> None:
    sizes = [most_nodes_by_chance(events, 300.0, 30 * 86_400.0) for events in (0, 1, 10, 100, 1000, 10_000)]
    assert sizes[:2] == [1, 1]
    assert sizes == sorted(sizes)
    assert most_nodes_by_chance(1000, 0.0, 86_400.0) == 1
    assert most_nodes_by_chance(50, 1e12, 86_400.0) == 50


def test_chains_longer_than_said_are_rare() -> None:
    rng = np.random.default_rng(3)
    events, days = 600, 60.0
    most = most_nodes_by_chance(events, 300.0, days * 86_400.0)
    longer = 0
    for _ in range(200):
        gaps = np.diff(np.sort(rng.uniform(0, days * 86_400.0, events))) <= 300.0
        run, longest = 0, 0
        for joined in gaps.tolist():
            run = run + 1 if joined else 0
            longest = max(longest, run)
        longer += longest + 1 > most
    assert longer <= 20


def test_numbers_that_cannot_be_are_refused() -> None:
    with pytest.raises(NotACountError):
        is_false_flag(-1, 0)
    with pytest.raises(NotPositiveError):
        most_nodes_by_chance(3, 300.0, 0.0)
