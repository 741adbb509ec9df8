"""The simulated serving system against what queueing theory and the ratio model of its two pools say."""

from __future__ import annotations

import numpy as np
import pytest

from synthetic_traces.serving.records import OK
from tests.synthetic_traces.serving_systems import calm, simulate, transfer_started


def number_over_time(times, begins, ends):
    """How many of the intervals hold right after each of the times; an interval without an end lasts for ever."""
    begins, ends = np.sort(begins[~np.isnan(begins)]), np.sort(ends[~np.isnan(ends)])
    return np.searchsorted(begins, times, "right") - np.searchsorted(ends, times, "right")


def idle_seconds(waits_from, waits_to, held_from, held_to, slots, window):
    """Time in which somebody waits although a slot is free."""
    times = np.concatenate([waits_from, waits_to, held_from, held_to, window])
    times = np.sort(times[(times >= window[0]) & (times <= window[1])])
    waiting = number_over_time(times, waits_from, waits_to)
    held = number_over_time(times, held_from, held_to)
    assert (waiting[:-1] > 0).mean() > 0.5  # or else there is nothing to see
    return np.diff(times)[((waiting > 0) & (held < slots))[:-1]].sum()


def test_nobody_waits_for_a_prefill_slot_while_one_is_free():
    spec = calm(requests_per_second=26.0)
    requests = simulate(spec).requests
    idle = idle_seconds(
        requests.arrival_seconds,
        requests.admitted_seconds,
        requests.admitted_seconds,
        transfer_started(spec, requests),
        spec.prefill_instances * spec.prefill_slots,
        (0.0, 3500.0),
    )
    assert idle < 1e-3


def test_nobody_waits_for_a_decode_slot_while_one_is_free_even_when_a_fault_frees_them():
    # slow transfers: the failing prefill instance holds many slots of the other pool
    spec = calm(decode_batch_slots=8, kv_transfer_seconds_per_1000_tokens=3.0)
    fails = 1000.0
    requests = simulate(spec, [(100, fails, 1e9)]).requests
    begun = transfer_started(spec, requests)
    unknown = np.isnan(begun)  # among them those whose transfer failed or was not over at the end of the window
    waits_to = np.where(unknown & (requests.killed_by >= 0), fails, begun)
    ends = np.where(unknown, np.nan, requests.end_seconds)
    slots = spec.decode_instances * spec.decode_batch_slots
    assert idle_seconds(requests.prefilled_seconds, waits_to, begun, ends, slots, (fails + 1e-5, 3300.0)) < 1e-3


def test_on_demand_serves_in_the_order_of_arrival():
    requests = simulate(calm(requests_per_second=26.0)).requests
    admitted = requests.admitted_seconds[~np.isnan(requests.admitted_seconds)]
    assert (np.diff(admitted) >= 0).all()


def ended_per_second(requests, from_seconds, to_seconds):
    ended = requests.having(OK) & (requests.end_seconds >= from_seconds) & (requests.end_seconds < to_seconds)
    return ended.sum() / (to_seconds - from_seconds)


@pytest.mark.parametrize(("prefills", "decodes"), [(1, 6), (2, 4), (6, 1)])
def test_saturated_pools_reach_the_throughput_of_the_ratio_model(prefills, decodes):
    # The ratio model of P/D serving (after arXiv 2408.08147):
    # min(n_p b_p / T_p, n_d b_d / T_d) with T_d = xi + G TPOT; G counts the tokens after the first
    spec = calm(
        prefill_instances=prefills,
        decode_instances=decodes,
        requests_per_second=200.0,
        input_tokens_sigma=0.0,
        output_tokens_sigma=0.0,
    )
    prefill_seconds = spec.prefill_slots * spec.input_tokens_median / spec.prefill_tokens_per_second
    transfer_seconds = spec.kv_transfer_seconds_per_1000_tokens * spec.input_tokens_median / 1000
    decode_seconds = transfer_seconds + (spec.output_tokens_median - 1) * spec.step_seconds(spec.decode_batch_slots)

    def bound(running_prefills):
        computed = running_prefills * spec.prefill_slots / prefill_seconds
        return min(computed, decodes * spec.decode_batch_slots / decode_seconds)

    history = simulate(spec, [(100, 2000.0, 1e9)])
    assert ended_per_second(history.requests, 500, 2000) == pytest.approx(bound(prefills), rel=0.02)
    # losing one prefill instance costs only what the other pool could have taken
    assert ended_per_second(history.requests, 2500, 3600) == pytest.approx(bound(prefills - 1), rel=0.02, abs=1e-9)


def test_one_prompt_at_a_time_waits_as_pollaczek_and_khinchine_say():
    spec = calm(
        prefill_instances=1,
        decode_instances=20,
        prefill_slots=1,
        days=0.3,
        input_tokens_sigma=0.5,
        output_tokens_median=1.0,
    )
    requests = simulate(spec).requests
    service = requests.input_tokens / spec.prefill_tokens_per_second
    load = spec.requests_per_second * service.mean()
    waited = np.nanmean(requests.admitted_seconds - requests.arrival_seconds)
    assert waited == pytest.approx(spec.requests_per_second * (service**2).mean() / (2 * (1 - load)), rel=0.05)


def test_prompts_that_share_an_instance_take_as_long_as_processor_sharing_says():
    # M/G/1-PS: the mean is S / (1 - load), whatever the law of S
    spec = calm(prefill_instances=1, decode_instances=20, prefill_slots=1000, days=0.3, output_tokens_median=1.0)
    requests = simulate(spec).requests
    service = requests.input_tokens / spec.prefill_tokens_per_second
    load = spec.requests_per_second * service.mean()
    taken = np.nanmean(requests.prefilled_seconds - requests.arrival_seconds)
    assert 0.5 < load < 0.9
    assert taken == pytest.approx(service.mean() / (1 - load), rel=0.07)


def test_arrivals_keep_their_mean_rate_and_peak_in_the_afternoon():
    spec = calm(requests_per_second=2.0, day_rhythm=0.8, days=1.0, from_day=2.0)
    arrivals = simulate(spec).requests.arrival_seconds
    assert arrivals.min() >= 2 * 86_400
    assert (np.diff(arrivals) >= 0).all()
    assert abs(len(arrivals) - 172_800) < 4 * 172_800**0.5
    hours = arrivals / 3600 - 48
    around_peak = ((hours > 12) & (hours < 18)).sum()
    expected = 2.0 * 86_400 * (0.25 + 0.8 * 2**0.5 / (2 * np.pi))  # the rate integrated over ± 3 hours
    assert abs(around_peak - expected) < 4 * expected**0.5
