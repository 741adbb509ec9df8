"""Causes as a reader meets them: the command with its options, the verdict on a job, the section of the report."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import reliability as rel
from reliability.analyses.overview import overview
from reliability.cli import main
from reliability.errors import BadOptionError
from reliability.figures.theme import headline
from reliability.lake import Lake
from reliability.report.sections.causes import failure_section
from reliability.report.sections.section import Section, Window
from tests.lakes import HOSTILE, build_lake, sample_lake

Run = Callable[..., tuple[int, str, str]]
NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
WHOLE = Window(0.9, None, None)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*arguments: object) -> tuple[int, str, str]:
        status = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return call


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def failed(job: str = "7", **more: Any) -> dict[str, Any]:
    return {"job_id": job, "nodes": ["n1"], "start_utc": "2026-01-05", "end_utc": NOON, "state": "FAILED"} | more


def pcie(seconds: float, node: str = "n1") -> dict[str, Any]:
    return {"node": node, "time_utc": at(seconds), "symptom": "pcie", "code": "pcie:aer_fatal"}


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    events = [pcie(-500), {"node": "n1", "time_utc": at(-300)}, pcie(-460, "n2")]
    return build_lake(tmp_path / "lake", jobs=[failed()], events=events)


def asked(run: Run, lake: Lake, *options: object) -> dict[str, Any]:
    status, out, err = run("causes", "--lake", lake.path, "--json", *options)
    assert (status, err) == (0, "")
    document: dict[str, Any] = json.loads(out)
    return document


def judged(document: dict[str, Any]) -> set[str]:
    return {row["cause"] for row in document["rows"]}


def test_the_attribution_window_is_asked_for_with_before_and_after(run: Run, lake: Lake) -> None:
    assert judged(asked(run, lake)) == {"pcie"}
    assert judged(asked(run, lake, "--before", "6m")) == {"gpu_unavailable"}
    assert judged(asked(run, lake, "--before", "4m")) == {"user_program"}
    late = build_lake(lake.path.parent / "late", jobs=[failed()], events=[pcie(400)])
    assert judged(asked(run, late)) == {"user_program"}
    assert judged(asked(run, late, "--after", "7m")) == {"pcie"}


def test_the_gap_between_nodes_makes_one_event_or_two(run: Run, lake: Lake) -> None:
    assert asked(run, lake)["companions"]["events"] == 1
    assert asked(run, lake, "--event-gap", "30s")["companions"]["events"] == 2


def test_the_silence_that_ends_an_incident_is_asked_for(run: Run, tmp_path: Path) -> None:
    lake = build_lake(tmp_path / "quiet", events=[pcie(0), pcie(900)])
    assert asked_of_events(run, lake) == 2
    assert asked_of_events(run, lake, "--incident-gap", "20m") == 1


def asked_of_events(run: Run, lake: Lake, *options: object) -> int:
    # Nobody logged jobs or states there: causes has no answer, so that the library is asked.
    gap = {"--incident-gap": "incident_gap_seconds"}
    values = {gap[str(options[0])]: 1200} if options else {}
    assert run("causes", "--lake", lake.path, *options)[0] == 2
    return rel.companions(lake, **values).events  # type: ignore[arg-type]


def test_together_is_as_long_as_asked_for(run: Run, lake: Lake) -> None:
    (pair, _) = asked(run, lake)["companions"]["co_occurrence"]
    assert (pair["kind"], pair["other"], pair["with_other"], pair["incidents"]) == ("pcie", "xid:79", 1, 2)
    assert asked(run, lake, "--together", "100s")["companions"]["co_occurrence"] == []


@pytest.mark.parametrize("option", ["--before", "--after", "--incident-gap", "--event-gap", "--together"])
@pytest.mark.parametrize("value", ["soon", "10", "-5m"])
def test_a_duration_that_is_none_is_one_line_and_exit_2(option: str, value: str, run: Run, lake: Lake) -> None:
    status, _, err = run("causes", "--lake", lake.path, f"{option}={value}")
    assert status == 2
    assert len(err.strip().splitlines()) == 1
    assert option in err


def test_signs_cannot_come_together_within_no_time(run: Run, lake: Lake) -> None:
    status, _, err = run("causes", "--lake", lake.path, "--together", "0s")
    assert (status, err) == (2, "reliability: --together 0s: expected more than 0 s\n")
    with pytest.raises(BadOptionError):
        rel.companions(lake, window_seconds=float("nan"))


def test_one_job_is_judged_in_a_sentence_that_says_how_sure_it_is(run: Run, lake: Lake) -> None:
    status, out, _ = run("causes", "--job", "7", "--lake", lake.path)
    (line,) = [line for line in out.splitlines() if "% sure" in line]
    assert status == 0
    assert line.startswith("Attempt 1 ended by the infrastructure (")
    assert "pcie (pcie:aer_fatal)" in line
    assert "on n1 500 s before its end" in line
    assert "pcie:aer_fatal" in out


def test_the_verdict_of_a_job_takes_its_window_from_the_options(run: Run, lake: Lake) -> None:
    _, out, _ = run("causes", "--job", "7", "--before", "4m", "--lake", lake.path)
    assert "Attempt 1 ended by the user's program (" in out
    assert "no sign on any of its nodes in the window" in out


def test_what_no_node_fail_tells_is_said_to_be_assumed(run: Run, tmp_path: Path) -> None:
    fine = [failed(str(number), state="COMPLETED") for number in range(9)]
    lake = build_lake(tmp_path / "jobs", jobs=[failed("x"), *fine])
    _, out, _ = run("causes", "--job", "x", "--lake", lake.path)
    assert "not known here, half is assumed" in out
    lake = build_lake(tmp_path / "more", jobs=[failed("x"), failed("y", state="NODE_FAIL"), *fine])
    _, out, _ = run("causes", "--job", "x", "--lake", lake.path)
    assert "25% of infrastructure failures leave a sign" in out


@pytest.mark.parametrize("job", ["8", "", HOSTILE, "7' OR '1'='1", "7\n8", "7; DROP TABLE jobs", "\x1b[31m7"])
def test_a_job_that_is_not_there_is_one_line_and_exit_2(job: str, run: Run, lake: Lake) -> None:
    status, out, err = run("causes", "--job", job, "--lake", lake.path)
    assert (status, out) == (2, "")
    assert len(err.strip().splitlines()) == 1
    assert "it needs a job of that id that ran within the log" in err
    assert "\x1b" not in err


def test_a_hostile_job_id_that_is_there_is_judged_and_printed_without_control_codes(run: Run, tmp_path: Path) -> None:
    name = "1\x1b[2J\n2"
    lake = build_lake(tmp_path / "hostile", jobs=[failed(name, state="NODE_FAIL")])
    status, out, _ = run("causes", "--job", name, "--lake", lake.path)
    assert status == 0
    assert "100% sure" in out
    assert "\x1b" not in out


def test_the_text_says_events_and_what_chance_would_join(run: Run, lake: Lake) -> None:
    status, out, err = run("causes", "--lake", lake.path)
    told = out + err
    assert status == 0
    assert "infrastructure failures: 1, in independent events: 1" in told
    assert "nodes whose trouble was joined to another's: 1, by chance: " in told


def test_only_events_of_attempts_as_large_as_asked_for_count(tmp_path: Path) -> None:
    large = {"nodes": ["n1", "n2"], "gpu_count": 16}
    jobs = [
        failed("1", state="NODE_FAIL", gpu_count=8),
        failed("2", state="NODE_FAIL", end_utc=at(7200), **large),
        failed("3", state="NODE_FAIL", end_utc=at(7201), **large),
    ]
    lake = build_lake(tmp_path / "lake", jobs=jobs)
    assert rel.companions(lake).failure_events == 2
    assert rel.companions(lake, min_gpus=8).failure_events == 1
    assert rel.companions(lake, min_gpus=8).events_by_cause == {"unattributed": 1}


def section(lake: Lake) -> Section:
    return failure_section(lake, overview(lake), WHOLE)


def test_the_section_of_the_report_says_what_the_analyses_say(tmp_path: Path) -> None:
    lake = sample_lake(tmp_path / "lake", days=20)
    found, beside, told = rel.causes(lake), rel.companions(lake), section(lake)
    events = f"{beside.failure_events} independent events"
    assert f"{found.infrastructure_failures} infrastructure failures in {events}" in told.text
    assert "unattributed" in told.text
    assert found.definition in told.text
    rows = {row[0]: row for row in told.tables[0].rows}
    assert len(rows) == len(found.causes)
    assert int(rows["GPU memory"][3]) == beside.events_by_cause["gpu_memory"] <= int(rows["GPU memory"][2])
    assert rows["user program"][3] == "–"


def test_the_section_shows_pairs_cascades_programs_xids_and_shared_events(tmp_path: Path) -> None:
    xid = {"symptom": "application", "domain": "user_program", "severity": "info", "code": "xid:31"}
    events = [pcie(-9), {"node": "n1", "time_utc": at(-3)}, {"node": "n1", "time_utc": at(-2), **xid}]
    states = [{"node": node, "from_utc": NOON} for node in ("n1", "n2")]
    told = section(build_lake(tmp_path / "lake", jobs=[failed()], events=events, node_states=states))
    heads = [table.columns[0] for table in told.tables]
    assert heads[1:] == [
        "sign",
        "sign",
        "application Xid (not held against hardware)",
        "event of several nodes (UTC)",
    ]
    assert told.tables[2].rows[0][:3] == ("PCIe", "Xid 79", "1 of 1")


def test_a_lake_that_no_question_suits_gets_a_sentence(tmp_path: Path) -> None:
    told = section(build_lake(tmp_path / "lake", events=[pcie(0)]))
    assert told.is_empty
    assert "nothing can be said about causes" in told.text


def test_the_map_says_how_many_pairs_and_which_intervals(lake: Lake) -> None:
    _, subtitle = headline(rel.companions(lake).figure())
    assert "2 pairs seen" in subtitle
    assert "90% Clopper-Pearson" in subtitle
