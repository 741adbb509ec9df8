"""Serving systems for the tests."""

from __future__ import annotations

import numpy as np

from synthetic_traces.serving.simulate import simulate_serving
from synthetic_traces.spec.serving import ServingSpec

HOUR_DAYS = 1 / 24


def calm(**changes):
    """Two prefill and three decode instances for an hour at half their capacity; nothing fails, nobody goes away."""
    usual = {
        "prefill_instances": 2,
        "decode_instances": 3,
        "requests_per_second": 10.0,
        "day_rhythm": 0.0,
        "instance_crashes_per_1000_instance_days": 0.0,
        "client_timeout_seconds": 1e6,
        "client_timeout_sigma": 0.0,
        "days": HOUR_DAYS,
    }
    return ServingSpec(**usual | changes)


def simulate(spec, outages=(), seed=1):
    nodes = range(100, 100 + spec.nodes_needed)
    return simulate_serving(spec, nodes, outages, np.random.default_rng(seed), log_seconds=spec.window_seconds[1])


def transfer_started(spec, requests):
    return requests.first_token_seconds - requests.input_tokens * spec.kv_transfer_seconds_per_1000_tokens / 1000
