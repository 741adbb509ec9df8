"""Laws of gaps: each is one law in four views, and the empirical one agrees with what it was taken from."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate

from models.errors import LengthMismatchError, NegativeValueError, NotFiniteError, NotPositiveError
from models.goodput.errors import NoGapEndedError
from models.goodput.gaps import (
    Exponential,
    WeibullGaps,
    empirical_gaps,
    gaps_of_new_nodes,
    gaps_of_settled_nodes,
    run_gap_law,
)
from models.goodput.run_plan import RunPlan

laws = st.one_of(
    st.builds(Exponential, st.floats(1.0, 1e7)),
    st.builds(WeibullGaps, st.floats(1.0, 1e7), st.floats(0.4, 4.0)),
    st.lists(st.tuples(st.floats(0.5, 1e6), st.booleans()), min_size=1, max_size=40).map(
        lambda seen: empirical_gaps([g for g, _ in seen], [True, *(ended for _, ended in seen[1:])])
    ),
)


@given(laws, st.floats(0.0, 3.0), st.floats(0.0, 3.0))
def test_survival_falls_and_the_mean_within_rises_to_the_mean(law, first, second):
    early, late = sorted((first * law.mean_seconds, second * law.mean_seconds))
    assert 0.0 <= law.survival(late) <= law.survival(early) <= 1.0
    assert law.mean_within(early) <= law.mean_within(late) + 1e-9 * law.mean_seconds
    assert law.mean_within(late) <= min(late, law.mean_seconds) * (1 + 1e-9)
    assert law.mean_within(1e4 * law.mean_seconds) == pytest.approx(law.mean_seconds, rel=1e-2)


@pytest.mark.parametrize(
    "law",
    [
        Exponential(3600.0),
        WeibullGaps(3600.0, 0.6),
        WeibullGaps(3600.0, 2.5),
        empirical_gaps([100.0, 900.0, 2500.0, 7000.0, 7000.0], [True, True, False, True, False]),
    ],
)
def test_the_mean_within_is_the_integral_of_survival_and_samples_follow_it(law):
    for seconds in (50.0, 1234.0, 9000.0):
        knots = [100.0, 900.0, 2500.0, 7000.0]
        area, _ = integrate.quad(law.survival, 0.0, seconds, points=[k for k in knots if k < seconds], limit=200)
        assert float(law.mean_within(seconds)) == pytest.approx(area, rel=1e-7)
    drawn = law.sample(np.random.default_rng(1), 40_000)
    for seconds in (50.0, 1234.0, 6000.0, 12_000.0):
        chance = float(law.survival(seconds))
        assert (drawn > seconds).mean() == pytest.approx(
            chance, abs=4 * math.sqrt(max(chance * (1 - chance), 1e-4) / 4e4)
        )
    assert drawn.mean() == pytest.approx(law.mean_seconds, abs=4 * drawn.std() / 200)


def test_an_empirical_law_of_whole_gaps_has_their_mean():
    gaps = np.random.default_rng(2).weibull(0.7, 500) * 5000
    assert empirical_gaps(gaps).mean_seconds == pytest.approx(gaps.mean())


def test_unfinished_gaps_make_the_empirical_mean_longer_than_leaving_them_out():
    lives = np.random.default_rng(3).exponential(5000.0, 4000)
    seen, ended = np.minimum(lives, 4000.0), lives <= 4000.0
    assert empirical_gaps(seen, ended).mean_seconds == pytest.approx(5000.0, rel=0.06)
    assert seen[ended].mean() < 2000.0


def test_a_weibull_of_shape_one_is_the_exponential():
    times = np.array([0.0, 10.0, 3600.0, 1e5])
    assert WeibullGaps(3600.0, 1.0).survival(times) == pytest.approx(Exponential(3600.0).survival(times))
    assert WeibullGaps(3600.0, 1.0).mean_within(times) == pytest.approx(Exponential(3600.0).mean_within(times))


def test_a_run_that_never_fails_has_gaps_without_end():
    law = run_gap_law(RunPlan(8, 0.0, 3600, 300))
    assert law.survival([0.0, 1e12]).tolist() == [1.0, 1.0]
    assert float(law.mean_within(500.0)) == 500.0
    assert np.isinf(law.sample(np.random.default_rng(1), 3)).all()


def test_the_first_failure_among_new_nodes_is_the_shortest_of_their_lives():
    node = WeibullGaps(1e6, 0.7)
    lives = np.random.default_rng(4).weibull(0.7, (4000, 50)) * 1e6
    first = lives.min(axis=1)
    law = gaps_of_new_nodes(node, 50)
    assert first.mean() == pytest.approx(law.mean_seconds, abs=4 * first.std() / math.sqrt(4000))
    assert (first > 2000.0).mean() == pytest.approx(float(law.survival(2000.0)), abs=0.03)


def test_failures_of_many_settled_nodes_come_at_a_constant_rate():
    rng, node, nodes = np.random.default_rng(5), WeibullGaps.with_mean(1000.0, 0.7), 300
    failures = np.cumsum(node.sample(rng, nodes * 80).reshape(nodes, 80), axis=1)
    inside = np.sort(failures[(failures > 20_000.0) & (failures < 40_000.0)])
    gaps = np.diff(inside)
    law = gaps_of_settled_nodes(node, nodes)
    assert gaps.mean() == pytest.approx(law.mean_seconds, rel=0.05)
    assert gaps.std() == pytest.approx(gaps.mean(), rel=0.05)


@pytest.mark.parametrize(
    ("gaps", "ended", "error"),
    [
        ([100.0, 200.0], [False, False], NoGapEndedError),
        ([0.0, 0.0], [True, True], NoGapEndedError),
        ([100.0, math.nan], None, NotFiniteError),
        ([100.0, -1.0], None, NegativeValueError),
        ([100.0, 200.0], [True], LengthMismatchError),
    ],
)
def test_gaps_that_tell_no_law_are_refused(gaps, ended, error):
    with pytest.raises(error):
        empirical_gaps(gaps, ended)


def test_laws_without_a_scale_are_refused():
    for make in (lambda: Exponential(0.0), lambda: Exponential(math.nan), lambda: WeibullGaps(1.0, 0.0)):
        with pytest.raises(NotPositiveError):
            make()
