"""Levers of a planned run: each is told alone and together, with its limits, and no bad one gets a traceback."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.goodput.elastic import Elastic, elastic_ettr
from models.goodput.levers import with_detection, with_hot_spares
from models.goodput.renewal import exact_ettr
from models.goodput.two_level import TwoLevel, two_level_ettr
from reliability.analyses.lever_catalogue import CATALOGUE, setting
from reliability.analyses.plan import FailureRate, Plan, counted_rate, plan
from reliability.analyses.plan_levers import TOGETHER, plan_levers
from reliability.cli import main
from reliability.cli.lever_option import lever_setting
from reliability.errors import BadOptionError

GIVEN = ("plan", "--gpus", "16384", "--failures-per-1000-node-days", "6.5", "--detection", "10m")
SPARES = {"spares": 20, "repair_seconds": 86_400.0, "swap_seconds": 30.0}


def planned(rate: FailureRate | None = None, **options: Any) -> Plan:
    """Plan the run of Llama 3: 16,384 GPUs, 419 interruptions in 54 days."""
    given = {"checkpoint_write_seconds": 60.0, "queue_wait_seconds": 600.0, "detection_seconds": 600.0} | options
    return plan(16_384, rate or counted_rate(419, 2048 * 54), **given)


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    """Run the command and return its JSON."""
    assert main([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_the_command_tells_each_lever_alone_and_all_together(capsys: pytest.CaptureFixture[str]) -> None:
    found = told(capsys, *GIVEN, "--lever", "detection:30s", "--lever", "hot_spares:spares=20,repair=1d,swap=30s")
    assert [row["lever"] for row in found["levers"]] == ["detection", "hot_spares", TOGETHER]
    detection = found["levers"][0]
    assert detection["values"] == {"detection_seconds": 30.0}
    assert detection["ettr_before"] == found["ettr_exact"]
    assert detection["gain"] == pytest.approx(detection["ettr"] - found["ettr_exact"])
    assert detection["gain"] > 0
    assert detection["mttf_hours"] == pytest.approx(found["mttf_hours"])
    assert "ByteRobust" in detection["source"]
    assert detection["ettr_low"] is None


def test_a_plan_without_levers_has_an_empty_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert told(capsys, *GIVEN)["levers"] == []


def test_the_table_names_what_each_lever_assumes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*GIVEN, "--lever", "dual-tor:0.08"]) == 0
    printed = capsys.readouterr()
    assert "dual_tor" in printed.out
    assert "dual_tor: assumes that failures of links and switches no longer end the run" in printed.err


def test_all_levers_can_be_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "--list-levers"]) == 0
    listed = capsys.readouterr().out
    for lever in CATALOGUE.values():
        assert lever.assumption in listed
        assert lever.source in listed
        assert all(what in listed for what in lever.values.values())


@pytest.mark.parametrize(
    ("levers", "expected"),
    [
        (["nonsense:1"], "expected one of drain_lemons, dual_tor, detection,"),
        (["hot_spares:spares=20"], "expected repair_seconds, swap_seconds too"),
        (["hot_spares:spares=2.5,repair=1d,swap=30s"], "expected a whole number"),
        (["hot_spares:spares=2,repair=1,swap=30s"], "expected a duration with units"),
        (["hot_spares:20"], "expected VALUE=X with one of spares, repair, swap"),
        (["detection"], "expected detection_seconds too"),
        (["detection:speed=3s"], "expected one of detection"),
        (["detection:1s,2s"], "expected detection once"),
        (["drain_lemons:2"], "expected a share from 0 to 1"),
        (["drain_lemons:nan"], "expected a share from 0 to 1"),
        (["asynchronous_checkpoints:0.1"], "expected with it --checkpoint-write"),
        (["elastic:replica_nodes=100,return=2h,leave_stall=3m"], "do not make whole replicas"),
        (
            ["two_level:copies=60,memory_write=1s,memory_restart=1m,memory_lost_share=0.1", "detection:1s"],
            "--lever two_level: expected it to be the last",
        ),
    ],
)
def test_a_lever_that_cannot_be_is_refused_in_one_line(
    levers: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*GIVEN, *(part for lever in levers for part in ("--lever", lever))]) == 2
    error = capsys.readouterr().err
    assert expected in error
    assert error.count("\n") == 1


def test_values_may_be_named_with_or_without_their_unit() -> None:
    short, long = (
        lever_setting("hot-spares:spares=20,repair=1d,swap=30s"),
        lever_setting("hot_spares:spares=20, repair_seconds=24h, swap-seconds=0.5m"),
    )
    assert dict(short.values) == dict(long.values) == SPARES


def test_unknown_values_are_refused_by_the_library_too() -> None:
    with pytest.raises(BadOptionError, match="expected one of detection_seconds"):
        setting("detection", spares=1)


def test_together_is_each_lever_applied_in_order() -> None:
    found = plan_levers(planned(), [setting("detection", detection_seconds=30.0), setting("hot_spares", **SPARES)])
    by_hand = with_hot_spares(with_detection(planned().run, 30.0), **SPARES)
    assert found.effects[-1].lever == TOGETHER
    assert found.effects[-1].ettr == exact_ettr(by_hand)


def test_the_order_of_levers_counts() -> None:
    replaced, spares = setting("replace_failed_node", replacement_seconds=60.0), setting("hot_spares", **SPARES)
    first, last = (plan_levers(planned(), order).effects[-1].ettr for order in ([replaced, spares], [spares, replaced]))
    assert first > last  # spares beat a wait of 60 s, and a replacement pulled last sets it to 60 s again


def test_a_lever_that_changes_nothing_gains_nothing_and_keeps_the_limits_of_the_plan() -> None:
    run = planned()
    (effect,) = plan_levers(run, [setting("detection", detection_seconds=600.0)]).effects
    assert (effect.gain, effect.gain_low, effect.gain_high) == (0.0, 0.0, 0.0)
    assert effect.ettr_low == pytest.approx(run.ettr_low, rel=1e-12)
    assert effect.ettr_high == pytest.approx(run.ettr_high, rel=1e-12)
    assert effect.interval_exact_minutes == pytest.approx(run.interval_exact_minutes)
    assert effect.ettr_at_exact_interval == pytest.approx(run.ettr_at_exact_interval)


@settings(max_examples=20, deadline=None)
@given(share=st.floats(0, 1))
def test_removing_failures_never_harms_and_its_limits_hold_the_estimate(share: float) -> None:
    (effect,) = plan_levers(planned(), [setting("drain_lemons", removed_share=share)]).effects
    assert 0.0 <= effect.gain <= 1.0
    assert effect.ettr_low is not None
    assert effect.ettr_high is not None
    assert effect.ettr_low <= effect.ettr <= effect.ettr_high
    before = planned().mttf_hours
    assert before is not None
    assert effect.mttf_hours is None if share == 1 else effect.mttf_hours == pytest.approx(before / (1 - share))


def test_few_failures_make_a_wide_gain() -> None:
    lever = [setting("drain_lemons", removed_share=0.3)]
    few, many = (
        plan_levers(planned(counted_rate(failures, 264 * failures)), lever).effects[0] for failures in (4, 400)
    )
    widths = [(each.gain_high or 0.0) - (each.gain_low or 0.0) for each in (few, many)]
    assert widths[0] > 3 * widths[1] > 0


def test_without_a_failure_levers_are_told_at_the_upper_limit() -> None:
    unseen = counted_rate(0, 20_000)
    found = plan_levers(planned(unseen), [setting("detection", detection_seconds=30.0)])
    assert unseen.high is not None
    assert found.effects[0].ettr_before == pytest.approx(exact_ettr(planned(FailureRate(unseen.high)).run))
    assert found.effects[0].gain > 0
    assert "no failure was seen" in found.warnings[0]


def test_two_levels_have_an_ettr_of_their_own_after_the_levers_before_them() -> None:
    levels = {"copies": 30, "memory_write_seconds": 1.0, "memory_restart_seconds": 60.0, "memory_lost_share": 0.1}
    found = plan_levers(
        planned(productive_seconds=30 * 86_400.0),
        [setting("detection", detection_seconds=30.0), setting("two_level", **levels)],
    )
    long_run = replace(planned().run, productive_seconds=math.inf, detection_seconds=30.0)
    last = found.effects[-1]
    expected = TwoLevel(long_run, 30, memory_write_seconds=1, memory_restart_seconds=60, memory_lost_share=0.1)
    assert last.ettr == two_level_ettr(expected)
    assert last.ettr_at_exact_interval is not None
    assert last.ettr_at_exact_interval >= last.ettr
    assert any("long run" in warning for warning in found.warnings)


def test_an_elastic_run_has_no_checkpoint_interval() -> None:
    values = {"replica_nodes": 128, "return_seconds": 7200.0, "leave_stall_seconds": 180.0}
    (effect,) = plan_levers(planned(), [setting("elastic", **values)]).effects
    assert effect.ettr == elastic_ettr(Elastic(planned().run, 128, 7200, leave_stall_seconds=180))
    assert effect.interval_exact_minutes is None


def test_the_figure_has_one_bar_per_lever_and_reads_the_answer_alone() -> None:
    levers = [setting("detection", detection_seconds=30.0), setting("hot_spares", **SPARES)]
    found = plan_levers(planned(), levers)
    figure = found.figure()
    assert figure == found.figure()
    (bars,) = figure.data
    assert figure.layout.yaxis.ticktext[0] == "all together"
    assert sorted(bars.x) == sorted(effect.gain for effect in found.effects)
    assert min(bars.error_x.array) > 0


def test_the_figure_of_a_rate_without_counts_has_no_limits() -> None:
    found = plan_levers(planned(FailureRate(6.5)), [setting("detection", detection_seconds=30.0)])
    assert found.figure().data[0].error_x.array is None
