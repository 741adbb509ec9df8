"""Every mart on tiny rows, on both engines."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reliability.engines.duckdb_engine import DuckDBEngine
from reliability.lake import create_lake
from reliability.marts import MARTS, Parameters, mart_grain, mart_sql
from reliability.schema import TABLES
from tests.lakes import build_lake
from tests.reliability.conftest import Ask

DAY = 86_400.0


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize("mart", MARTS)
def test_every_mart_states_its_grain(mart: str) -> None:
    assert len(mart_grain(mart)) > 10
    assert not mart_grain(mart).startswith("--")


@pytest.mark.parametrize("mart", MARTS)
def test_every_mart_names_the_relations_it_reads(mart: str) -> None:
    text = mart_sql(mart)
    relations = {*MARTS, *TABLES, "parameters"}
    header = re.search(r"-- inputs: (.*?)\.\n", text, re.DOTALL)
    assert header is not None
    named = set(re.findall(r"\w+", re.sub(r"\(.*?\)", "", header.group(1))))
    body = re.sub(r"--.*", "", text)
    steps = set(re.findall(r"(?:WITH|,)\s+(\w+) AS \(", body))
    assert named == (set(re.findall(r"(?:FROM|JOIN)\s+(\w+)", body)) & relations) - steps


def test_every_mart_answers_on_an_empty_lake(tmp_path: Path) -> None:
    engine = DuckDBEngine(create_lake(tmp_path / "lake"))
    assert {mart: engine.rows(f"SELECT * FROM {mart}") for mart in MARTS} == {mart: [] for mart in MARTS}


def test_exposure_puts_every_second_into_its_worst_state_once(ask: Ask, tmp_path: Path) -> None:
    lake = build_lake(
        tmp_path / "lake",
        observed_from="2026-01-01",
        observed_to="2026-01-03T12:00",
        nodes=[{"node": "n1"}],
        node_states=[
            # two overlapping outages and a drain around them: 06:00-12:00 is down once, 04:00-06:00 drain
            {"node": "n1", "from_utc": "2026-01-01T06:00", "to_utc": "2026-01-01T10:00"},
            {"node": "n1", "from_utc": "2026-01-01T09:00", "to_utc": "2026-01-01T12:00"},
            {"node": "n1", "from_utc": "2026-01-01T04:00", "to_utc": "2026-01-01T08:00", "state": "drain"},
            # planned, across midnight
            {"node": "n1", "from_utc": "2026-01-01T22:00", "to_utc": "2026-01-02T03:00", "planned": True},
            # still down when the log ends
            {"node": "n1", "from_utc": "2026-01-03T11:00", "to_utc": None},
        ],
    )
    hours = ask(
        lake,
        "SELECT CAST(day AS STRING) AS day, in_service_seconds / 3600 AS service, up_seconds / 3600 AS up, "
        "drain_seconds / 3600 AS drain, down_planned_seconds / 3600 AS planned, "
        "down_unplanned_seconds / 3600 AS unplanned FROM exposure ORDER BY day",
    )
    assert [tuple(row.values()) for row in hours] == [
        ("2026-01-01", 24.0, 14.0, 2.0, 2.0, 6.0),
        ("2026-01-02", 24.0, 21.0, 0.0, 3.0, 0.0),
        ("2026-01-03", 12.0, 11.0, 0.0, 0.0, 1.0),
    ]


def test_a_window_cuts_exposure_and_failures_alike(ask: Ask, tmp_path: Path) -> None:
    lake = build_lake(
        tmp_path / "lake",
        nodes=[{"node": "n1"}, {"node": "n2"}],
        node_states=[
            {"node": "n1", "from_utc": "2026-01-05", "to_utc": "2026-01-06"},
            {"node": "n2", "from_utc": "2026-01-25", "to_utc": "2026-01-26"},
        ],
    )
    window = {"window_from_utc": at("2026-01-04"), "window_to_utc": at("2026-01-14")}
    (row,) = ask(lake, "SELECT failures, exposure_days, unavailable_share FROM node_rates", **window)
    assert (row["failures"], row["exposure_days"]) == (1, pytest.approx(20.0))
    assert row["unavailable_share"] == pytest.approx(1 / 20)


def test_a_failure_at_the_border_of_two_windows_counts_in_one(ask: Ask, tmp_path: Path) -> None:
    lake = build_lake(
        tmp_path / "lake",
        nodes=[{"node": "n1"}],
        node_states=[{"node": "n1", "from_utc": "2026-01-11", "to_utc": "2026-01-12"}],
        jobs=[{"nodes": ["n1"], "start_utc": "2026-01-10", "end_utc": "2026-01-11", "state": "NODE_FAIL"}],
    )
    for mart in ("node_rates", "attempt_rates"):
        sql = f"SELECT coalesce(sum(failures), 0) AS failures FROM {mart}"
        assert ask(lake, sql, window_to_utc=at("2026-01-11"))[0]["failures"] == 0
        assert ask(lake, sql, window_from_utc=at("2026-01-11"))[0]["failures"] == 1


def test_overlapping_stays_of_a_node_are_one(ask: Ask, tmp_path: Path) -> None:
    lake = build_lake(
        tmp_path / "lake",
        nodes=[
            {"node": "n1", "from_utc": "2026-01-01"},
            {"node": "n1", "from_utc": "2026-01-10", "to_utc": "2026-01-20"},
            {"node": "n2", "from_utc": "2026-01-01", "to_utc": "2026-01-03"},
            {"node": "n2", "from_utc": "2026-01-05", "to_utc": "2026-01-06"},
        ],
        node_states=[{"node": "n1", "from_utc": "2026-01-11", "to_utc": "2026-01-12"}],
    )
    (row,) = ask(lake, "SELECT failures, exposure_days FROM node_rates")
    assert (row["failures"], row["exposure_days"]) == (1, pytest.approx(31 + 2 + 1))
    assert len(ask(lake, "SELECT * FROM fleet")) == 3


def test_an_outage_that_goes_on_under_a_new_reason_counts_once(ask: Ask, tmp_path: Path) -> None:
    lake = build_lake(
        tmp_path / "lake",
        nodes=[{"node": "n1"}],
        node_states=[
            {"node": "n1", "from_utc": "2026-01-05", "to_utc": "2026-01-06"},
            {"node": "n1", "from_utc": "2026-01-06", "to_utc": "2026-01-07", "continues": True, "reason": "rebooted"},
            {"node": "n1", "from_utc": "2026-01-08", "to_utc": "2026-01-09", "planned": True},
        ],
    )
    (row,) = ask(lake, "SELECT failures, unavailable_share * 31 AS days_down FROM node_rates")
    assert row["failures"] == 1
    assert row["days_down"] == pytest.approx(2)


def test_nodes_without_logged_states_have_no_failure_rate(ask: Ask, tmp_path: Path) -> None:
    lake = build_lake(tmp_path / "lake", jobs=[{"nodes": ["n1"], "start_utc": "2026-01-02", "end_utc": "2026-01-03"}])
    assert ask(lake, "SELECT * FROM node_rates") == []


def test_a_burst_of_lines_is_one_incident(ask: Ask, tmp_path: Path) -> None:
    burst = [
        {"node": "n1", "time_utc": f"2026-01-05T00:{minute:02}", "repeat_ordinal": 0} for minute in range(0, 50, 5)
    ]
    later = {"node": "n1", "time_utc": "2026-01-05T02:00"}
    other_symptom = {"node": "n1", "time_utc": "2026-01-05T00:01", "symptom": "pcie", "severity": "warning"}
    lake = build_lake(tmp_path / "lake", events=[*burst, later, other_symptom])
    rows = ask(lake, "SELECT symptom, event_count, severity FROM incidents ORDER BY symptom, from_utc")
    assert [tuple(row.values()) for row in rows] == [
        ("gpu_unavailable", 10, "critical"),
        ("gpu_unavailable", 1, "critical"),
        ("pcie", 1, "warning"),
    ]


def test_component_rates_use_the_inventory_where_there_is_one(ask: Ask, tmp_path: Path) -> None:
    lake = build_lake(
        tmp_path / "lake",
        components=[
            {
                "component_id": "a",
                "installed_utc": "2026-01-01",
                "removed_utc": "2026-01-11",
                "attributes": {"cage": "0"},
            },
            {
                "component_id": "a",
                "installed_utc": "2026-01-21",
                "removed_utc": "2026-02-01",
                "attributes": {"cage": "2"},
            },
            {
                "component_id": "b",
                "installed_utc": "2026-01-01",
                "removed_utc": "2026-02-01",
                "attributes": {"cage": "2"},
            },
        ],
        events=[
            {"component_id": "a", "time_utc": "2026-01-11", "symptom": "gpu_memory"},
            # recorded twice, and kept twice
            {"component_id": "b", "time_utc": "2026-01-15", "symptom": "gpu_memory", "repeat_ordinal": 0},
            {"component_id": "b", "time_utc": "2026-01-15", "symptom": "gpu_memory", "repeat_ordinal": 1},
        ],
    )
    rows = ask(
        lake, "SELECT group_name, unit, failures, exposure_days FROM component_rates ORDER BY 1", group_by="cage"
    )
    assert [tuple(row.values()) for row in rows] == [("0", "component", 1, 10.0), ("2", "component", 2, 42.0)]


def test_component_rates_without_inventory_count_incidents_per_gpu_day(ask: Ask, tmp_path: Path) -> None:
    lake = build_lake(
        tmp_path / "lake",
        nodes=[{"node": "n1", "gpu_count": 8}, {"node": "n2", "gpu_count": 4}],
        events=[
            {"node": "n1", "time_utc": "2026-01-05T00:00"},
            {"node": "n1", "time_utc": "2026-01-05T00:01"},
            {"node": "n2", "time_utc": "2026-01-05", "symptom": "application", "domain": "user_program"},
            {"node": "n2", "time_utc": "2026-01-06", "component": "nic", "symptom": "ib_link"},
        ],
    )
    (gpu,) = ask(lake, "SELECT unit, failures, exposure_days FROM component_rates", component="gpu")
    assert tuple(gpu.values()) == ("component", 1, 12 * 31.0)
    (nic,) = ask(lake, "SELECT unit, failures, exposure_days FROM component_rates", component="nic")
    assert tuple(nic.values()) == ("node", 1, 2 * 31.0)


def test_a_life_sums_stays_and_ends_with_its_first_failure(ask: Ask, tmp_path: Path) -> None:
    lake = build_lake(
        tmp_path / "lake",
        observed_from="2026-01-01",
        observed_to="2026-02-01",
        components=[
            {"component_id": "moved", "installed_utc": "2026-01-01", "removed_utc": "2026-01-06", "removal": "removed"},
            {"component_id": "moved", "installed_utc": "2026-01-10", "removed_utc": "2026-01-15", "removal": "failed"},
            {"component_id": "old", "installed_utc": "2025-12-22", "removed_utc": "2026-02-01"},
            {"component_id": "young", "installed_utc": "2026-01-20", "removed_utc": "2026-02-01"},
        ],
        events=[
            {"component_id": "moved", "time_utc": "2026-01-15", "symptom": "gpu_memory"},
            {"component_id": "moved", "time_utc": "2026-01-20", "symptom": "pcie"},
        ],
    )
    rows = ask(
        lake,
        "SELECT unit, entry_hours / 24 AS entry, exit_hours / 24 AS exit_days, observed, symptom FROM lifetimes "
        "WHERE component = 'gpu' ORDER BY unit",
    )
    assert [tuple(row.values()) for row in rows] == [
        ("moved", 0.0, 10.0, True, "gpu_memory"),
        ("old", 10.0, 41.0, False, None),
        ("young", 0.0, 12.0, False, None),
    ]


def test_gpus_without_an_inventory_live_in_their_slots(ask: Ask, tmp_path: Path) -> None:
    lake = build_lake(
        tmp_path / "lake",
        nodes=[{"node": "n1", "gpu_count": 3}],
        events=[
            {"node": "n1", "slot": "0000:1b:00", "time_utc": "2026-01-11"},
            {"node": "n1", "slot": "0000:1b:00", "time_utc": "2026-01-21"},
            {"node": "n1", "slot": "0000:2c:00", "time_utc": "2026-01-05", "domain": "user_program"},
        ],
    )
    rows = ask(
        lake, "SELECT unit, exit_hours / 24 AS days, observed FROM lifetimes WHERE component = 'gpu' ORDER BY unit"
    )
    assert [tuple(row.values()) for row in rows] == [
        ("n1/0000:1b:00", 10.0, True),
        ("n1/whole 1", 31.0, False),
        ("n1/whole 2", 31.0, False),
    ]


def test_node_lives_run_between_outages(ask: Ask, tmp_path: Path) -> None:
    lake = build_lake(
        tmp_path / "lake",
        nodes=[{"node": "n1"}, {"node": "n2"}],
        node_states=[
            {"node": "n1", "from_utc": "2026-01-05", "to_utc": "2026-01-07"},
            {"node": "n1", "from_utc": "2026-01-17", "to_utc": "2026-01-18"},
        ],
    )
    rows = ask(
        lake,
        "SELECT unit, exit_hours / 24 AS days, observed FROM lifetimes WHERE component = 'node' ORDER BY unit, days",
    )
    assert [tuple(row.values()) for row in rows] == [
        ("n1", 4.0, True),
        ("n1", 10.0, True),
        ("n1", 14.0, False),
        ("n2", 31.0, False),
    ]


def test_nodes_without_logged_states_have_no_lives(ask: Ask, tmp_path: Path) -> None:
    lake = build_lake(tmp_path / "lake", jobs=[{"nodes": ["n1"], "start_utc": "2026-01-02", "end_utc": "2026-01-03"}])
    assert ask(lake, "SELECT * FROM lifetimes") == []


def test_risk_counts_respect_delayed_entry(ask: Ask, tmp_path: Path) -> None:
    stay = {"removed_utc": "2026-02-01"}
    lake = build_lake(
        tmp_path / "lake",
        components=[
            {**stay, "component_id": "a", "installed_utc": "2026-01-01"},
            {**stay, "component_id": "late", "installed_utc": "2025-12-02"},
            {"component_id": "dead", "installed_utc": "2026-01-01", "removed_utc": "2026-01-21"},
        ],
        events=[{"component_id": "dead", "time_utc": "2026-01-21", "symptom": "gpu_memory"}],
    )
    rows = ask(lake, "SELECT time_hours / 24 AS days, at_risk, events, censored FROM risk_counts ORDER BY time_hours")
    # 'late' is 30 days old when the log begins: it is not at risk at day 20, and at day 31 it is
    assert [tuple(row.values()) for row in rows] == [(20.0, 2, 1, 0), (30.0, 1, 0, 0), (31.0, 2, 0, 1), (61.0, 1, 0, 1)]


def test_daily_adds_up_to_the_fleet(ask: Ask, tmp_path: Path) -> None:
    lake = build_lake(
        tmp_path / "lake",
        nodes=[{"node": "n1"}, {"node": "n2"}],
        node_states=[{"node": "n1", "from_utc": "2026-01-05T12:00", "to_utc": "2026-01-06"}],
    )
    rows = ask(lake, "SELECT * FROM daily ORDER BY day")
    assert len(rows) == 31
    assert sum(row["failures"] for row in rows) == 1
    assert sum(row["in_service_node_days"] for row in rows) == pytest.approx(62)
    assert rows[4]["down_unplanned_node_days"] == pytest.approx(0.5)


def test_parameters_refuse_a_window_that_ends_before_it_begins() -> None:
    from reliability.errors import BadOptionError

    with pytest.raises(BadOptionError, match="--to"):
        Parameters(window_from_utc=at("2026-01-02"), window_to_utc=at("2026-01-01"))
