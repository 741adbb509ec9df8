"""Lemon models: named are those that fail, not those with bad users, bad neighbours or bad luck."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from models.errors import ModelError, NoEventsError
from models.lemons.drain import drain_effect
from models.lemons.errors import LemonFactorError, OneNodeError, ShapeMismatchError, ShareOutOfRangeError
from models.lemons.fleet import FleetRate, calendar_weights, fit_fleet, lemon_log_pmf, lemon_multiples, ordinary_log_pmf
from models.lemons.posterior import named_lemons, node_posterior
from models.lemons.rule import FEATURES, Rule, apply_rule
from models.lemons.scan import scan_fleet
from models.lemons.users import explain_failures

FLEET = FleetRate(rate_per_day=0.01, shape=20.0, lemon_share=0.02, factor=4.0, failures=0, exposure_days=0.0)


def a_fleet(rng: np.random.Generator, nodes: int, days: int, rate: float, lemons: dict[int, float]):
    rates = rate * rng.gamma(20.0, 1 / 20.0, nodes)
    for node, multiple in lemons.items():
        rates[node] = rate * multiple
    return rng.poisson(np.tile(rates[:, None], days)).astype(float), np.ones((nodes, days))


def named_in(failures: np.ndarray, exposure: np.ndarray) -> np.ndarray:
    fleet = fit_fleet(failures.sum(axis=1), exposure.sum(axis=1))
    if scan_fleet(failures, exposure, fleet).p_value > 0.05:
        return np.zeros(len(failures), dtype=bool)
    return named_lemons(node_posterior(failures, exposure, fleet).ever)


def test_ordinary_counts_are_negative_binomial() -> None:
    counts, expected, shape = np.arange(6.0), np.full(6, 1.7), 3.2
    reference = stats.nbinom.logpmf(counts, shape, shape / (shape + 1.7))
    assert ordinary_log_pmf(counts, expected, shape) == pytest.approx(reference, abs=1e-12)


def test_lemon_counts_average_poisson_over_the_multiples() -> None:
    multiples = lemon_multiples(4.0)
    found = lemon_log_pmf(np.array([5.0]), np.array([0.6]), multiples)
    assert np.exp(found[0]) == pytest.approx(stats.poisson.pmf(5, 0.6 * multiples).mean(), rel=1e-12)


def test_a_fleet_of_lemons_and_ordinary_nodes_gives_its_rate_back() -> None:
    rng = np.random.default_rng(1)
    failures, exposure = a_fleet(rng, 2000, 100, 0.01, dict.fromkeys(range(40), 20.0))
    fleet = fit_fleet(failures.sum(axis=1), exposure.sum(axis=1))
    assert fleet.rate_per_day == pytest.approx(0.01, rel=0.06)
    assert fleet.lemon_share == pytest.approx(0.02, rel=0.3)


def test_few_names_are_wrong_and_most_lemons_are_found() -> None:
    rng = np.random.default_rng(2)
    right = wrong = there = 0
    for _ in range(20):
        failures, exposure = a_fleet(rng, 200, 75, 0.008, {3: 15.0, 50: 25.0, 120: 50.0})
        named = set(np.flatnonzero(named_in(failures, exposure)).tolist())
        right += len(named & {3, 50, 120})
        wrong += len(named - {3, 50, 120})
        there += 3
    assert right / there >= 0.9
    assert wrong <= 0.1 * (right + wrong)


def test_nobody_is_named_in_fleets_without_a_lemon() -> None:
    rng = np.random.default_rng(3)
    blamed = sum(named_in(*a_fleet(rng, 150, 75, 0.008, {})).any() for _ in range(60))
    assert blamed <= 3  # 5% of 60


def test_the_scan_holds_its_level_when_the_fleet_is_known() -> None:
    rng = np.random.default_rng(4)
    low = sum(scan_fleet(*a_fleet(rng, 60, 60, 0.01, {}), FLEET).p_value <= 0.05 for _ in range(400))
    assert low <= 0.05 * 400 + 2 * np.sqrt(0.05 * 0.95 * 400)


def test_the_scan_sees_a_node_that_turned_bad_in_the_last_weeks() -> None:
    failures, exposure = np.zeros((100, 330)), np.ones((100, 330))
    failures[np.arange(100), np.arange(100) * 3] = 1
    failures[8, 305::4] = 1
    scan = scan_fleet(failures, exposure, FLEET)
    assert scan.node == 8
    assert scan.p_value < 0.01


def brute_force(counts: list[int], fleet: FleetRate) -> tuple[float, float]:
    """P(lemon on some day) and P(lemon after the last) by summing over all paths; one ordinary and one lemon rate."""
    onset = fleet.lemon_share / 180.0
    rates = {"ordinary": fleet.rate_per_day, "lemon": fleet.rate_per_day * 10.0}
    steps = {("ordinary", "lemon"): onset, ("ordinary", "ordinary"): 1 - onset, ("lemon", "lemon"): 1.0}
    total = ever = now = 0.0
    for path in itertools.product(rates, repeat=len(counts) + 1):
        weight = fleet.lemon_share if path[0] == "lemon" else 1 - fleet.lemon_share
        for day, count in enumerate(counts):
            weight *= stats.poisson.pmf(count, rates[path[day]])
            step = path[day], path[day + 1]
            weight *= steps.get(step, 0.0)
        total += weight
        ever += weight * ("lemon" in path)
        now += weight * (path[-1] == "lemon")
    return ever / total, now / total


def test_the_recursion_equals_the_sum_over_all_paths(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.lemons.posterior._ordinary_multiples", lambda shape: np.ones(1))
    monkeypatch.setattr("models.lemons.posterior.lemon_multiples", lambda factor: np.array([10.0]))
    counts = [0, 1, 0, 2, 0, 0, 1]
    fleet = FleetRate(0.05, 20.0, 0.1, 4.0, 0, 0.0)
    found = node_posterior([counts], np.ones((1, 7)), fleet)
    assert (found.ever[0], found.now[0]) == pytest.approx(brute_force(counts, fleet), rel=1e-9)


def test_a_repaired_lemon_was_one_and_is_none() -> None:
    failures, exposure, cure = np.zeros((1, 200)), np.ones((1, 200)), np.zeros((1, 200))
    failures[0, 10:60:5] = 1
    cure[0, 60] = 0.9
    found = node_posterior(failures, exposure, FLEET, cure)
    assert found.ever[0] > 0.99
    assert found.now[0] < 0.1
    assert found.rate_per_day[0] < 2 * FLEET.rate_per_day


def test_a_fault_that_comes_back_at_once_says_less_than_another_one() -> None:
    failures, exposure = np.zeros((2, 60)), np.ones((2, 60))
    failures[:, [10, 11, 12]] = 1
    old = np.zeros((2, 60))
    old[1, [11, 12]] = 0.1
    plain, relapsed = node_posterior(failures, exposure, FLEET, relapse_per_day=old).ever
    assert relapsed < 0.5 * plain


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 2), min_size=10, max_size=40), st.integers(0, 9))
def test_probabilities_are_bounded_and_one_more_failure_never_helps(counts: list[int], day: int) -> None:
    failures = np.tile(np.array(counts, dtype=float), (2, 1))
    failures[1, day] += 1
    found = node_posterior(failures, np.ones_like(failures), FLEET)
    assert ((found.ever >= 0) & (found.ever <= 1) & (found.now <= found.ever + 1e-9)).all()
    assert found.ever[1] >= found.ever[0] - 1e-9
    assert (found.low_per_day <= found.rate_per_day).all()
    assert (found.rate_per_day <= found.high_per_day).all()


@settings(max_examples=20, deadline=None)
@given(st.floats(0.1, 10.0))
def test_another_unit_of_time_changes_rates_and_no_probability(scale: float) -> None:
    failures, exposure = a_fleet(np.random.default_rng(5), 30, 40, 0.02, {3: 12.0})
    slower = FleetRate(FLEET.rate_per_day / scale, 20.0, 0.02, 4.0, 0, 0.0)
    days, hours = node_posterior(failures, exposure, FLEET), node_posterior(failures, scale * exposure, slower)
    assert hours.ever == pytest.approx(days.ever, abs=1e-9)
    assert scale * hours.rate_per_day == pytest.approx(days.rate_per_day, rel=1e-9)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30), st.floats(0.01, 0.5))
def test_the_named_keep_the_false_discovery_rate(probabilities: list[float], rate: float) -> None:
    probability = np.array(probabilities)
    named = named_lemons(probability, rate)
    if named.any():
        assert (1 - probability[named]).mean() <= rate + 1e-9
        assert probability[named].min() >= probability[~named].max(initial=0.0)


def test_a_bad_week_of_the_whole_fleet_raises_its_weight() -> None:
    failures = np.zeros((100, 28))
    failures[:60, 10] = 1
    weights = calendar_weights(failures, np.ones((100, 28)))
    assert weights[10] > 2
    assert weights[20] < 0.8


def attempts_of(rng: np.random.Generator, bad_node: int | None):
    """40 nodes; user 0's code fails in 60% of its attempts, which all run on node 7; everyone else's in 5%."""
    node, user = np.repeat(np.arange(40), 5), np.tile(np.arange(5), 40)
    attempts = np.where((user == 0) & (node != 7), 0, 60)
    share = np.where(user == 0, 0.6, 0.05) + (0.0 if bad_node is None else 0.25 * (node == bad_node))
    return node, user, np.zeros(200, dtype=int), attempts, rng.binomial(attempts, share)


def test_a_user_with_bad_code_makes_no_lemon_and_hidden_failures_help_to_find_one() -> None:
    # user 0 also ran elsewhere a little: only so can user and node be told apart
    rng = np.random.default_rng(6)
    node, user, size, attempts, failures = attempts_of(rng, bad_node=20)
    attempts, failures = attempts + 12 * (user == 0), failures + rng.binomial(12, 0.6, 200) * (user == 0)
    visible = np.zeros(40)
    visible[20] = 3.0
    found = explain_failures(node, user, size, attempts, failures, visible)
    assert found.observed[7] > 2 * np.median(found.observed)
    assert found.node_factor[7] < 1.25
    assert found.node_factor[20] > 1.5
    outages, exposure = np.zeros((40, 60)), np.ones((40, 60))
    outages[20, [5, 25, 45]] = 1
    alone = node_posterior(outages, exposure, FLEET).ever
    jointly = node_posterior(outages, exposure, FLEET, unexplained=found).ever
    assert jointly[20] > alone[20]
    assert jointly[7] < 0.05


def test_without_hidden_failures_user_failures_change_nothing() -> None:
    rng = np.random.default_rng(7)
    node, user, size, attempts, failures = attempts_of(rng, bad_node=None)
    found = explain_failures(node, user, size, attempts, failures, np.zeros(40))
    assert found.hidden_share == 0.0
    outages = np.zeros((40, 60))
    outages[7, 3] = 1
    plain = node_posterior(outages, np.ones((40, 60)), FLEET)
    assert node_posterior(outages, np.ones((40, 60)), FLEET, unexplained=found).ever == pytest.approx(plain.ever)


def features_of(nodes: int) -> dict[str, list[float]]:
    return {name: [0.0] * nodes for name in FEATURES}


def test_the_rule_gives_exclusions_by_users_no_weight() -> None:
    table = features_of(50)
    for name in ("excl_jobid_count", "tickets", "out_count"):
        table[name][4] = 9.0
    verdict = apply_rule(table)
    assert verdict.stands_out[4].sum() == 3
    assert not verdict.named.any()
    weighted = Rule(weights=tuple((name, 1.0) for name in FEATURES))
    assert np.flatnonzero(apply_rule(table, weighted).named).tolist() == [4]


def test_once_is_no_pattern_for_the_rule() -> None:
    table = features_of(50)
    for name in FEATURES:
        table[name][4] = 1.0
    table["single_node_node_failure_rate"][4] = 0.0
    assert not apply_rule(table).named.any()


def test_draining_takes_failures_away_and_nothing_else() -> None:
    failed = np.array([True] * 14 + [False] * 86)
    avoided = np.array([True] * 10 + [False] * 90)
    effect = drain_effect(np.full(100, 20.0), failed, avoided)
    assert (effect.failed_before.k, effect.failed_after.k, effect.avoided.k) == (14, 4, 10)
    assert effect.ettr_before.value < effect.ettr_after.value <= 1
    nothing = drain_effect(np.full(100, 20.0), failed, np.zeros(100))
    assert nothing.failed_before == nothing.failed_after


@pytest.mark.parametrize(
    ("question", "error"),
    [
        (lambda: fit_fleet([1.0], [10.0]), OneNodeError),
        (lambda: fit_fleet([0.0, 0.0], [10.0, 10.0]), NoEventsError),
        (lambda: fit_fleet([1.0, float("nan")], [10.0, 10.0]), ModelError),
        (lambda: fit_fleet([1.0, -1.0], [10.0, 10.0]), ModelError),
        (lambda: lemon_multiples(1.0), LemonFactorError),
        (lambda: node_posterior(np.zeros((2, 3)), np.ones((2, 4)), FLEET), ShapeMismatchError),
        (lambda: named_lemons(np.array([0.9]), 1.5), ShareOutOfRangeError),
        (lambda: apply_rule(features_of(1)), OneNodeError),
        (lambda: apply_rule(features_of(9), Rule(weights=())), ModelError),
        (lambda: explain_failures([0], [0], [0], [1], [2], [0]), ModelError),
        (lambda: drain_effect([1.0], [True, False], [True]), ModelError),
    ],
)
def test_what_cannot_be_answered_is_a_named_error(question, error) -> None:
    with pytest.raises(error):
        question()
