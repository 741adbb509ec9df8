"""The planner: what a plan says of its run, and that no part of it contradicts another."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.goodput.renewal import exact_ettr
from reliability.analyses.plan import FailureRate, counted_rate, plan, replanned
from reliability.analyses.plan_finish import finish
from reliability.analyses.plan_judged import judged
from reliability.analyses.plan_map import ettr_map
from reliability.analyses.plan_model import planned_model
from reliability.analyses.plan_outlook import outlook
from reliability.analyses.plan_sensitivity import sensitivity
from reliability.analyses.plan_simulation import simulated
from reliability.analyses.plan_sweep import SWEPT, sweep, swept_range
from reliability.errors import BadOptionError, EndUnknownError

DAY = 86_400.0
#: Llama 3 405B: 419 unexpected interruptions in 54 days on 16,384 GPUs (arXiv 2407.21783)
LLAMA = counted_rate(419, 2048 * 54)
START = datetime(2026, 1, 1, tzinfo=UTC)


def llama(**changes):
    """The published run; checkpoints every 10 minutes that take 20 s, and a restart of 5 minutes, are assumed."""
    options = {"checkpoint_interval_seconds": 600, "checkpoint_write_seconds": 20, "restart_overhead_seconds": 300}
    return plan(16_384, LLAMA, **options | changes)


def test_llama_3_was_interrupted_every_three_hours_and_trained_for_more_than_nine_tenths_of_the_time():
    planned = llama(productive_seconds=54 * DAY)
    assert planned.mttf_hours == pytest.approx(3.09, abs=0.005)
    assert planned.rate.per_1000_node_days == pytest.approx(3.79, abs=0.005)
    assert 0.9 < planned.ettr_low < planned.ettr_exact < planned.ettr_high < 0.93


def test_the_interval_of_the_ettr_comes_from_the_counts():
    few, many = counted_rate(4, 1056), counted_rate(400, 105_600)
    narrow, wide = (plan(16_384, rate, checkpoint_write_seconds=20) for rate in (many, few))
    assert narrow.ettr_exact == pytest.approx(wide.ettr_exact)
    assert wide.ettr_high - wide.ettr_low > 5 * (narrow.ettr_high - narrow.ettr_low)


def test_a_rate_without_counts_has_no_interval_and_says_so():
    found = outlook(plan(1024, FailureRate(6.5)))
    assert (found.planned.ettr_low, found.planned.ettr_high) == (None, None)
    assert found.planned.ettr_exact is not None
    assert any("without counts" in note for note in found.notes)


def test_no_failure_seen_gives_bounds_and_no_estimate():
    found = outlook(plan(16_384, counted_rate(0, 5000), checkpoint_write_seconds=20)).document()
    assert (found["mttf_hours"], found["ettr_exact"], found["ettr_simulated"]) == (None, None, None)
    assert found["mttf_low_hours"] > 0
    assert 0 < found["ettr_low"] < found["ettr_high"] < 1
    assert (found["spares_needed"], found["largest_gpus"]) == (None, None)
    assert found["spares_needed_high"] >= found["spares_needed_low"] == 0
    assert found["largest_gpus_low"] > 0
    assert any("no failure in 5000 node-days" in warning for warning in found["warnings"])


def test_a_restart_longer_than_the_mttf_is_said():
    warnings = plan(131_072, FailureRate(60.0), restart_overhead_seconds=3600, checkpoint_write_seconds=60).warnings
    assert any("most restarts fail" in warning or "nothing is ever finished" in warning for warning in warnings)


def test_the_exact_ettr_lies_within_the_simulated_interval():
    planned = llama(productive_seconds=54 * DAY)
    run = simulated(planned.run, confidence=0.999)
    assert run.is_whole
    assert run.low <= planned.ettr_exact <= run.high


def test_the_simulation_repeats_with_its_seed_and_changes_with_another():
    run = llama().run
    assert simulated(run, confidence=0.9) == simulated(run, confidence=0.9)
    assert simulated(run, confidence=0.9, seed=1).ettr != simulated(run, confidence=0.9, seed=2).ettr


def test_too_few_spares_cost_and_many_cost_nothing():
    run = llama(productive_seconds=30 * DAY).run
    without, few, many = (simulated(run, confidence=0.9, spares=spares, repair_seconds=DAY) for spares in (None, 2, 60))
    assert few.ettr < many.ettr - 0.1
    assert many.ettr == pytest.approx(without.ettr, abs=0.005)


def test_days_and_interruptions_follow_from_the_exact_ettr():
    planned = llama(productive_seconds=54 * DAY)
    done = finish(replace_rate(planned, FailureRate(LLAMA.per_1000_node_days)))
    assert done.days.mean == pytest.approx(54 / planned.ettr_exact, rel=1e-9)
    assert done.interruptions.mean == pytest.approx(done.days.mean * 24 / planned.mttf_hours, rel=1e-9)
    assert done.gpu_hours.mean == pytest.approx(done.days.mean * 24 * 16_384, rel=1e-9)
    assert done.days.low < done.days.mean < done.days.high


def replace_rate(planned, rate):
    return replanned(planned, rate=rate)


def test_a_rate_known_less_well_widens_when_the_run_is_done():
    known, counted = (
        finish(llama(productive_seconds=54 * DAY)),
        finish(replanned(llama(productive_seconds=54 * DAY), rate=counted_rate(4, 1056))),
    )
    assert counted.days.high - counted.days.low > 2 * (known.days.high - known.days.low)


def test_in_the_queue_a_run_holds_no_gpus():
    rate = FailureRate(LLAMA.per_1000_node_days)
    queued = finish(replanned(llama(productive_seconds=10 * DAY, queue_wait_seconds=3600), rate=rate))
    prompt = finish(replanned(llama(productive_seconds=10 * DAY), rate=rate))
    assert queued.days.mean > prompt.days.mean
    assert queued.gpu_hours.mean == pytest.approx(prompt.gpu_hours.mean, rel=1e-6)


def test_a_later_date_is_more_likely_and_one_before_the_start_is_refused():
    planned = llama(productive_seconds=54 * DAY)
    chances = [
        finish(planned, start_utc=START, finish_by_utc=START + timedelta(days=days)).probability
        for days in (54, 58.5, 59, 59.5, 70)
    ]
    assert chances[0] == 0
    assert chances == sorted(chances)
    assert chances[-1] == pytest.approx(1)
    with pytest.raises(BadOptionError, match="after the start"):
        finish(planned, start_utc=START, finish_by_utc=START)
    with pytest.raises(BadOptionError, match="--productive-time"):
        finish(llama(), start_utc=START, finish_by_utc=START + timedelta(days=1))


def test_an_end_beyond_all_counting_is_refused_and_the_rest_is_still_told():
    hopeless = plan(131_072, FailureRate(60.0), productive_seconds=365 * DAY)
    with pytest.raises(EndUnknownError):
        finish(hopeless)
    found = outlook(hopeless)
    assert found.finish is None
    assert any("cannot be said" in warning for warning in found.warnings)


def test_what_buys_most_stands_first_and_what_is_zero_is_left_out():
    found = sensitivity(llama(detection_seconds=120))
    gains = [factor.gain for factor in found.factors]
    assert gains == sorted(gains, reverse=True)
    assert {factor.name for factor in found.factors} == set(SWEPT) - {"gpus", "queue_wait"}
    halved = next(factor for factor in found.factors if factor.name == "restart_overhead")
    assert halved.ettr_halved == pytest.approx(
        exact_ettr(llama(detection_seconds=120, restart_overhead_seconds=150).run)
    )


def test_the_largest_run_reaches_the_target_and_one_node_more_does_not():
    planned = llama()
    largest = ettr_map(planned, 0.9).largest_gpus
    for gpus, reaches in ((largest.middle, True), (largest.middle + 8, False)):
        assert (replanned(planned, gpus=gpus).ettr_at_exact_interval >= 0.9) is reaches
    assert largest.at_high_rate < largest.middle < largest.at_low_rate


def test_the_map_falls_with_size_and_with_rate():
    found = ettr_map(llama(), 0.9)
    assert np.all(np.diff(found.ettr, axis=0) <= 1e-12)
    assert np.all(np.diff(found.ettr, axis=1) <= 1e-12)
    assert found.ettr.shape == (len(found.rates), len(found.gpus))


def test_a_target_no_size_reaches_gives_zero():
    slow = plan(8, FailureRate(60.0), checkpoint_write_seconds=60, restart_overhead_seconds=DAY)
    assert ettr_map(slow, 0.99).largest_gpus.middle == 0


@pytest.mark.parametrize("target", [-0.1, 0.0, 1.0, 1.5, math.nan])
def test_a_target_that_is_no_share_is_refused(target):
    with pytest.raises(BadOptionError, match="--target-ettr"):
        ettr_map(llama(), target)


@given(st.floats(1e-3, 1e6), st.floats(1.001, 1e4))
def test_a_range_is_swept_from_end_to_end_by_doubling(low, times):
    values = swept_range(low, low * times)
    assert (values[0], values[-1]) == (low, pytest.approx(low * times, rel=1e-6))
    assert all(1 < later / earlier <= 2 * (1 + 1e-6) for earlier, later in pairwise(values))


@given(st.floats(1e-3, 1e6), st.floats(1.001, 1e4), st.integers(2, 50))
def test_steps_are_equal_ratios(low, times, steps):
    values = np.array(swept_range(low, low * times, steps))
    assert values.size == steps
    np.testing.assert_allclose(np.diff(np.log(values)), math.log(times) / (steps - 1), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("ends", [(0, 1), (2, 1), (1, 1), (1, math.inf), (math.nan, 2), (-1, 1), (1e-300, 1e300)])
def test_a_range_that_is_none_is_refused(ends):
    with pytest.raises(BadOptionError, match="--sweep"):
        swept_range(*ends)


@settings(max_examples=15, deadline=None)
@given(st.sampled_from(sorted(SWEPT)))
def test_a_sweep_through_the_planned_value_meets_the_plan(name):
    planned = llama(queue_wait_seconds=60, detection_seconds=60)
    run = planned.run
    value = {"gpus": 16_384, "r_f": planned.rate.per_1000_node_days}.get(name) or getattr(run, f"{name}_seconds")
    found = sweep(planned, name, (float(value),))
    assert found.plans[0].ettr_exact == pytest.approx(planned.ettr_exact)
    assert found.rows()[0]["ettr_v1"] == pytest.approx(planned.ettr_v1)


def test_the_formulas_are_judged_at_every_size_and_the_exact_one_holds():
    found = judged(llama())
    rows = found.rows()
    assert [row["gpus"] for row in rows] == [2**power for power in range(6, 18)]
    assert max(abs(row["error_exact"]) for row in rows) < 0.02
    # the first-order forms leave the simulation where failures cost much
    assert rows[-1]["error_v2"] < -0.02


def test_a_model_is_counted_and_its_checkpoint_written():
    known = planned_model("llama-3.1-405b")
    assert (known.parameters, known.checkpoint_bytes) == (405_853_388_800, 12 * 405_853_388_800)
    assert known.write_seconds(2000) == pytest.approx(known.checkpoint_bytes * 8 / 2000e9)


def test_a_models_configuration_is_read_from_its_file_or_folder(tmp_path: Path):
    config = {
        "model_type": "llama",
        "num_hidden_layers": 126,
        "hidden_size": 16_384,
        "num_attention_heads": 128,
        "num_key_value_heads": 8,
        "vocab_size": 128_256,
        "intermediate_size": 53_248,
    }
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    for place in (tmp_path, tmp_path / "config.json"):
        assert replace(planned_model(str(place)), name="") == replace(planned_model("llama-3.1-405b"), name="")
