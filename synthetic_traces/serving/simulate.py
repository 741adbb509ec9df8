"""LLM serving in a cluster: instances on its nodes, requests, and what the nodes' outages do to them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from synthetic_traces.serving.downtimes import NodeOutage, instance_downtimes, placed_instances
from synthetic_traces.serving.events import ServingSimulation
from synthetic_traces.serving.records import Floats, Integers, ServingHistory
from synthetic_traces.spec.serving import ServingSpec

_DAY_SECONDS = 86_400
_PEAK_SECONDS = 15 * 3600


def simulate_serving(
    spec: ServingSpec,
    nodes: Sequence[int],
    outages: Sequence[NodeOutage],
    rng: np.random.Generator,
    *,
    log_seconds: float,
) -> ServingHistory:
    """Simulate the serving system in its window of the cluster's log.

    Each request waits for a prefill slot, is computed, waits for a decode slot, has its KV cache moved there (then the
    first token is out) and is generated in the instance's batch. When an instance goes down, everything in flight on it
    ends with an error; nothing is tried again. Arrivals and lengths do not depend on outages, nor crashes on load.

    Parameters
    ----------
    spec
        The serving system.
    nodes
        Numbers of the nodes it may use; at least ``spec.nodes_needed``.
    outages
        (node, from, to) of every node's time out of service, seconds since the log's begin; may overlap, may be of
        other nodes, may end at infinity.
    rng
        Source of randomness. Separate streams are spawned from it for arrivals, the rest of the requests, and crashes.
    log_seconds
        Length of the cluster's log, which must contain the window.

    Returns
    -------
    ServingHistory
        Instances, downtimes, requests.

    Raises
    ------
    ValueError
        The window leaves the log, there are too few nodes, or an outage ends before it begins.

    Examples
    --------
    >>> spec = ServingSpec(prefill_instances=1, decode_instances=1, requests_per_second=1, days=0.01)
    >>> history = simulate_serving(spec, [4, 7], [(7, 400, 500)], np.random.default_rng(1), log_seconds=864)
    >>> [(down.cause, down.node, down.from_seconds, down.to_seconds) for down in history.downtimes]
    [('node_fault', 7, 400, 800.0)]
    """
    begin, end = spec.window_seconds
    if end > log_seconds:
        raise ValueError(f"from_day and days end at {end:g} s, after the log of {log_seconds:g} s")
    arrivals_rng, requests_rng, crashes_rng = rng.spawn(3)
    instances = placed_instances(spec, nodes)
    downtimes = instance_downtimes(spec, instances, outages, crashes_rng)
    arrivals = _arrivals(spec, arrivals_rng)
    inputs = _lengths(spec.input_tokens_median, spec.input_tokens_sigma, len(arrivals), requests_rng)
    outputs = _lengths(spec.output_tokens_median, spec.output_tokens_sigma, len(arrivals), requests_rng)
    patience = requests_rng.lognormal(math.log(spec.client_timeout_seconds), spec.client_timeout_sigma, len(arrivals))
    requests = ServingSimulation(spec, instances, downtimes, arrivals, inputs, outputs, arrivals + patience).run()
    return ServingHistory(begin, end, instances, downtimes, requests)


def _arrivals(spec: ServingSpec, rng: np.random.Generator) -> Floats:
    """Draw a Poisson process that follows the hour of the day (Lewis and Shedler's thinning), in whole microseconds."""
    begin, end = spec.window_seconds
    peak = spec.requests_per_second * (1 + spec.day_rhythm)
    times = np.sort(rng.uniform(begin, end, rng.poisson(peak * (end - begin))))
    swing = spec.day_rhythm * np.cos(2 * np.pi * (times - _PEAK_SECONDS) / _DAY_SECONDS)
    kept: Floats = times[rng.uniform(0, peak, len(times)) < spec.requests_per_second * (1 + swing)]
    return np.round(kept, 6)


def _lengths(median: float, sigma: float, count: int, rng: np.random.Generator) -> Integers:
    return np.maximum(1, np.rint(rng.lognormal(math.log(median), sigma, count))).astype(np.int64)
