"""Lives in the engine's hands: risk counts by cause, repairs, and the same figures as in memory; on both engines."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from models.lifetimes.competing_risks import CauseTable, aalen_johansen
from models.lifetimes.survival import RiskTable, risk_table
from tests.lakes import build_lake

from .conftest import Ask


def test_counts_by_cause_add_up_to_the_risk_counts(ask: Ask, tmp_path: Path) -> None:
    stays = [
        {"component_id": name, "installed_utc": begin, "removed_utc": "2026-02-01"}
        for name, begin in [("a", "2026-01-01"), ("b", "2026-01-01"), ("c", "2025-12-02"), ("d", "2026-01-01")]
    ]
    lake = build_lake(
        tmp_path / "lake",
        components=stays,
        events=[
            {"component_id": "a", "time_utc": "2026-01-11", "symptom": "gpu_memory"},
            {"component_id": "b", "time_utc": "2026-01-11", "symptom": "pcie"},
            {"component_id": "c", "time_utc": "2026-01-03", "symptom": "pcie"},
        ],
    )
    causes = ask(
        lake, "SELECT time_hours / 24 AS days, cause, events FROM cause_risk_counts ORDER BY time_hours, cause"
    )
    assert [tuple(row.values()) for row in causes] == [(10.0, "gpu_memory", 1), (10.0, "pcie", 1), (32.0, "pcie", 1)]
    rows = ask(lake, "SELECT time_hours, at_risk, events, censored FROM risk_counts ORDER BY time_hours")
    table = RiskTable(*np.array([tuple(row.values()) for row in rows], dtype=float).T)
    np.testing.assert_allclose(table.time_hours / 24, [10, 30, 31, 32])
    names = ("gpu_memory", "pcie")
    events = [
        [sum(row["events"] for row in causes if (row["days"], row["cause"]) == (time / 24, name)) for name in names]
        for time in table.time_hours
    ]
    found = aalen_johansen(CauseTable(table, names, np.array(events, dtype=float)), "pcie")
    assert found.incidence[-1] == pytest.approx(1 / 3 + 1 / 3)


def test_risk_counts_are_those_of_the_lives_in_memory(ask: Ask, tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    months = ("2026-01", "2025-12", "2025-12")
    stays = [
        {
            "component_id": f"s{number}",
            "installed_utc": f"{months[number % 3]}-{rng.integers(1, 12):02d}T{rng.integers(24):02d}:30",
            "removed_utc": f"2026-01-{rng.integers(15, 30)}T{rng.integers(24):02d}:10",
        }
        for number in range(30)
    ]
    events = [
        {"component_id": f"s{number}", "time_utc": f"2026-01-{rng.integers(13, 15)}T{rng.integers(24):02d}:45"}
        for number in range(0, 30, 2)
    ]
    lake = build_lake(tmp_path / "lake", components=stays, events=events)
    lives = ask(lake, "SELECT entry_hours, exit_hours, observed FROM lifetimes")
    rows = ask(lake, "SELECT time_hours, at_risk, events, censored FROM risk_counts ORDER BY time_hours")
    expected = risk_table(
        *(np.array([row[name] for row in lives]) for name in ("entry_hours", "exit_hours", "observed"))
    )
    assert expected.events.sum() == 15
    for name in ("time_hours", "at_risk", "events", "censored"):
        np.testing.assert_allclose([row[name] for row in rows], getattr(expected, name), err_msg=name)


def test_a_repair_lasts_from_the_beginning_of_an_outage_to_its_end(ask: Ask, tmp_path: Path) -> None:
    lake = build_lake(
        tmp_path / "lake",
        nodes=[{"node": "n1"}, {"node": "n2"}],
        node_states=[
            {"node": "n1", "from_utc": "2026-01-05", "to_utc": "2026-01-07"},
            {"node": "n1", "from_utc": "2026-01-07", "to_utc": "2026-01-08", "continues": True, "reason": "RMA"},
            {"node": "n1", "from_utc": "2026-01-17", "to_utc": "2026-01-18", "planned": True},
            {"node": "n2", "from_utc": "2026-01-20", "to_utc": "2026-01-20"},
            {"node": "n2", "from_utc": "2026-01-30", "to_utc": None, "symptom": "gpu_memory"},
        ],
    )
    rows = ask(
        lake,
        "SELECT exit_hours / 24 AS days, observed, symptom FROM lifetimes WHERE component = 'repair' ORDER BY days",
    )
    assert [tuple(row.values()) for row in rows] == [
        (pytest.approx(0.5 / 86_400), True, "node_unresponsive"),
        (2.0, False, None),
        (3.0, True, "node_unresponsive"),
    ]
