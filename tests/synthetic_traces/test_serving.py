"""The simulated serving system: laws of its requests, what outages do to them, its log in the lake."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import msgspec
import numpy as np
import pytest

from ingest.pipeline import ingest_paths
from ingest.source import Options
from reliability.engines.duckdb_engine import DuckDBEngine
from reliability.lake import create_lake
from synthetic_traces.logs.requests import request_log_lines
from synthetic_traces.serving.downtimes import placed_instances
from synthetic_traces.serving.events import ServingSimulation
from synthetic_traces.serving.records import CANCELLED, ERROR, IN_FLIGHT, OK, Downtime
from synthetic_traces.serving.simulate import simulate_serving
from synthetic_traces.truth.serving import serving_instances, serving_summary
from tests.synthetic_traces.serving_systems import calm, simulate, transfer_started

START = datetime(2026, 1, 1, tzinfo=UTC)
NAMES = [f"gpu-{number:03d}" for number in range(300)]
PREFILL, DECODE = 0, 2  # the first instances of the two roles in `calm`
ROUTERS = ("on-demand", "round-robin")


def stormy(router, seed=1):
    """Everything goes wrong: crashes, outages, overload, impatient clients."""
    spec = calm(
        router=router,
        requests_per_second=20.0,
        instance_crashes_per_1000_instance_days=50_000.0,
        reload_seconds=60.0,
        client_timeout_seconds=30.0,
        client_timeout_sigma=1.0,
        nodes_per_decode_instance=2,
        days=1 / 48,
    )
    outages = [(100, 300.0, 450.0), (101, 350.0, 400.0), (103, 1000.0, 1e9), (105, 1500.0, 1550.0), (7, 0.0, 1e9)]
    return spec, simulate(spec, outages, seed)


@pytest.fixture(scope="module", params=ROUTERS)
def storm(request):
    return stormy(request.param)


def test_every_request_is_exactly_one_of_ok_error_cancelled_and_in_flight(storm):
    _, history = storm
    requests = history.requests
    counts = [int(requests.having(code).sum()) for code in (OK, ERROR, CANCELLED, IN_FLIGHT)]
    assert sum(counts) == len(requests)
    assert min(counts) > 0
    assert (np.isnan(requests.end_seconds) == requests.having(IN_FLIGHT)).all()
    assert len(list(request_log_lines(history, START, NAMES))) == sum(counts[:3])
    summary = serving_summary(history)
    assert [summary[name] for name in ("ok", "error", "cancelled", "in_flight")] == counts


def test_times_of_a_request_are_in_the_order_of_its_way(storm):
    spec, history = storm
    requests = history.requests
    way = ("arrival_seconds", "admitted_seconds", "prefilled_seconds", "first_token_seconds", "end_seconds")
    columns = [getattr(requests, name) for name in way]
    for earlier, later in pairwise(columns):
        assert (earlier <= later)[~np.isnan(earlier) & ~np.isnan(later)].all()
    for earlier, later in pairwise(columns[:4]):
        assert (np.isnan(later) | ~np.isnan(earlier)).all()  # no step without the one before
    assert (columns[-1][~requests.having(IN_FLIGHT)] <= history.to_seconds).all()
    computed = ~np.isnan(requests.prefilled_seconds)
    seconds = (requests.prefilled_seconds - requests.admitted_seconds)[computed]
    alone = requests.input_tokens[computed] / spec.prefill_tokens_per_second
    assert (seconds >= alone - 1e-6).all()
    assert (seconds <= alone * spec.prefill_slots + 1e-6).all()


def test_no_instance_holds_more_than_its_slots(storm):
    spec, history = storm
    requests = history.requests
    until = np.fmin(requests.end_seconds, history.to_seconds)
    stays = {
        "prefill": (requests.prefill, requests.admitted_seconds, np.fmin(requests.prefilled_seconds, until)),
        "decode": (requests.decode, transfer_started(spec, requests), until),
    }
    for index, instance in enumerate(history.instances):
        owner, begun, left = stays[instance.role]
        there = (owner == index) & ~np.isnan(begun)
        times = np.concatenate([left[there] - 1e-6, begun[there]])  # less a microsecond for the rounding of begun
        change = np.repeat([-1, 1], there.sum())
        most = np.cumsum(change[np.argsort(times, kind="stable")]).max()
        assert most == (spec.prefill_slots if instance.role == "prefill" else spec.decode_batch_slots)


def test_latency_is_ttft_plus_tpot_for_each_later_token(storm):
    spec, history = storm
    requests = history.requests
    several = requests.having(OK) & (requests.output_tokens > 1)
    whole = requests.ttft_seconds + requests.tpot_seconds * (requests.output_tokens - 1)
    assert whole[several] == pytest.approx(requests.latency_seconds[several], abs=1e-9)
    assert np.isnan(requests.tpot_seconds[~several]).all()
    tpot = requests.tpot_seconds[several]
    slowest = spec.step_seconds(spec.decode_batch_slots)
    assert spec.step_seconds(1) - 1e-9 <= tpot.min() < tpot.max() <= slowest + 1e-9


def test_an_answer_of_one_token_ends_with_it():
    requests = simulate(calm(output_tokens_median=1.0, output_tokens_sigma=0.0)).requests
    answered = requests.having(OK)
    assert answered.sum() > 30_000
    assert (requests.latency_seconds == requests.ttft_seconds)[answered].all()


def test_a_broken_stream_sent_as_many_tokens_as_its_time_allowed(storm):
    spec, history = storm
    requests = history.requests
    broken = (requests.having(ERROR) | requests.having(CANCELLED)) & (requests.first_token_seconds > 0)
    seconds = (requests.end_seconds - requests.first_token_seconds)[broken]
    sent = requests.output_tokens[broken]
    assert (sent >= np.floor(seconds / spec.step_seconds(spec.decode_batch_slots) + 1 - 1e-6)).all()
    assert (sent <= np.floor(seconds / spec.step_seconds(1) + 1 + 1e-6)).all()
    without = np.isnan(requests.first_token_seconds)
    assert not requests.output_tokens[without | requests.having(IN_FLIGHT)].any()


def test_equal_seeds_give_equal_logs_and_others_do_not():
    first, again, other = (list(request_log_lines(stormy("on-demand", seed)[1], START, NAMES)) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_at_low_load_nothing_fails_and_ttft_is_prefill_plus_transfer():
    spec = calm(requests_per_second=0.05, days=1.0, decode_slowdown_at_full_batch=1.0, prefill_slots=1)
    requests = simulate(spec).requests
    assert not (requests.having(ERROR) | requests.having(CANCELLED)).any()
    answered = requests.having(OK)
    assert answered.sum() > 4000
    alone = requests.input_tokens * (
        1 / spec.prefill_tokens_per_second + spec.kv_transfer_seconds_per_1000_tokens / 1000
    )
    assert requests.ttft_seconds[answered] == pytest.approx(alone[answered], abs=1e-6)
    several = answered & (requests.output_tokens > 1)
    assert requests.tpot_seconds[several] == pytest.approx(spec.decode_seconds_per_token, abs=1e-9)


@pytest.mark.parametrize("router", ROUTERS)
@pytest.mark.parametrize("instance", [PREFILL, DECODE])
def test_an_outage_ends_exactly_what_was_in_flight_on_the_instance(router, instance):
    spec = calm(router=router, requests_per_second=22.0)  # busy: there are queues
    undisturbed = simulate(spec).requests
    fails = 1000.0
    history = simulate(spec, [(100 + instance, fails, 1500.0)])
    requests = history.requests
    assert (requests.arrival_seconds == undisturbed.arrival_seconds).all()
    if instance == PREFILL:
        given = undisturbed.admitted_seconds if router == "on-demand" else undisturbed.arrival_seconds
        there = (undisturbed.prefill == instance) & (given <= fails) & (fails < undisturbed.first_token_seconds)
    else:
        begun = transfer_started(spec, undisturbed)
        there = (undisturbed.decode == instance) & (begun <= fails)
        there &= ~(undisturbed.end_seconds <= fails)
    assert there.sum() > 3
    assert (requests.having(ERROR) == there).all()
    assert (requests.end_seconds[there] == fails).all()
    assert (requests.http_status[there] == 502).all()
    assert (requests.killed_by[there] == 0).all()
    assert serving_summary(history)["errors_by_node_fault"] == there.sum()


@pytest.mark.parametrize("router", ROUTERS)
@pytest.mark.parametrize("instance", [PREFILL, DECODE])
def test_an_instance_serves_nothing_until_its_model_is_loaded_again(router, instance):
    spec = calm(router=router, reload_seconds=400.0)
    requests = simulate(spec, [(100 + instance, 1000.0, 1500.0)]).requests
    begun = requests.admitted_seconds if instance == PREFILL else transfer_started(spec, requests)
    begun = begun[(requests.prefill if instance == PREFILL else requests.decode) == instance]
    begun = begun[~np.isnan(begun)]
    assert not ((begun > 1000.0) & (begun < 1900.0)).any()
    assert ((begun >= 1900.0) & (begun < 1901.0)).any()


def test_without_a_prefill_instance_on_demand_waits_and_round_robin_refuses():
    outages = [(100, 1000.0, 1200.0), (101, 1000.0, 1200.0)]
    waiting, refused = (simulate(calm(router=router, reload_seconds=0.0), outages).requests for router in ROUTERS)
    meanwhile = (waiting.arrival_seconds > 1000.0) & (waiting.arrival_seconds < 1200.0)
    assert waiting.having(OK)[meanwhile].all()
    assert waiting.ttft_seconds[meanwhile].max() == pytest.approx(200, abs=10)
    assert (refused.http_status[meanwhile] == 503).all()
    assert (refused.latency_seconds[meanwhile] == 0).all()


def test_outages_of_an_instances_nodes_that_touch_within_a_reload_are_one_downtime():
    spec = calm(nodes_per_prefill_instance=2, reload_seconds=100.0)
    outages = [(101, 150.0, 400.0), (100, 100.0, 200.0), (100, 450.0, 460.0), (101, 600.0, 610.0), (104, 3500.0, 1e12)]
    downs = simulate(spec, outages).downtimes
    assert [(down.instance, down.from_seconds, down.to_seconds, down.node) for down in downs] == [
        (0, 100.0, 560.0, 100),
        (0, 600.0, 710.0, 101),
        (2, 3500.0, 1e12 + 100, 104),
    ]


def test_downtimes_that_touch_leave_no_gap():
    spec = calm(prefill_instances=1)
    instances = placed_instances(spec, range(4))
    downtimes = [Downtime(0, 100.0, 200.0, "crash", None), Downtime(0, 200.0, 300.0, "node_fault", 0)]
    arrivals = np.arange(110.0, 190.0)
    lengths = np.full(80, 1000)
    requests = ServingSimulation(spec, instances, downtimes, arrivals, lengths, lengths, arrivals + 1e6).run()
    assert requests.having(OK).all()
    assert requests.admitted_seconds.min() == 300.0


def test_crashes_come_at_their_rate_in_the_time_up_and_only_then():
    spec = calm(
        prefill_instances=50,
        decode_instances=50,
        requests_per_second=1e-4,
        days=20.0,
        instance_crashes_per_1000_instance_days=2000.0,
        reload_seconds=7200.0,
    )
    outages = [
        (node, 86_400.0 * day, 86_400.0 * (day + 0.3)) for node in range(100, 200) for day in range(node % 3, 20, 3)
    ]
    history = simulate(spec, outages)
    by_instance = [[down for down in history.downtimes if down.instance == index] for index in range(100)]
    down_days = 0.0
    for downs in by_instance:
        assert all(earlier.to_seconds <= later.from_seconds for earlier, later in pairwise(downs))
        down_days += sum(min(down.to_seconds, history.to_seconds) - down.from_seconds for down in downs) / 86_400
    crashes = sum(down.cause == "crash" for down in history.downtimes)
    expected = 2.0 * (100 * 20 - down_days)
    assert abs(crashes - expected) < 4 * expected**0.5
    assert crashes > 2000


def test_a_client_is_gone_when_its_patience_ends():
    spec = calm(requests_per_second=40.0, client_timeout_seconds=20.0)
    requests = simulate(spec).requests
    cancelled = requests.having(CANCELLED)
    assert cancelled.sum() > 1000
    assert (requests.http_status[cancelled] == 499).all()
    assert requests.latency_seconds[cancelled] == pytest.approx(20.0, abs=1e-9)
    assert requests.latency_seconds[requests.having(OK)].max() < 20.0
    flying = requests.having(IN_FLIGHT)
    assert requests.arrival_seconds[flying].min() >= spec.window_seconds[1] - 20.0


def test_the_log_is_ingested_as_it_happened(storm, tmp_path):
    _, history = storm
    lines = list(request_log_lines(history, START, NAMES))
    (tmp_path / "requests.jsonl").write_text("".join(f"{line}\n" for line in lines))
    ends = [msgspec.json.decode(line)["finished_time"] for line in lines]
    assert ends == sorted(ends)

    lake = create_lake(tmp_path / "lake")
    ingest_paths(lake, [tmp_path / "requests.jsonl"], Options(), lambda: datetime.now(UTC))
    engine = DuckDBEngine(lake)
    assert engine.rows("SELECT count(*) AS n FROM rejects") == [{"n": 0}]
    rows = engine.rows(
        "SELECT epoch_us(arrival_utc), epoch_us(first_token_utc), epoch_us(end_utc), input_tokens, output_tokens, "
        "status, prefill_instance, decode_instance, node FROM requests"
    )
    requests = history.requests
    names = [*(instance.name for instance in history.instances), None]  # -1 is none
    hosts = [*(NAMES[instance.nodes[0]] for instance in history.instances), None]

    def microseconds(seconds):
        return None if np.isnan(seconds) else round(START.timestamp() * 1e6) + round(seconds * 1e6)

    happened = [
        (
            microseconds(requests.arrival_seconds[i]),
            microseconds(requests.first_token_seconds[i]),
            microseconds(requests.end_seconds[i]),
            int(requests.input_tokens[i]),
            int(requests.output_tokens[i]),
            ("ok", "error", "cancelled")[requests.outcome[i]],
            names[requests.prefill[i]],
            names[requests.decode[i]],
            hosts[max(requests.prefill[i], requests.decode[i])],
        )
        for i in np.flatnonzero(~requests.having(IN_FLIGHT))
    ]
    assert Counter(tuple(row.values()) for row in rows) == Counter(happened)


def test_the_truth_lists_each_instance_with_its_downtimes():
    spec = calm(nodes_per_decode_instance=2)
    history = simulate(spec, [(103, 1000.0, 1200.0), (105, 3000.0, 1e9)])
    table = serving_instances(history, START, NAMES).to_pylist()
    assert [(row["instance"], row["role"], row["nodes"]) for row in table[1:3]] == [
        ("prefill-01", "prefill", ["gpu-101"]),
        ("decode-00", "decode", ["gpu-102", "gpu-103"]),
    ]

    def at(seconds):
        return START + timedelta(seconds=seconds)

    assert [row["down"] for row in table] == [
        [],
        [],
        [{"from_utc": at(1000), "to_utc": at(1500), "cause": "node_fault"}],
        [{"from_utc": at(3000), "to_utc": None, "cause": "node_fault"}],
        [],
    ]
    summary = serving_summary(history)
    assert summary["prefill_availability"] == 1
    assert summary["decode_availability"] == pytest.approx(1 - (500 + 600) / (3 * 3600))


def test_a_window_without_a_request_has_an_empty_log():
    history = simulate(calm(requests_per_second=1e-9))
    assert list(request_log_lines(history, START, NAMES)) == []
    summary = serving_summary(history)
    assert summary["requests"] == 0
    assert summary["error_share"] is None
    assert summary["ttft_seconds"]["p50"] is None


def test_a_window_outside_the_log_too_few_nodes_and_backward_outages_are_refused():
    rng = np.random.default_rng(1)
    with pytest.raises(ValueError, match="after the log"):
        simulate_serving(calm(days=2.0), range(5), [], rng, log_seconds=86_400)
    with pytest.raises(ValueError, match="needs 5 nodes, but is given 4"):
        simulate_serving(calm(), range(4), [], rng, log_seconds=86_400)
    with pytest.raises(ValueError, match="twice"):
        simulate_serving(calm(), [1, 1, 2, 3, 4], [], rng, log_seconds=86_400)
    with pytest.raises(ValueError, match="outage of node 3"):
        simulate_serving(calm(), range(5), [(3, 10, 9)], rng, log_seconds=86_400)
