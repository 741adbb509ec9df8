"""What-if on the past: each lever on logs small enough to count by hand, and the laws that every replay keeps."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reliability.analyses.goodput import goodput
from reliability.analyses.replay import replay
from reliability.analyses.replay_levers import Levers
from reliability.cli import main
from reliability.errors import BadOptionError, NoDataError
from tests.lakes import add_ingest, build_lake, sample_lake

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
NODES = [{"node": name} for name in ("n1", "n2")]
EVERYTHING = Levers(
    checkpoint_interval=600.0,
    checkpoint_write=60.0,
    checkpoint_stall=10.0,
    restart_overhead=60.0,
    detection=30.0,
    drain_lemons="model",
    hindsight=True,
    dual_tor=True,
    no_preemption_after_failure=True,
)


def at(hours: float) -> datetime:
    return BEGIN + timedelta(hours=hours)


def job(job_id: str, start: float, end: float, state: str = "COMPLETED", **more: Any) -> dict[str, Any]:
    """Describe an attempt on one node of 8 GPUs; times in hours."""
    return {
        "job_id": job_id,
        "job_name": job_id,
        "nodes": ["n1"],
        "start_utc": at(start),
        "end_utc": at(end),
        "state": state,
        **more,
    }


def hours(found: Any) -> dict[str, float]:
    return {change.bucket: change.difference_hours for change in found.buckets if change.difference_hours}


def sign(hour: float, symptom: str = "gpu_memory", node: str = "n1") -> dict[str, Any]:
    return {"node": node, "time_utc": at(hour), "symptom": symptom}


@pytest.fixture(scope="module")
def failed(tmp_path_factory):
    """One job that failed 1.75 h after its first step, came back and completed. Nothing was logged of its training."""
    minute = 1 / 60
    return build_lake(
        tmp_path_factory.mktemp("failed") / "lake",
        nodes=NODES,
        jobs=[
            job("1", 10, 12 - 10 * minute, "NODE_FAIL"),
            job("1", 13, 16, submit_utc=at(12)),
        ],
        events=[sign(12 - 12 * minute, "ib_link")],
    )


def test_shorter_intervals_lose_less_of_what_failed_and_cost_nothing_where_writes_are_free(failed):
    # 105 minutes of work after 5 of restart: hourly checkpoints lose 45, half-hourly ones 15; times 8 GPUs.
    found = replay(failed, Levers(checkpoint_interval=1800.0))
    assert hours(found) == pytest.approx({"productive": 4.0, "lost_first_order": -4.0})
    assert any("costs nothing here: say checkpoint_write" in warning for warning in found.warnings)


def test_writes_that_are_given_stop_every_run(failed):
    # Cycles of 35 minutes: 3 whole ones in 105 minutes, the last of them safe; 5 whole ones in 175.
    found = replay(failed, Levers(checkpoint_interval=1800.0, checkpoint_write=300.0))
    assert hours(found) == pytest.approx(
        {"checkpoint_write": 8 * 40 / 60, "lost_first_order": -8 * 45 / 60, "productive": 8 * 5 / 60}
    )


def test_a_checkpoint_that_was_not_yet_written_holds_nothing(failed):
    # Training stands still 1 minute in 31; the third checkpoint began after 92 minutes and is safe 14 minutes later.
    found = replay(failed, Levers(checkpoint_interval=1800.0, checkpoint_write=840.0, checkpoint_stall=60.0))
    trained, safe = 105 - 3, 60
    assert hours(found)["lost_first_order"] == pytest.approx(8 * (trained - safe - 45) / 60)


def test_a_faster_restart_frees_what_it_saves_at_every_start(failed):
    found = replay(failed, Levers(restart_overhead=60.0))
    assert hours(found) == pytest.approx({"restart": -8 * 8 / 60, "productive": 8 * 8 / 60})
    change = next(change for change in found.buckets if change.bucket == "restart")
    assert change.low_hours < change.difference_hours < change.high_hours  # one of the two starts followed a failure


def test_a_second_switch_spares_the_end_and_the_restart_after_it(failed):
    found = replay(failed, Levers(dual_tor=True))
    assert hours(found) == pytest.approx({"productive": 8 * 50 / 60, "lost_first_order": -6.0, "restart": -8 * 5 / 60})
    assert found.attempts_spared == 1


def test_other_causes_are_not_spared_by_a_second_switch(tmp_path):
    lake = build_lake(
        tmp_path / "lake", nodes=NODES, jobs=[job("1", 10, 12, "NODE_FAIL")], events=[sign(11.95, "gpu_memory")]
    )
    found = replay(lake, Levers(dual_tor=True))
    assert not hours(found)
    assert any("no attempt would have been spared" in warning for warning in found.warnings)


def test_faster_detection_shortens_what_passed_since_the_first_sign(failed):
    # The link failed two minutes before the end.
    assert hours(replay(failed, Levers(detection=30.0))) == pytest.approx(
        {"productive": 8 * 1.5 / 60, "lost_first_order": -8 * 1.5 / 60}
    )
    assert not hours(replay(failed, Levers(detection=120.0)))


@pytest.fixture(scope="module")
def preempting(tmp_path_factory):
    """Job 1 fails, comes back and preempts job 2, which comes back too."""
    return build_lake(
        tmp_path_factory.mktemp("preempting") / "lake",
        nodes=NODES,
        jobs=[
            job("1", 10, 12, "NODE_FAIL"),
            job("1", 13, 20, submit_utc=at(12)),
            job("2", 9, 13, "PREEMPTED", nodes=["n2"], preempted_by="1"),
            job("2", 21, 24, nodes=["n2"], submit_utc=at(14)),
        ],
        events=[sign(11.99, "ethernet_link")],
    )


def test_without_preemption_after_failures_their_victims_go_on(preempting):
    # 235 minutes of work: 55 after the last full hour.
    found = replay(preempting, Levers(no_preemption_after_failure=True))
    assert hours(found) == pytest.approx(
        {"productive": 8 * 60 / 60, "lost_second_order": -8 * 55 / 60, "restart": -8 * 5 / 60}
    )


def test_a_failure_that_is_spared_preempts_nobody(preempting):
    found = replay(preempting, Levers(dual_tor=True))
    assert hours(found) == pytest.approx(
        {
            "productive": 8 * (55 + 5 + 55 + 5) / 60,
            "lost_first_order": -8 * 55 / 60,
            "lost_second_order": -8 * 55 / 60,
            "restart": -8 * 10 / 60,
        }
    )
    assert found.attempts_spared == 2


@pytest.fixture(scope="module")
def logged(tmp_path_factory):
    """A job that logged a blocking checkpoint of 2 minutes after every 58 of work, and failed 28 minutes after one."""
    steps = [
        {"job_id": "1", "step": step, "time_utc": at(10 + step / 60 + 0.1), "step_seconds": 60.0} for step in (1, 2)
    ]
    steps.append({"job_id": "1", "step": 140, "time_utc": at(12.5), "step_seconds": 60.0})
    saves = [
        {"job_id": "1", "step": 58 * number, "started_utc": at(10.1 + number - 2 / 60), "duration_seconds": 120.0}
        for number in (1, 2)
    ]
    return build_lake(
        tmp_path_factory.mktemp("logged") / "lake",
        nodes=NODES,
        jobs=[job("1", 10, 12.5, "NODE_FAIL"), job("2", 20, 20.3)],
        training_steps=steps,
        checkpoints=saves,
    )


def test_as_it_was_logged_an_interval_changes_nothing(logged):
    found = replay(logged, Levers(checkpoint_interval=58 * 60.0))
    assert {bucket: round(change, 3) for bucket, change in hours(found).items() if abs(change) > 1e-3} == {}


def test_logged_writes_multiply_with_shorter_intervals(logged):
    # 144 minutes in cycles of 30: 4 whole ones, 8 minutes standing still, 24 minutes lost where there were 24.
    found = hours(replay(logged, Levers(checkpoint_interval=28 * 60.0)))
    assert found["checkpoint_write"] == pytest.approx(8 * 4 / 60, abs=0.01)


def test_asynchronous_checkpoints_stop_in_proportion(logged):
    found = hours(replay(logged, Levers(checkpoint_stall=12.0)))
    assert found == pytest.approx({"checkpoint_write": -0.9 * 8 * 4 / 60, "productive": 0.9 * 8 * 4 / 60}, rel=0.02)


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    return sample_lake(tmp_path_factory.mktemp("sample") / "lake")


@pytest.mark.parametrize(
    "levers", [Levers(checkpoint_interval=3600.0), Levers(restart_overhead=300.0), Levers(detection=600.0)]
)
def test_a_lever_set_to_what_it_was_changes_nothing_at_all(sample, levers):
    found = replay(sample, levers)
    assert all(
        (change.difference_hours, change.low_hours, change.high_hours) == (0.0, 0.0, 0.0) for change in found.buckets
    )


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.builds(
        Levers,
        checkpoint_interval=st.none() | st.floats(10, 1e5),
        checkpoint_write=st.none() | st.floats(100, 1e4),
        checkpoint_stall=st.none() | st.floats(0, 100),
        restart_overhead=st.none() | st.floats(0, 1e4),
        detection=st.none() | st.floats(0, 1e3),
        dual_tor=st.booleans(),
        no_preemption_after_failure=st.booleans(),
    ).filter(lambda levers: levers.are_set)
)
def test_buckets_add_up_to_the_same_capacity_and_none_becomes_negative(sample, levers):
    found = replay(sample, levers)
    now = [change.now_hours for change in found.buckets]
    assert sum(now) == pytest.approx(found.capacity_hours)
    assert min(now) >= -1e-6
    assert all(
        change.low_hours - 1e-9 <= change.difference_hours <= change.high_hours + 1e-9 for change in found.buckets
    )


@pytest.mark.parametrize("unit", ["gpu", "node"])
def test_then_is_the_goodput_ledger(sample, unit):
    found = replay(sample, EVERYTHING, unit=unit)
    ledger = goodput(sample, unit=unit)
    assert {change.bucket: change.then_hours for change in found.buckets} == pytest.approx(ledger.buckets)
    assert min(change.now_hours for change in found.buckets) >= -1e-6


def test_each_lever_alone_stands_beside_all_together(sample):
    found = replay(sample, EVERYTHING)
    assert [effect.lever for effect in found.effects] == list(EVERYTHING.alone())
    alone = replay(sample, Levers(restart_overhead=60.0)).productive
    effect = next(effect for effect in found.effects if effect.lever == "restart_overhead")
    assert (effect.productive_hours, effect.low_hours) == (alone.difference_hours, alone.low_hours)


def test_an_attempt_that_began_before_the_log_stays_as_it_was(tmp_path):
    lake = build_lake(tmp_path / "lake", nodes=NODES, jobs=[job("1", -5, 3.5, "NODE_FAIL"), job("2", 10, 12)])
    assert not hours(replay(lake, Levers(checkpoint_interval=600.0)))


@pytest.fixture(scope="module")
def lemon_lake(tmp_path_factory):
    """Sixty days of one node that fails every other day, among nineteen that never do; half the time nobody works."""
    names = [f"m{number:02}" for number in range(20)]
    lake = build_lake(
        tmp_path_factory.mktemp("lemon") / "lake",
        observed_to=at(24 * 60),
        nodes=[{"node": name} for name in names],
        jobs=[
            job(
                f"{name}-{day}",
                24 * day,
                24 * day + 11.5,
                "NODE_FAIL" if name == "m00" and day % 2 == 0 else "COMPLETED",
                nodes=[name],
            )
            for day in range(60)
            for name in names
        ],
        node_states=[
            {"node": "m00", "from_utc": at(24 * day + 11.5), "to_utc": at(24 * day + 12), "reason": "gpu"}
            for day in range(0, 60, 2)
        ],
    )
    return add_ingest(lake, events=[sign(24 * day + 11.49, node="m00") for day in range(0, 60, 2)])


def test_drained_lemons_give_their_time_and_others_do_their_work_in_idle_time(lemon_lake):
    found = replay(lemon_lake, Levers(drain_lemons="model"))
    assert [node.node for node in found.drained] == ["m00"]
    changed, days = hours(found), (at(24 * 60) - found.drained[0].from_utc).days
    assert 28 <= 60 - days <= 42
    assert found.attempts_spared == days // 2
    assert changed["drained"] == pytest.approx(8 * 24 * days, rel=0.05)
    assert changed["idle"] < 0
    assert changed["down_unplanned"] == pytest.approx(-8 * 0.5 * days / 2, rel=0.05)
    assert changed["lost_first_order"] == pytest.approx(-8 * days / 2 * 25 / 60, rel=0.05)
    assert changed["productive"] == pytest.approx(-changed["lost_first_order"], rel=0.05)


def test_hindsight_drains_from_the_beginning(lemon_lake):
    known = replay(lemon_lake, Levers(drain_lemons="model", hindsight=True))
    assert known.attempts_spared == 30
    assert (
        known.productive.difference_hours > replay(lemon_lake, Levers(drain_lemons="model")).productive.difference_hours
    )


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["lever=1"], "expected LEVER=VALUE with one of checkpoint_interval,"),
        (["dual_tor"], "expected LEVER=VALUE"),
        (["checkpoint_interval=10"], "expected a duration with units"),
        (["checkpoint_interval=0s"], "expected a time above 0"),
        (["dual_tor=perhaps"], "expected true or false"),
        (["drain_lemons=me"], "expected true, model or rule"),
        (["hindsight=true"], "expected drain_lemons beside it"),
        (["checkpoint_write=5s", "checkpoint_stall=9s"], "at most checkpoint_write, 5s"),
        ([], "expected at least one lever"),
    ],
)
def test_what_cannot_be_set_is_said_in_one_line(sample, capsys, settings, message):
    options = [part for setting in settings for part in ("--set", setting)]
    assert main(["replay", "--lake", str(sample.path), *options]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_levers_that_cannot_be_are_refused():
    with pytest.raises(BadOptionError, match="restart_overhead=-1s"):
        Levers(restart_overhead=-1.0)
    with pytest.raises(BadOptionError, match="checkpoint_interval=nans"):
        Levers(checkpoint_interval=float("nan"))


def test_a_lake_without_jobs_says_what_it_needs(tmp_path):
    lake = build_lake(tmp_path / "lake", nodes=NODES)
    with pytest.raises(NoDataError, match="jobs with the nodes they ran on"):
        replay(lake, Levers(dual_tor=True))


def test_the_command_prints_json_csv_and_a_table(sample, capsys):
    command = ["replay", "--lake", str(sample.path), "--set", "restart_overhead=1m", "--set", "dual_tor=true"]
    assert main([*command, "--json"]) == 0
    assert '"difference": {"productive"' in capsys.readouterr().out.replace("\n", "").replace("  ", "").replace(
        '": {"', '": {"'
    )
    assert main([*command, "--csv"]) == 0
    assert capsys.readouterr().out.startswith("bucket,then_hours,now_hours,difference_hours")
    assert main(command) == 0
    printed = capsys.readouterr()
    assert "lost first order" in printed.out or "lost_first_order" in printed.out
    assert "dual_tor: Failures whose cause is a link" in printed.err
