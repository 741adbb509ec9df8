"""Domains that fail as one are found and named, the smallest first; lemons, chance and the whole cluster are not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.domain_failures import checked_events, distinct_domains, search_domains
from models.domain_failures.errors import (
    EventTooSmallError,
    MembersMismatchError,
    NotInServiceError,
    RepeatedNodeError,
    UnknownNodeError,
)
from models.errors import LengthMismatchError, NotACountError, NotAShareError
from tests.models.domain_failures.draws import (
    NULLS,
    Planted,
    draw_events,
    layout,
    null_cluster,
    planted_cluster,
    scored,
    searched,
)

RACKS = np.repeat(np.eye(16, dtype=bool), 4, axis=1)
PODS = np.repeat(np.eye(4, dtype=bool), 16, axis=1)
BOTH = np.concatenate([RACKS, PODS])
NODES = 64
ONES = np.ones(NODES)


def test_a_rack_that_goes_down_twice_is_found_and_its_pod_is_not_blamed() -> None:
    seen = search_domains(checked_events([[8, 9, 10, 11], [8, 9, 10], [0, 40]], NODES), BOTH, ONES)
    assert np.flatnonzero(seen.found).tolist() == [2]
    assert seen.domain.tolist() == [2, 2, -1]
    assert seen.is_domain_event.tolist() == [True, True, False]
    assert seen.nodes_inside.tolist() == [4, 3, 0]


def test_a_pod_that_goes_down_is_told_from_its_racks() -> None:
    whole = list(range(16, 32))
    seen = search_domains(checked_events([whole, whole[:12], whole[3:]], NODES), BOTH, ONES)
    assert np.flatnonzero(seen.found).tolist() == [17]
    assert seen.is_domain_event.all()


def test_one_event_alone_is_named_and_makes_no_domain_that_fails_again_and_again() -> None:
    seen = search_domains(checked_events([[8, 9, 10, 11]], NODES), BOTH, ONES)
    assert seen.is_domain_event.tolist() == [True]
    assert not seen.found.any()


def test_a_few_nodes_of_a_large_domain_are_not_the_domain() -> None:
    seen = search_domains(checked_events([[16, 20, 24]] * 4, NODES), PODS, ONES)
    assert seen.domain.tolist() == [-1] * 4
    assert seen.event_p.tolist() == [1.0] * 4
    assert not seen.found.any()


def test_nodes_of_every_rack_are_no_domains() -> None:
    seen = search_domains(checked_events([list(range(0, NODES, 4))] * 5, NODES), BOTH, ONES)
    assert not seen.found.any()
    assert not seen.is_domain_event.any()


def test_two_lemons_in_one_rack_that_meet_by_chance_do_not_make_a_domain() -> None:
    lemons = ONES.copy()
    lemons[[8, 9]] = 60.0
    events = checked_events([[8, 9], [8, 9], [8, 30], [9, 50], [8, 9]], NODES)
    assert search_domains(events, RACKS, ONES).found[2]
    seen = search_domains(events, RACKS, lemons)
    assert not seen.found.any()
    assert not seen.is_domain_event.any()


def test_nodes_out_of_service_make_a_rack_smaller() -> None:
    there = np.ones((2, NODES), dtype=bool)
    there[1, 12:] = False
    event = [[8, 9, 10, 11]]
    large = search_domains(checked_events(event, NODES, there, [0]), RACKS, ONES)
    small = search_domains(checked_events(event, NODES, there, [1]), RACKS, ONES)
    assert small.event_p[0] > 100 * large.event_p[0]


def test_a_domain_of_everybody_or_nobody_is_never_found() -> None:
    everybody, nobody = np.ones((1, NODES), dtype=bool), np.zeros((1, NODES), dtype=bool)
    seen = search_domains(checked_events([[1, 2, 3]] * 9, NODES), np.concatenate([everybody, nobody]), ONES)
    assert seen.possible.tolist() == [0, 0]
    assert seen.domain_p.tolist() == [1.0, 1.0]
    assert not seen.found.any()


def test_without_events_or_domains_nothing_is_found() -> None:
    nothing = search_domains(checked_events([], NODES), BOTH, ONES)
    assert nothing.domain.size == 0
    assert nothing.domain_p.tolist() == [1.0] * 20
    bare = search_domains(checked_events([[1, 2]], NODES), np.zeros((0, NODES), dtype=bool), ONES)
    assert bare.domain.tolist() == [-1]
    assert not bare.is_domain_event.any()


def test_domains_of_the_same_nodes_are_one() -> None:
    rows, which = distinct_domains(np.concatenate([PODS, RACKS, RACKS[:2]]))
    assert rows.sum(axis=1).tolist() == [4] * 16 + [16] * 4
    assert which[4:6].tolist() == which[20:].tolist()


@given(seed=st.integers(0, 10_000))
def test_what_nodes_are_called_changes_nothing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    plan = layout(48, rack=4, switch=8, pod=24)
    drawn = draw_events(plan, np.full(48, 0.02), 60.0, rng, [Planted(3, 4), Planted(14, 2, 0.7)])
    called = rng.permutation(48)
    seen = search_domains(checked_events(drawn.events, 48), plan.members, np.ones(48))
    renamed = np.zeros_like(plan.members)
    renamed[:, called] = plan.members
    again = search_domains(checked_events([called[event] for event in drawn.events], 48), renamed, np.ones(48))
    assert again.found.tolist() == seen.found.tolist()
    assert again.domain_p == pytest.approx(seen.domain_p, rel=1e-6)
    assert again.event_p == pytest.approx(seen.event_p, rel=1e-6)


@pytest.mark.parametrize(
    ("events", "error"),
    [
        ([[1]], EventTooSmallError),
        ([[1, 1]], RepeatedNodeError),
        ([[1, 64]], UnknownNodeError),
        ([[-1, 3]], UnknownNodeError),
    ],
)
def test_events_that_cannot_be_are_refused(events: list[list[int]], error: type[Exception]) -> None:
    with pytest.raises(error):
        checked_events(events, NODES)


def test_a_node_that_was_away_cannot_fail() -> None:
    away = np.ones((1, 4), dtype=bool)
    away[0, 2] = False
    with pytest.raises(NotInServiceError, match="node 2 is in event 0"):
        checked_events([[1, 2]], 4, away)


def test_arrays_that_do_not_belong_together_are_refused() -> None:
    events = checked_events([[1, 2]], NODES)
    with pytest.raises(MembersMismatchError):
        search_domains(events, RACKS[:, :8], ONES)
    with pytest.raises(LengthMismatchError):
        search_domains(events, RACKS, ONES[:8])
    with pytest.raises(NotAShareError, match="false_discovery_rate"):
        search_domains(events, RACKS, ONES, false_discovery_rate=1.0)
    with pytest.raises(NotACountError):
        search_domains(events, RACKS, ONES, min_events=-1)
    with pytest.raises(MembersMismatchError):
        distinct_domains([1, 0])


def test_in_clusters_without_such_domains_hardly_anything_is_found() -> None:
    rng = np.random.default_rng(11)
    found = 0
    for run in range(60):
        plan, drawn = null_cluster(NULLS[run % len(NULLS)], rng)
        seen = searched(plan, drawn)
        found += bool(seen.found.any() or seen.is_domain_event.any())
    assert found <= 7  # 99.5% of draws of 60 at 5%


def test_planted_domains_are_found() -> None:
    rng = np.random.default_rng(12)
    scores = []
    for _ in range(6):
        plan, drawn, guilty = planted_cluster(rng)
        scores.append(scored(drawn, guilty, searched(plan, drawn)))
    named, right = sum(score.named for score in scores), sum(score.right for score in scores)
    assert right >= 0.9 * sum(score.true for score in scores)
    assert right >= 0.9 * named
    assert all(score.domains_right == score.domains_true for score in scores)
