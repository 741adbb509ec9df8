"""A rate whose failures cluster or drift says so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from reliability.analyses.rates import rates
from tests.lakes import add_ingest, build_lake

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def outages(days: np.ndarray) -> list[dict[str, object]]:
    """One outage per day given, each on a node of its own."""
    return [
        {
            "node": f"n{number}",
            "from_utc": BEGIN + timedelta(days=float(day)),
            "to_utc": BEGIN + timedelta(days=float(day), hours=1),
        }
        for number, day in enumerate(days)
    ]


def test_even_failures_are_no_cause_for_alarm(tmp_path: Path) -> None:
    lake = build_lake(tmp_path / "lake", node_states=outages(np.linspace(0.2, 30.8, 40)))
    assert rates(lake).warnings == ()


def test_failures_that_come_at_once_make_the_interval_too_narrow(tmp_path: Path) -> None:
    bursts = np.repeat([3.0, 14.0, 15.0, 29.0], 10) + np.tile(np.linspace(0, 0.1, 10), 4)
    (warning,) = rates(build_lake(tmp_path / "lake", node_states=outages(bursts))).warnings
    assert "cluster in time" in warning
    assert "too narrow" in warning


def test_a_rate_that_rises_is_an_average(tmp_path: Path) -> None:
    rising = 31 * np.linspace(0.01, 0.99, 40) ** 0.35
    warnings = rates(build_lake(tmp_path / "lake", node_states=outages(rising))).warnings
    assert any("more frequent" in warning for warning in warnings)


def test_each_cluster_is_judged_by_itself(tmp_path: Path) -> None:
    lake = build_lake(tmp_path / "lake", cluster="calm", node_states=outages(np.linspace(0.2, 30.8, 40)))
    add_ingest(lake, cluster="stormy", node_states=outages(np.full(40, 7.0)))
    warnings = rates(lake).warnings
    assert warnings
    assert all("stormy" in warning for warning in warnings)


@pytest.mark.parametrize("of", ["gpu", "attempt"])
def test_components_and_attempts_are_checked_too(of: str, tmp_path: Path) -> None:
    at = [BEGIN + timedelta(days=7, minutes=minute) for minute in range(20)]
    lake = build_lake(
        tmp_path / "lake",
        components=[
            {"component_id": f"g{i}", "installed_utc": "2026-01-01", "removed_utc": "2026-02-01"} for i in range(20)
        ],
        events=[{"component_id": f"g{i}", "time_utc": moment} for i, moment in enumerate(at)],
        jobs=[
            {"nodes": [f"n{i}"], "start_utc": "2026-01-02", "end_utc": moment, "state": "NODE_FAIL"}
            for i, moment in enumerate(at)
        ],
    )
    assert any("cluster in time" in warning for warning in rates(lake, of).warnings)


def test_a_component_that_no_log_speaks_of_has_a_bound_with_a_warning(tmp_path: Path) -> None:
    lake = build_lake(
        tmp_path / "lake", nodes=[{"node": "n1"}], events=[{"node": "n1", "time_utc": "2026-01-05", "component": "gpu"}]
    )
    (group,), (warning,) = rates(lake, "fan").groups, rates(lake, "fan").warnings
    assert (group.failures, group.estimate.mttf_hours) == (0, None)
    assert "no log in the lake speaks of any fan" in warning
    assert rates(lake, "gpu").warnings == ()
