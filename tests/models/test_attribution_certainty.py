"""The odds that the infrastructure ended an attempt."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.attribution_certainty import certainty, user_share
from models.errors import NotAShareError, NotPositiveError, ShareAboveOneError

BASE = {
    "failures_per_node_hour": 1e-4,
    "nodes": 4,
    "run_hours": 5.0,
    "user_failure_share": 0.2,
    "detection_share": 0.9,
    "signs_per_node_hour": 5e-4,
    "window_hours": 0.25,
    "has_sign": True,
}


@given(st.floats(0, 1), st.floats(0, 10), st.floats(0.001, 1.0), st.integers(1, 500), st.booleans())
def test_it_is_a_probability_and_a_sign_never_speaks_for_the_user(detected, signs, user, nodes, has_sign):
    given_ = BASE | {"detection_share": detected, "signs_per_node_hour": signs, "user_failure_share": user}
    found = certainty(**given_ | {"nodes": nodes, "has_sign": has_sign})
    assert 0.0 <= found.probability <= 1.0
    slack = 1e-12
    if has_sign:
        assert found.probability >= found.prior_probability - slack
    else:
        assert found.probability <= found.prior_probability + slack


def test_the_commoner_the_sign_the_less_it_says():
    chances = [certainty(**BASE | {"signs_per_node_hour": rate}).probability for rate in (1e-5, 1e-3, 1e-1, 10)]
    assert chances == sorted(chances, reverse=True)


def test_a_user_whose_jobs_often_fail_takes_the_blame_sooner():
    careful, careless = (certainty(**BASE | {"user_failure_share": share}).probability for share in (0.05, 0.8))
    assert careful > careless


def test_the_unit_of_time_does_not_matter():
    minutes = BASE | {
        "failures_per_node_hour": 1e-4 / 60,
        "run_hours": 300.0,
        "signs_per_node_hour": 5e-4 / 60,
        "window_hours": 15.0,
    }
    assert certainty(**minutes).probability == pytest.approx(certainty(**BASE).probability)


def test_the_posterior_is_the_share_among_simulated_attempts():
    # By Bayes: of simulated ends with a sign, the infrastructure's share; half are its own before any sign is seen.
    rng = np.random.default_rng(5)
    n, detected, rate = 400_000, 0.8, 0.4
    infrastructure = rng.random(n) < 0.5
    by_chance = rng.random(n) < -np.expm1(-rate * 4 * 0.25)
    seen = by_chance | (infrastructure & (rng.random(n) < detected))
    given_ = BASE | {"detection_share": detected, "signs_per_node_hour": rate, "failures_per_node_hour": 1e9}
    for has_sign in (True, False):
        found = certainty(**given_ | {"user_failure_share": 1.0, "has_sign": has_sign})
        assert found.probability == pytest.approx(infrastructure[seen == has_sign].mean(), abs=0.01)


def test_what_is_no_share_is_an_error():
    with pytest.raises(NotAShareError):
        certainty(**BASE | {"detection_share": 1.2})
    with pytest.raises(NotPositiveError):
        certainty(**BASE | {"user_failure_share": 0.0})
    with pytest.raises(ShareAboveOneError):
        user_share(3, 2, 10, 100)
