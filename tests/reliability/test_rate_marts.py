"""Who was at risk and what failed: exposure and failures by unit and by period agree with the rates made of them."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from reliability.engines.duckdb_engine import DuckDBEngine
from reliability.errors import BadOptionError
from reliability.marts import Parameters
from tests.lakes import build_lake, sample_lake
from tests.reliability.conftest import Ask

OBSERVED = {"observed_from": "2026-01-31", "observed_to": "2026-02-03"}


def two_nodes(tmp_path: Path):
    return build_lake(
        tmp_path / "lake",
        nodes=[{"node": "n1", "from_utc": "2026-01-01"}, {"node": "n2", "from_utc": "2026-02-01T12:00"}],
        node_states=[
            {"node": "n1", "from_utc": "2026-01-31T22:00", "to_utc": "2026-01-31T23:00"},
            {"node": "n2", "from_utc": "2026-02-02T03:00", "to_utc": "2026-02-02T04:00"},
        ],
        covers=["node_states"],
        **OBSERVED,
    )


def test_exposure_is_cut_at_the_border_of_a_month(ask: Ask, tmp_path: Path) -> None:
    lake = two_nodes(tmp_path)
    rows = ask(lake, "SELECT group_name, failures, exposure_days FROM node_rates ORDER BY 1", group_by="month")
    assert [(row["group_name"], row["failures"], row["exposure_days"]) for row in rows] == [
        ("2026-01", 1, 1.0),
        ("2026-02", 1, 3.5),
    ]


def test_a_quarter_begins_at_midnight_of_the_zone_asked_for(ask: Ask, tmp_path: Path) -> None:
    lake = build_lake(
        tmp_path / "lake",
        node_states=[{"node": "n1", "from_utc": "2026-04-01T02:00", "to_utc": "2026-04-01T03:00"}],
        covers=["node_states"],
        observed_from="2026-03-31",
        observed_to="2026-04-02",
    )
    counted = "SELECT group_name FROM node_failed"
    assert ask(lake, counted, group_by="quarter") == [{"group_name": "2026-Q2"}]
    new_york = {"group_by": "quarter", "calendar_zone": "America/New_York"}
    assert ask(lake, counted, **new_york) == [{"group_name": "2026-Q1"}]
    days = ask(lake, "SELECT group_name, exposure_days FROM node_rates ORDER BY 1", **new_york)
    assert [row["exposure_days"] for row in days] == pytest.approx([28 / 24, 20 / 24])


def test_a_zone_that_nobody_knows_is_refused() -> None:
    with pytest.raises(BadOptionError, match="a time zone such as UTC"):
        Parameters(calendar_zone="Mars/Olympus")


def test_run_time_is_counted_in_the_month_in_which_it_ran(ask: Ask, tmp_path: Path) -> None:
    job = {"nodes": ["n1", "n2"], "start_utc": "2026-01-31", "end_utc": "2026-02-02", "state": "NODE_FAIL"}
    lake = build_lake(tmp_path / "lake", jobs=[job], covers=["jobs"], **OBSERVED)
    rows = ask(lake, "SELECT * FROM attempt_rates ORDER BY group_name", group_by="month")
    assert [(row["group_name"], row["failures"], row["exposure_days"]) for row in rows] == [
        ("2026-01", 0, 2.0),
        ("2026-02", 1, 2.0),
    ]


@pytest.mark.parametrize("kind", ["node", "attempt", "component"])
def test_days_and_units_at_risk_add_up_to_the_rate(kind: str, tmp_path: Path) -> None:
    with closing(DuckDBEngine(sample_lake(tmp_path / "lake"), Parameters(component="gpu"))) as engine:
        engine.name("exposed", f"{kind}_exposed")
        engine.name("failed", f"{kind}_failed")
        (rate,) = engine.rows(f"SELECT failures, exposure_days FROM {kind}_rates")
        assert rate["failures"] > 0
        for question in ("units_at_risk", "days_at_risk"):
            rows = engine.ask(question)
            assert sum(row["failures"] for row in rows) == rate["failures"]
            assert sum(row["exposure_days"] for row in rows) == pytest.approx(rate["exposure_days"])


def test_a_day_at_risk_counts_those_who_were_there_for_as_long_as_they_were(tmp_path: Path) -> None:
    with closing(DuckDBEngine(two_nodes(tmp_path), Parameters())) as engine:
        engine.name("exposed", "node_exposed")
        engine.name("failed", "node_failed")
        days = engine.ask("days_at_risk")
    assert [row["exposure_days"] for row in days] == pytest.approx([1.0, 1.5, 2.0, 0.0])
    assert [row["failures"] for row in days] == [1, 0, 1, 0]
